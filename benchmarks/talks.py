"""Talks: sessions in which the user and Nova take turns, recorded as the engine records them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import accumulate
from uuid import UUID

from application.directory import load_directory
from application.fold import SessionFold
from application.history import read_history, read_lineage
from application.orchestration.journal import Journal
from application.ports import EventLog
from application.sessions import ROOT_KEY
from domain.conversation import USER, Conversation, Turn
from domain.event import RecordedEvent
from domain.policy import Policy
from domain.session import Charter, Session
from domain.task import Assignment, Task
from infrastructure.embedders.vocabulary import vocabulary
from infrastructure.settings import OFFLINE, ROLES
from infrastructure.system import SystemClock, Uuid7Factory

CHARACTERS = 200
REQUEST = "Talk with me"
CLOCK, IDS = SystemClock(), Uuid7Factory()

Exchange = tuple[str, str]
"""What the user says, and what is answered."""


def exchanges(seed: int) -> Iterator[Exchange]:
    """Make texts of 200 characters, of words that are as frequent as in a language."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    words = [word for word in vocabulary() if word.isalpha() and len(word) > 1][:20_000]
    ranks = list(accumulate(1 / rank for rank in range(1, len(words) + 1)))

    def text() -> str:
        drawn = chance.choices(words, cum_weights=ranks, k=CHARACTERS // 3)
        return " ".join(drawn)[:CHARACTERS].strip().ljust(CHARACTERS, ".")

    while True:
        yield text(), text()


class Talk:
    """One session, and the process manager's hold of it."""

    def __init__(self, log: EventLog, fold: SessionFold) -> None:
        self.fold = fold
        self._journal = Journal(log, CLOCK, IDS, fold, _ignore)

    @classmethod
    async def open(cls, log: EventLog, session_id: UUID | None = None) -> Talk:
        """Open a session whose first turn is the user's request."""
        talk = cls(log, SessionFold())
        session_id = session_id or IDS.new()
        root_id, conversation_id = IDS.new(), IDS.new()
        personal, now = load_directory(log).personal.handle, CLOCK.now()
        session = Session.open(session_id, _charter(), root_id, conversation_id, now)
        conversation = Conversation.start(conversation_id, session_id, (USER, personal), now)
        conversation.take_turn(Turn(turn_id=IDS.new(), speaker=USER, text=REQUEST), now)
        assignment = Assignment(
            session_id=session_id,
            parent_id=None,
            key=ROOT_KEY,
            title=REQUEST,
            instruction=REQUEST,
        )
        root = Task.create(root_id, assignment, personal, now)
        for aggregate, actor in ((session, USER), (conversation, USER), (root, personal)):
            talk.fold.hold(aggregate)
            talk._journal.collect(aggregate, actor)
        await talk._journal.flush()
        return talk

    @classmethod
    def take_up(cls, log: EventLog, session_id: UUID) -> Talk:
        """Take up a session that has never been rewound."""
        return cls(log, SessionFold.of(read_history(log, read_lineage(log, session_id))))

    @property
    def session_id(self) -> UUID:
        """Id of the session."""
        return self.fold.session_id

    async def take(self, exchange: Exchange) -> None:
        """Record what the user says, and what Nova answers, in one append.

        Raises:
            VersionConflictError: somebody else appended to the conversation meanwhile.
        """
        conversation = self.fold.conversation
        for speaker, text in zip(conversation.participants, exchange, strict=True):
            model = None if speaker == USER else OFFLINE
            turn = Turn(turn_id=self._journal.new_id(), speaker=speaker, text=text, model=model)
            conversation.take_turn(turn, self._journal.now())
            self._journal.collect(conversation, speaker)
        await self._journal.flush()


def _charter() -> Charter:
    return Charter(
        request=REQUEST,
        input_files=(),
        output_folder="/nowhere",
        models=dict.fromkeys(ROLES, OFFLINE),
        policy=Policy(),
    )


def _ignore(_: RecordedEvent) -> None:
    return None
