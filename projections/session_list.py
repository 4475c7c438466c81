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
from projections.activity import activity, whole_activity
from projections.contexts import SESSION_ENDS
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
    sa.Column("parent_id", sa.Uuid),
    sa.Column("forked_at", sa.BigInteger),
    sa.Column("what_if", sa.Boolean, nullable=False, server_default="false"),
    _words_of("request"),
    sa.Index("sessions_by_position", "position", unique=True),
    sa.Index("sessions_by_words", "words", postgresql_using="gin"),
    comment="Every session, when it was opened, and of which one and where it was forked.",
)

session_states = sa.Table(
    "session_states",
    metadata,
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("session_id", sa.Uuid, nullable=False),
    sa.Column("replaces", sa.BigInteger),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("ended_at", sa.DateTime(timezone=True)),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("said", sa.Text, nullable=False),
    _words_of("said"),
    sa.Index("session_states_by_session", "session_id", "position"),
    sa.Index(
        "session_states_by_replaced",
        "replaces",
        unique=True,
        postgresql_where=sa.text("replaces IS NOT NULL"),
    ),
    sa.Index("session_states_by_words", "words", postgresql_using="gin"),
    comment=(
        "How sessions ended, and where rewinds changed that; replaces is the row that no longer"
        " holds, answer the first line of what the user was told."
    ),
)


class SessionSummaryView(Value):
    """A session in the list.

    Status, end and answer are those of its history. What it took counts whatever it did itself,
    also what was taken back, and nothing that it has from its parent.

    Attributes:
        opened_at: time of recording; of a fork, when it was made.
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
    parent_id: UUID | None = None
    forked_at: int | None = None
    what_if: bool = False


def _opened(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    batch.add(
        sessions,
        recorded,
        session_id=event.originator_id,
        request=event.charter.request,
        what_if=False,
    )


def _forked(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    batch.add(
        sessions,
        recorded,
        session_id=event.originator_id,
        request=event.charter.request,
        parent_id=event.origin.session_id,
        forked_at=event.origin.position,
        what_if=batch.contexts.begins_what_if(recorded),
    )
    if event.status is not SessionStatus.RUNNING:
        _add_end_in_force(batch, recorded, event.charter.request, recorded.recorded_at, None)


def _rewound(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    session = batch.contexts.session(event.originator_id)
    former = session.status_position
    if event.status is not SessionStatus.RUNNING:
        _add_end_in_force(batch, recorded, session.request, session.began_at, former)
    elif session.status is not SessionStatus.RUNNING:
        batch.add(
            session_states,
            recorded,
            session_id=event.originator_id,
            replaces=former,
            status=event.status.value,
            answer="",
            said="",
        )


def _add_end_in_force(
    batch: Batch, recorded: RecordedEvent, asked: str, began_at: datetime, replaces: int | None
) -> None:
    """Add that a session stands where an end left it that it has from its parent or is back at."""
    event: Any = recorded.event
    session_id: UUID = event.originator_id
    end = batch.contexts.history.newest(session_id, SESSION_ENDS, recorded.position)
    told = "" if end is None else _told(end.event)
    batch.add(
        session_states,
        recorded,
        session_id=session_id,
        replaces=replaces,
        status=event.status.value,
        ended_at=began_at if end is None else max(end.recorded_at, began_at),
        answer=first_line(told),
        said=_searched(asked, told),
    )


def _ended(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    session, told = batch.contexts.session(event.originator_id), _told(event)
    batch.add(
        session_states,
        recorded,
        session_id=event.originator_id,
        replaces=session.status_position,
        status=recorded.type.removeprefix("session."),
        ended_at=recorded.recorded_at,
        answer=first_line(told),
        said=_searched(session.request, told),
    )


def _told(end: Any) -> str:
    failure = getattr(end, "failure", None)
    parts = (
        failure and failure.message,
        getattr(end, "answer", ""),
        getattr(end, "reason", ""),
    )
    return "\n".join(part for part in parts if part)


def _searched(asked: str, told: str) -> str:
    return f"{asked}\n{told}"[:SEARCHED_LENGTH]


def first_line(text: str) -> str:
    """Give the first line of a Markdown text that says something, without marks of a heading."""
    lines = (line.strip().lstrip("#").strip() for line in text.splitlines())
    return next((line for line in lines if line), "")[:ANSWER_LENGTH]


SESSION_LIST = Projection(
    name=NAME,
    version=3,
    tables=(sessions, session_states),
    handlers={
        "session.opened": _opened,
        "session.forked": _forked,
        "session.rewound": _rewound,
        **dict.fromkeys(SESSION_ENDS, _ended),
    },
    contexts=frozenset({"session"}),
)


def list_sessions(  # noqa: PLR0913 - filters, all by keyword
    connection: sa.Connection,
    *,
    at: int | None = None,
    status: SessionStatus | None = None,
    text: str | None = None,
    what_ifs: bool = False,
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
        what_ifs: list what-ifs too.
        before: `next` of the page that came before.
    """
    position, lag = computed_at(connection, NAME, ACTIVITY, at=at)
    query = _sessions(after, position, status, before)
    if not what_ifs:
        query = query.where(~sessions.columns.what_if)
    if text is not None:
        query = query.where(_holds(storable(text[:QUERY_LENGTH]), position))
    page = query.limit(limit + 1).cte("page")
    facts = _facts(whole_activity() if what_ifs else activity, position, page).cte("facts")
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


