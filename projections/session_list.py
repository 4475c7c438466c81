"""Session list: every session with its request, its end and what it took."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from domain.event import RecordedEvent
from domain.session import SessionStatus
from domain.value import Value
from projections.protocol import Batch, Page, Projection, computed_at, metadata

NAME = "session_list"
ANSWER_LENGTH = 200

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("session_id", sa.Uuid, primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("request", sa.Text, nullable=False),
    sa.Index("sessions_by_position", "position", unique=True),
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
    comment="How each session ended; answer is the first line of what the user was told.",
)

session_facts = sa.Table(
    "session_facts",
    metadata,
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("session_id", sa.Uuid),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("agent", sa.Text),
    sa.Column("input_tokens", sa.BigInteger),
    sa.Column("output_tokens", sa.BigInteger),
    sa.Column("cost_usd", sa.Numeric),
    sa.Index("session_facts_by_session", "session_id", "position"),
    comment="What counts in a session, one row an event.",
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
    told = failure.message if failure else getattr(event, "answer", "") or event.reason
    batch.add(
        session_ends,
        recorded,
        session_id=event.originator_id,
        status=recorded.type.removeprefix("session."),
        answer=first_line(told),
    )


def _created(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    if event.assignment.parent_id is not None:
        _count(batch, recorded, kind="task")


def _delegated(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    _count(batch, recorded, kind="delegation", agent=event.delegation.to_agent)


def _model_called(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    _count(batch, recorded, kind="model_call", agent=event.agent)


def _tool_called(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    _count(batch, recorded, kind="tool_call", agent=event.agent)


def _model_answered(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    usage = event.answer.usage
    _count(
        batch,
        recorded,
        kind="model_answer",
        input_tokens=usage.context_tokens,
        output_tokens=usage.output_tokens,
        cost_usd=event.answer.cost_usd,
    )


def _count(batch: Batch, recorded: RecordedEvent, **values: Any) -> None:
    batch.add(session_facts, recorded, session_id=recorded.envelope.session_id, **values)


def first_line(text: str) -> str:
    """Give the first line of a Markdown text that says something, without marks of a heading."""
    lines = (line.strip().lstrip("#").strip() for line in text.splitlines())
    return next((line for line in lines if line), "")[:ANSWER_LENGTH]


SESSION_LIST = Projection(
    name=NAME,
    version=1,
    tables=(sessions, session_ends, session_facts),
    handlers={
        "session.opened": _opened,
        "session.completed": _ended,
        "session.declined": _ended,
        "session.failed": _ended,
        "session.cancelled": _ended,
        "task.created": _created,
        "task.delegated": _delegated,
        "task.model_called": _model_called,
        "task.model_answered": _model_answered,
        "task.tool_called": _tool_called,
    },
)


def list_sessions(
    connection: sa.Connection,
    *,
    at: int | None = None,
    status: SessionStatus | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Page[SessionSummaryView]:
    """List sessions as they stood at a position, newest first.

    Args:
        at: position of the log; None for now.
        status: only sessions that stood there.
        before: `next` of the page that came before.
    """
    position = computed_at(connection, NAME, at)
    page = _page(position, status, before, limit + 1).cte("page")
    facts = _facts(position, page).cte("facts")
    columns = facts.columns
    query = (
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
    found = [SessionSummaryView(**row) for row in connection.execute(query).mappings()]
    more = len(found) > limit
    return Page[SessionSummaryView](
        position=position,
        items=tuple(found[:limit]),
        next=found[limit - 1].position if more else None,
    )


def _page(
    position: int, status: SessionStatus | None, before: int | None, limit: int
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
        .where(opened.position <= position)
        .order_by(opened.position.desc())
        .limit(limit)
    )
    if status is not None:
        query = query.where(stands == status.value)
    return query if before is None else query.where(opened.position < before)


def _facts(position: int, page: sa.CTE) -> sa.Select[Any]:
    fact = session_facts.columns

    def number(kind: str) -> sa.ColumnElement[int]:
        return sa.func.count().filter(fact.kind == kind)

    agents = sa.func.array_agg(sa.distinct(fact.agent)).filter(fact.agent.is_not(None))
    return (
        sa.select(
            fact.session_id,
            agents.label("agents"),
            number("task").label("tasks"),
            number("model_call").label("model_calls"),
            number("tool_call").label("tool_calls"),
            sa.func.sum(fact.input_tokens).label("input_tokens"),
            sa.func.sum(fact.output_tokens).label("output_tokens"),
            sa.func.sum(fact.cost_usd).label("cost_usd"),
        )
        .where(fact.session_id.in_(sa.select(page.columns.session_id)), fact.position <= position)
        .group_by(fact.session_id)
    )
