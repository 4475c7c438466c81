"""Conversation history: every turn, to page through and to search by words."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR

from domain.event import RecordedEvent
from domain.value import Value
from projections.lineage import NAME as LINEAGE
from projections.lineage import segments_of, taken_back, within
from projections.protocol import Batch, Page, Projection, computed_at, metadata, storable

NAME = "conversation_history"
SEARCHED_LENGTH = 100_000
"""Characters of a turn that are searched: PostgreSQL holds at most 1 MB of words a row."""

QUERY_LENGTH = 2_000
"""Characters of a search that count."""

turns = sa.Table(
    "turns",
    metadata,
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("session_id", sa.Uuid),
    sa.Column("subject", sa.Text),
    sa.Column("conversation_id", sa.Uuid, nullable=False),
    sa.Column("turn_id", sa.Uuid, nullable=False),
    sa.Column("speaker", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("model", sa.Text),
    sa.Column("what_if", sa.Boolean, nullable=False, server_default="false"),
    sa.Column(
        "words",
        TSVECTOR,
        sa.Computed(
            f"to_tsvector('simple'::regconfig, \"left\"(text, {SEARCHED_LENGTH}))", persisted=True
        ),
    ),
    sa.Index("turns_by_conversation", "conversation_id", "position"),
    sa.Index("turns_by_session", "session_id", "position"),
    sa.Index("turns_by_words", "words", postgresql_using="gin"),
    comment="Every turn of every conversation.",
)


class TurnView(Value):
    """A turn.

    Attributes:
        session_id: the session in which it was said; a fork has turns of its parent too.
        said_at: time in the domain.
        model: the model that wrote it, if one did.
        rewound: whether it was taken back.
    """

    position: int
    session_id: UUID | None
    conversation_id: UUID
    turn_id: UUID
    speaker: str
    text: str
    model: str | None
    said_at: datetime
    rewound: bool = False


def _turn_taken(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    conversation = batch.contexts.conversation(event.originator_id)
    batch.add(
        turns,
        recorded,
        said_at=event.timestamp,
        session_id=recorded.session_id,
        subject=recorded.envelope.subject,
        conversation_id=conversation.conversation_id,
        turn_id=event.turn.turn_id,
        speaker=event.turn.speaker,
        text=event.turn.text,
        model=event.turn.model,
        what_if=batch.contexts.is_what_if(recorded.session_id),
    )


CONVERSATION_HISTORY = Projection(
    name=NAME,
    version=2,
    tables=(turns,),
    handlers={"conversation.turn_taken": _turn_taken},
    contexts=frozenset({"conversation"}),
)

_VIEW = [turns.columns[name] for name in TurnView.model_fields if name != "rewound"]


def list_turns(  # noqa: PLR0913 - filters, all by keyword
    connection: sa.Connection,
    *,
    at: int | None = None,
    session_id: UUID | None = None,
    conversation_id: UUID | None = None,
    speaker: str | None = None,
    text: str | None = None,
    rewound: bool = False,
    what_ifs: bool = False,
    after: int = 0,
    limit: int = 50,
) -> Page[TurnView]:
    """List turns up to a position, oldest first.

    Of all sessions, whatever was said is listed, also what was taken back; of one session, its
    history.

    Args:
        at: position of the log; None for now.
        session_id: only turns of this session's history.
        conversation_id: only turns of this conversation.
        speaker: only turns of this agent, or of `USER`.
        text: only turns that hold any of the words of this text, as they stand, letter case aside;
            a text without words finds nothing.
        rewound: of one session, list also what was said in it and taken back.
        what_ifs: of all sessions, list also what was said in what-ifs.
        after: `next` of the page that came before.
    """
    position, lag = computed_at(connection, NAME, LINEAGE, at=at)
    turn = turns.columns
    filters = {"conversation_id": conversation_id, "speaker": speaker}
    told: sa.ColumnElement[bool] = sa.true()
    is_taken_back = taken_back(turn.session_id, turn.position, position)
    if session_id is not None:
        segments = segments_of(connection, session_id, position)
        told = within(turn.session_id, turn.position, segments)
        is_taken_back = ~told
        if rewound:
            told |= turn.session_id == session_id
    elif not what_ifs:
        told = ~turn.what_if
    query = (
        sa.select(*_VIEW, is_taken_back.label("rewound"))
        .where(told, turn.position > after, turn.position <= position)
        .where(*(turn[name] == value for name, value in filters.items() if value is not None))
        .order_by(turn.position)
        .limit(limit + 1)
    )
    if text is not None:
        words = _any_word(storable(text[:QUERY_LENGTH]))
        query = query.where(turn.words.bool_op("@@")(words))
    found = [TurnView(**row) for row in connection.execute(query).mappings()]
    more = len(found) > limit
    return Page[TurnView](
        position=position,
        lag=lag,
        items=tuple(found[:limit]),
        next=found[limit - 1].position if more else None,
    )


def _any_word(text: Any) -> sa.ColumnElement[Any]:
    """Build a query for any of the words: PostgreSQL has a function for all of them only.

    `plainto_tsquery` quotes every word and joins them by ` & `; no word holds white space.
    """
    all_words = sa.cast(sa.func.plainto_tsquery("simple", text), sa.Text)
    return sa.cast(sa.func.replace(all_words, " & ", " | "), TSQUERY)
