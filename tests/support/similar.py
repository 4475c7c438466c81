"""SimilarSide: a real log, its read models, and similar-query search with embedders of choice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from application.ports import Entry
from domain.conversation import USER, Conversation, Turn
from domain.event import DEFAULT_TENANT, Envelope
from infrastructure.embedders.deterministic import DeterministicEmbedder
from infrastructure.embedders.errors import EmbedderRejectedError, EmbedderUnavailableError
from infrastructure.event_log.log import PostgresEventLog
from infrastructure.event_log.mapper import EventMapper
from infrastructure.similar.search import SimilarRequest, SimilarSearch, open_search_pool
from infrastructure.similar.worker import EmbeddingWorker
from projections.similar_queries import SimilarPage
from tests.support.histories import NOVA
from tests.support.read_side import ReadSide, open_read_side
from tests.support.sealing import MemorySeals

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from infrastructure.database.connection import DatabasePool
    from infrastructure.embedders.port import Embedder


class FailingEmbedder:
    """A deterministic embedder under another name that can be told to fail.

    Attributes:
        unavailable: whether it cannot be used now.
        refused: words that it will never embed.
        calls: how many texts it was given in each call.
    """

    dimensions = DeterministicEmbedder.dimensions

    def __init__(self, name: str = "failing-64-v1") -> None:
        self.name = name
        self.unavailable = False
        self.refused: set[str] = set()
        self.calls: list[int] = []
        self._inner = DeterministicEmbedder()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts, or fail: see the port."""
        self.calls.append(len(texts))
        if self.unavailable:
            raise EmbedderUnavailableError("The embedder sleeps.")
        for index, text in enumerate(texts):
            if self.refused & set(text.split()):
                raise EmbedderRejectedError(f"The embedder refuses {text!r}.", index)
        return self._inner.embed(texts)


class BackwardsEmbedder(FailingEmbedder):
    """Another space of the same dimensions: letters count, and words do not."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed the letters of each text as its words."""
        return super().embed([" ".join(text.replace(" ", "")) for text in texts])


@dataclass
class Talk:
    """A conversation of one user in one session."""

    side: SimilarSide
    session_id: UUID
    conversation: Conversation
    tenant: str
    subject: str | None

    def say(self, speaker: str, text: str) -> int:
        """Let somebody say something, and tell its position."""
        turn = Turn(turn_id=self.side.read_side.ids.new(), speaker=speaker, text=text)
        self.conversation.take_turn(turn, self.side.read_side.clock.now())
        return self.record()

    def ask(self, text: str) -> int:
        """Let the user ask something, and tell its position."""
        return self.say(USER, text)

    def answer(self, text: str) -> int:
        """Let Nova answer, and tell the position."""
        return self.say(NOVA, text)

    def record(self) -> int:
        """Append what is pending."""
        ids = self.side.read_side.ids
        recorded = self.side.read_side.log.append(
            [
                Entry(
                    event,
                    Envelope(
                        event_id=ids.new(),
                        actor=NOVA,
                        correlation_id=self.session_id,
                        session_id=self.session_id,
                        tenant=self.tenant,
                        subject=self.subject,
                    ),
                )
                for event in self.conversation.collect_events()
            ]
        )
        return recorded[-1].position


@dataclass
class SimilarSide:
    """What a test of similar-query search needs.

    Attributes:
        embedders: by their names in the settings.
    """

    read_side: ReadSide
    pool: DatabasePool
    seals: MemorySeals
    embedders: dict[str, Embedder] = field(
        default_factory=lambda: {"deterministic": DeterministicEmbedder()}
    )

    def __post_init__(self) -> None:
        self.engine = SimilarSearch(lambda: self.pool, self.embedder)

    def embedder(self, key: str) -> Embedder:
        """Give an embedder."""
        if key not in self.embedders:
            raise EmbedderUnavailableError(f"There is no {key!r} here.")
        return self.embedders[key]

    def talk(
        self,
        *,
        tenant: str = DEFAULT_TENANT,
        subject: str | None = None,
        session_id: UUID | None = None,
    ) -> Talk:
        """Begin a conversation."""
        ids, clock = self.read_side.ids, self.read_side.clock
        session_id = session_id or ids.new()
        conversation = Conversation.start(ids.new(), session_id, (USER, NOVA), clock.now())
        return Talk(self, session_id, conversation, tenant, subject)

    def worker(self, default: str = "deterministic", wanted: str | None = None) -> EmbeddingWorker:
        """Make a worker."""
        worker = EmbeddingWorker(
            self.read_side.connect, self.embedder, self.engine, default=default, wanted=wanted
        )
        self.read_side.closing.callback(worker.close)
        return worker

    def project(self) -> None:
        """Bring the items up to date, and not their vectors."""
        runner = self.read_side.runner()
        runner.catch_up()
        runner.close()

    def catch_up(self) -> None:
        """Bring items and vectors up to date."""
        self.project()
        worker = self.worker()
        worker.advance()
        worker.close()

    def search(self, text: str, **choices: Any) -> SimilarPage:
        """Search, and know nothing of before."""
        self.engine.look_again()
        return self.engine.search(SimilarRequest(text, **choices))

    def texts(self, text: str, **choices: Any) -> list[str]:
        """Search, and give the texts that were found."""
        return [hit.text for hit in self.search(text, **choices).items]


@contextmanager
def open_similar_side(conninfo: str) -> Iterator[SimilarSide]:
    """Open a migrated database."""
    with open_read_side(conninfo) as read_side, open_search_pool(conninfo, max_size=4) as pool:
        seals = MemorySeals()
        read_side.log = PostgresEventLog(read_side.log._recorder, EventMapper(seals))
        yield SimilarSide(read_side, pool, seals)
