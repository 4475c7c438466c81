"""Session list: every session with its request, its end and what it took."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR

from domain.event import RecordedEvent
from domain.session import SessionStatus
from domain.value import Value
from projections.activity import NAME as ACTIVITY
from projections.activity import activity
from projections.protocol import Batch, Page, Projection, computed_at, metadata, storable

NAME = "session_list"
ANSWER_LENGTH = 200

SEARCHED_LENGTH = 100_000
"""Characters of a request, and of it and the answer, that are searched: PostgreSQL holds at most
1 MB of words a row."""

QUERY_LENGTH = 2_000
"""Characters of a search that count."""


def _words_of(column: str) -> sa.Column[Any]:
    text = f"to_tsvector('simple'::regconfig, \"left\"({column}, {SEARCHED_LENGTH}))"
    return sa.Column("words", TSVECTOR, sa.Computed(text, persisted=True))


sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("session_id", sa.Uuid, primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("request", sa.Text, nullable=False),
    _words_of("request"),
    sa.Index("sessions_by_position", "position", unique=True),
    sa.Index("sessions_by_words", "words", postgresql_using="gin"),
    comment="Every session and when it was opened.",
)

session_ends = sa.Table(
    "session_ends",
    metadata,
    sa.Column("session_id", sa.Uuid, primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("said", sa.Text, nullable=False),
    _words_of("said"),
    sa.Index("session_ends_by_words", "words", postgresql_using="gin"),
    comment="How each session ended; answer is the first line of what the user was told.",
)


class SessionSummaryView(Value):
    """A session in the list.

    Attributes:
        opened_at: time of recording.
        ended_at: time of recording; None while the session runs.
        answer: first line of what the user was told, of a failed session the reason; empty while
            the session runs.
        agents: handles of all agents that were given work or called a model or tool, sorted.
        tasks: tasks of the plan; the request itself does not count.
        model_calls: attempts, repeated ones included.
        input_tokens: all tokens that went in, cached ones included.
        cost_usd: None when no answer had a price.
    """

    session_id: UUID
    position: int
    request: str
    status: SessionStatus
    opened_at: datetime
    ended_at: datetime | None
    answer: str
    agents: tuple[str, ...]
    tasks: int
    model_calls: int
    tool_calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal | None


def _opened(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    batch.add(sessions, recorded, session_id=event.originator_id, request=event.charter.request)


def _ended(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    failure = getattr(event, "failure", None)
    parts = (
        failure and failure.message,
        getattr(event, "answer", ""),
        getattr(event, "reason", ""),
    )
    told = "\n".join(part for part in parts if part)
    asked = batch.contexts.session(event.originator_id).request
    batch.add(
        session_ends,
        recorded,
        session_id=event.originator_id,
        status=recorded.type.removeprefix("session."),
        answer=first_line(told),
        said=f"{asked}\n{told}"[:SEARCHED_LENGTH],
    )


def first_line(text: str) -> str:
    """Give the first line of a Markdown text that says something, without marks of a heading."""
    lines = (line.strip().lstrip("#").strip() for line in text.splitlines())
    return next((line for line in lines if line), "")[:ANSWER_LENGTH]


SESSION_LIST = Projection(
    name=NAME,
    version=2,
    tables=(sessions, session_ends),
    handlers={
        "session.opened": _opened,
        "session.completed": _ended,
        "session.declined": _ended,
        "session.failed": _ended,
        "session.cancelled": _ended,
    },
    contexts=frozenset({"session"}),
)


def list_sessions(  # noqa: PLR0913 - filters, all by keyword
    connection: sa.Connection,
    *,
    at: int | None = None,
    status: SessionStatus | None = None,
    text: str | None = None,
    after: int = 0,
    before: int | None = None,
    limit: int = 50,
) -> Page[SessionSummaryView]:
    """List sessions as they stood at a position, newest first.

    Args:
        at: position of the log; None for now.
        after: only sessions that were opened after this position.
        status: only sessions that stood there.
        text: only sessions whose request and answer hold all its words, letter case aside; a text
            without words finds nothing.
        before: `next` of the page that came before.
    """
    position, lag = computed_at(connection, NAME, ACTIVITY, at=at)
    query = _sessions(after, position, status, before)
    if text is not None:
        query = query.where(_holds(storable(text[:QUERY_LENGTH]), position))
    page = query.limit(limit + 1).cte("page")
    facts = _facts(position, page).cte("facts")
    columns = facts.columns
    totals = (
        sa.select(
            page,
            sa.func.coalesce(columns.agents, sa.cast([], ARRAY(sa.Text))).label("agents"),
            *(
                sa.func.coalesce(columns[name], 0).label(name)
                for name in ("tasks", "model_calls", "tool_calls", "input_tokens", "output_tokens")
            ),
            columns.cost_usd,
        )
        .outerjoin_from(page, facts, columns.session_id == page.columns.session_id)
        .order_by(page.columns.position.desc())
    )
    found = [SessionSummaryView(**row) for row in connection.execute(totals).mappings()]
    more = len(found) > limit
    return Page[SessionSummaryView](
        position=position,
        lag=lag,
        items=tuple(found[:limit]),
        next=found[limit - 1].position if more else None,
    )


def _sessions(
    after: int, position: int, status: SessionStatus | None, before: int | None
) -> sa.Select[Any]:
    opened, ended = sessions.columns, session_ends.columns
    stands = sa.func.coalesce(ended.status, SessionStatus.RUNNING.value)
    query = (
        sa.select(
            opened.session_id,
            opened.position,
            opened.request,
            stands.label("status"),
            opened.recorded_at.label("opened_at"),
            ended.recorded_at.label("ended_at"),
            sa.func.coalesce(ended.answer, "").label("answer"),
        )
        .outerjoin_from(
            sessions,
            session_ends,
            (ended.session_id == opened.session_id) & (ended.position <= position),
        )
        .where(opened.position > after, opened.position <= position)
        .order_by(opened.position.desc())
    )
    if status is not None:
        query = query.where(stands == status.value)
    return query if before is None else query.where(opened.position < before)


def _holds(text: Any, position: int) -> sa.ColumnElement[bool]:
    """Tell whether a request, with the answer if it was given, holds all words of a text."""
    opened, ended = sessions.alias("asked").columns, session_ends.alias("told").columns
    words = sa.func.plainto_tsquery("simple", text)
    found = sa.union(
        sa.select(opened.session_id).where(opened.words.bool_op("@@")(words)),
        sa.select(ended.session_id).where(
            ended.words.bool_op("@@")(words), ended.position <= position
        ),
    )
    return sessions.columns.session_id.in_(found)


def _facts(position: int, page: sa.CTE) -> sa.Select[Any]:
    fact = activity.columns

    def number(kind: str, *conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.count().filter(fact.kind == kind, *conditions)

    def total(*columns: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
        sums = (sa.func.coalesce(sa.func.sum(column), 0) for column in columns)
        return sa.cast(sum(sums, sa.literal(0)), sa.BigInteger)

    worked = fact.kind.in_(("delegation", "model_call", "tool_call"))
    return (
        sa.select(
            fact.session_id,
            sa.func.array_agg(sa.distinct(fact.agent)).filter(worked).label("agents"),
            number("task_created", fact.peer.is_not(None)).label("tasks"),
            number("model_call").label("model_calls"),
            number("tool_call").label("tool_calls"),
            total(fact.input_tokens, fact.cache_read_tokens, fact.cache_write_tokens).label(
                "input_tokens"
            ),
            total(fact.output_tokens).label("output_tokens"),
            sa.func.sum(fact.cost_usd).label("cost_usd"),
        )
        .where(fact.session_id.in_(sa.select(page.columns.session_id)), fact.position <= position)
        .group_by(fact.session_id)
    )
