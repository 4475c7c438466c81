"""Similar queries: what users asked and what they were told, to be found by words and meaning.

An item is one turn of a conversation with the user: a query of theirs, or an answer to one. What
was taken back can be found, because it was said; what-ifs cannot. What
tells how near two texts are is added to the items elsewhere: see docs/search.md.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.base import ischema_names

from domain.conversation import USER
from domain.event import RecordedEvent
from domain.value import Value
from projections.protocol import Batch, Page, Projection, metadata

NAME = "similar_queries"

VERSION = 1
"""Rises with the version of the word weights too, for they are stored."""

ERASED = "[erased]"
"""What a turn says whose words were erased; there is nothing to find in it."""

SEARCHED_LENGTH = 100_000
"""Characters of a turn whose words and meaning count."""

WEIGHT_DIMENSIONS = 1_000_000_000


class ItemKind(StrEnum):
    """What an item is."""

    QUERY = "query"
    ANSWER = "answer"


class WordWeights(sa.types.UserDefinedType[str]):
    """The weights of a text's words as a `sparsevec` of pgvector.

    Handlers give the text; whoever stores the row weighs its words.
    """

    cache_ok = True

    def __init__(self, dimensions: int | str = WEIGHT_DIMENSIONS) -> None:
        self.dimensions = int(dimensions)

    def get_col_spec(self, **_: Any) -> str:
        """Name the type in SQL."""
        return f"SPARSEVEC({self.dimensions})"


ischema_names["sparsevec"] = WordWeights  # so that SQLAlchemy knows the type in a database


similar_items = sa.Table(
    "similar_items",
    metadata,
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("session_id", sa.Uuid),
    sa.Column("subject", sa.Text),
    sa.Column("conversation_id", sa.Uuid, nullable=False),
    sa.Column("turn_id", sa.Uuid, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("speaker", sa.Text, nullable=False),
    sa.Column("agent", sa.Text),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("words", WordWeights, nullable=False),
    sa.Index("similar_items_by_tenant", "tenant", "position"),
    sa.Index("similar_items_by_session", "session_id", "position"),
    sa.Index("similar_items_by_conversation", "conversation_id", "position"),
    comment="Every query of a user and every answer to one, with the weights of its words.",
)


class SimilarView(Value):
    """An item that was found.

    Attributes:
        kind: `query` or `answer`.
        speaker: handle of the agent who said it, or `USER`.
        agent: the agent who was asked, or who answered.
        said_at: time in the domain.
        text: the item; long ones are cut.
        query: of an answer, what it answers; None where nothing was asked before.
        answer: of a query, what followed; None where nothing had been answered by then.
        score: sum of the parts that its two ranks give; higher is better.
        meaning_rank: its place by meaning, counted from 1; None beyond those that count.
        word_rank: its place by words, as above.
        similarity: cosine between the meanings, -1 to 1; None where it has no vector.
        word_score: what its words score (BM25); 0 where it shares none.
    """

    position: int
    session_id: UUID | None
    conversation_id: UUID
    turn_id: UUID
    kind: ItemKind
    speaker: str
    agent: str | None
    said_at: datetime
    text: str
    query: str | None = None
    query_position: int | None = None
    answer: str | None = None
    answer_position: int | None = None
    score: float
    meaning_rank: int | None = None
    word_rank: int | None = None
    similarity: float | None = None
    word_score: float = 0.0


class SimilarPage(Page[SimilarView]):
    """What was found, best first.

    Attributes:
        model: the embedder that compared meanings; None when words alone were compared.
        meaning_lag: how many positions the vectors are behind; what was said there is found by
            its words alone.
        note: why meanings were not compared, or only in part; empty when all is well.
    """

    model: str | None = None
    meaning_lag: int = 0
    note: str = ""


def _turn_taken(batch: Batch, recorded: RecordedEvent) -> None:
    if batch.contexts.is_what_if(recorded.session_id):
        return
    event: Any = recorded.event
    turn = event.turn
    conversation = batch.contexts.conversation(event.originator_id)
    if USER not in conversation.participants or turn.text == ERASED or not turn.text.strip():
        return
    asks = turn.speaker == USER
    batch.add(
        similar_items,
        recorded,
        said_at=event.timestamp,
        tenant=recorded.envelope.tenant,
        session_id=recorded.envelope.session_id,
        subject=recorded.envelope.subject,
        conversation_id=conversation.conversation_id,
        turn_id=turn.turn_id,
        kind=(ItemKind.QUERY if asks else ItemKind.ANSWER).value,
        speaker=turn.speaker,
        agent=conversation.other_than(USER) if asks else turn.speaker,
        text=turn.text,
        words=turn.text[:SEARCHED_LENGTH],
    )


SIMILAR_QUERIES = Projection(
    name=NAME,
    version=VERSION,
    tables=(similar_items,),
    handlers={"conversation.turn_taken": _turn_taken},
    contexts=frozenset({"conversation"}),
)