def states(position: int) -> sa.Subquery:
    """Select how sessions stood at a position; one that is not there was running since it began."""
    state, later = session_states.columns, session_states.alias("later").columns
    replaced = sa.exists().where(
        later.replaces.is_not(None),  # says that these are few
        later.replaces == state.position,
        later.position <= position,
    )
    return sa.select(session_states).where(state.position <= position, ~replaced).subquery("states")


def runs(position: int) -> sa.ColumnElement[bool]:
    """Tell whether a session of `sessions` was running at a position."""
    state = states(position).columns
    return ~sa.exists().where(
        state.session_id == sessions.columns.session_id,
        state.status != SessionStatus.RUNNING.value,
    )


def _sessions(
    after: int, position: int, status: SessionStatus | None, before: int | None
) -> sa.Select[Any]:
    opened, ended = sessions.columns, (state := states(position)).columns
    stands = sa.func.coalesce(ended.status, SessionStatus.RUNNING.value)
    query = (
        sa.select(
            opened.session_id,
            opened.position,
            opened.request,
            stands.label("status"),
            opened.recorded_at.label("opened_at"),
            ended.ended_at,
            sa.func.coalesce(ended.answer, "").label("answer"),
            opened.parent_id,
            opened.forked_at,
            opened.what_if,
        )
        .outerjoin_from(sessions, state, ended.session_id == opened.session_id)
        .where(opened.position > after, opened.position <= position)
        .order_by(opened.position.desc())
    )
    if status is SessionStatus.RUNNING:
        query = query.where(runs(position))
    elif status is not None:
        query = query.where(ended.status == status.value)
    return query if before is None else query.where(opened.position < before)


def _holds(text: Any, position: int) -> sa.ColumnElement[bool]:
    """Tell whether a request, with the answer if it was given, holds all words of a text."""
    opened, ended = sessions.alias("asked").columns, states(position).columns
    words = sa.func.plainto_tsquery("simple", text)
    found = sa.union(
        sa.select(opened.session_id).where(opened.words.bool_op("@@")(words)),
        sa.select(ended.session_id).where(ended.words.bool_op("@@")(words)),
    )
    return sessions.columns.session_id.in_(found)


def _facts(source: sa.FromClause, position: int, page: sa.CTE) -> sa.Select[Any]:
    fact = source.columns

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
