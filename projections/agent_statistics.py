"""Agent statistics: what each agent was given, did, spent and how long it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on

from domain.event import RecordedEvent
from domain.value import Value
from projections.protocol import Batch, Page, Projection, computed_at, metadata

NAME = "agent_statistics"

agent_facts = sa.Table(
    "agent_facts",
    metadata,
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("session_id", sa.Uuid),
    sa.Column("agent", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("duration_ms", sa.Double),
    sa.Column("input_tokens", sa.BigInteger),
    sa.Column("output_tokens", sa.BigInteger),
    sa.Column("cache_read_tokens", sa.BigInteger),
    sa.Column("cache_write_tokens", sa.BigInteger),
    sa.Column("cost_usd", sa.Numeric),
    sa.Index("agent_facts_by_agent", "agent", "position"),
    comment="What counts for an agent, one row an event; kind says what.",
)

agent_duties = sa.Table(
    "agent_duties",
    metadata,
    sa.Column("subject", sa.Uuid, primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("agent", sa.Text, nullable=False),
    sa.Column("started_at", sa.DateTime(timezone=True)),
    comment="Whose a task or an effect is since a position: answers name the effect alone.",
)


class Duty(NamedTuple):
    """Whose a task or an effect is; `started_at` is when the agent took up the task."""

    agent: str
    started_at: datetime | None = None


class AgentStatisticsView(Value):
    """One agent's figures.

    Attributes:
        model_calls: attempts, repeated ones included.
        cost_usd: US dollars; None when no answer had a price.
        busy_ms: milliseconds its model and tool calls took, added up.
        mean_duration_ms: mean milliseconds from taking up a task to its end; None before the first.
        success_rate: completed out of completed and failed tasks, 0 to 1; None before the first.
        last_used: time of recording of the newest event that counts.
    """

    agent: str
    delegations_received: int
    tasks_completed: int
    tasks_failed: int
    model_calls: int
    tool_calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_usd: Decimal | None
    busy_ms: float
    mean_duration_ms: float | None
    success_rate: float | None
    last_used: datetime


def _created(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    _assign(batch, recorded, event.originator_id, Duty(event.holder))


def _delegated(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    agent = event.delegation.to_agent
    _assign(batch, recorded, event.originator_id, Duty(agent))
    _count(batch, recorded, agent, "delegation")


def _started(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    duty = batch.known[event.originator_id]
    _assign(batch, recorded, event.originator_id, duty._replace(started_at=event.timestamp))


def _called(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    _assign(batch, recorded, event.effect_id, Duty(event.agent))
    _count(batch, recorded, event.agent, recorded.type.removeprefix("task.").removesuffix("ed"))


def _model_answered(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    answer, usage = event.answer, event.answer.usage
    _count(
        batch,
        recorded,
        batch.known[event.effect_id].agent,
        "answer",
        duration_ms=answer.duration_ms,
        cost_usd=answer.cost_usd,
        **usage.model_dump(),
    )


def _tool_answered(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    agent = batch.known[event.effect_id].agent
    _count(batch, recorded, agent, "answer", duration_ms=event.answer.duration_ms)


def _ended(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    duty = batch.known[event.originator_id]
    took = event.timestamp - duty.started_at if duty.started_at else None
    _count(
        batch,
        recorded,
        duty.agent,
        recorded.type.removeprefix("task."),
        duration_ms=took.total_seconds() * 1000 if took is not None else None,
    )


def _assign(batch: Batch, recorded: RecordedEvent, subject: UUID, duty: Duty) -> None:
    batch.known[subject] = duty
    batch.add(agent_duties, recorded, subject=subject, **duty._asdict())


def _count(batch: Batch, recorded: RecordedEvent, agent: str, kind: str, **values: Any) -> None:
    session_id = recorded.envelope.session_id
    batch.add(agent_facts, recorded, session_id=session_id, agent=agent, kind=kind, **values)


def _recall(connection: sa.Connection, events: Sequence[RecordedEvent]) -> Mapping[Any, Any]:
    subjects = {recorded.event.originator_id for recorded in events}
    subjects |= {
        effect_id
        for recorded in events
        if (effect_id := getattr(recorded.event, "effect_id", None)) is not None
    }
    duty = agent_duties.columns
    query = (
        sa.select(duty.subject, duty.agent, duty.started_at)
        .ext(distinct_on(duty.subject))
        .where(duty.subject == sa.any_(sa.cast(list(subjects), sa.ARRAY(sa.Uuid))))
        .order_by(duty.subject, duty.position.desc())
    )
    rows = connection.execute(query)
    return {subject: Duty(agent, started_at) for subject, agent, started_at in rows}


AGENT_STATISTICS = Projection(
    name=NAME,
    version=1,
    tables=(agent_facts, agent_duties),
    handlers={
        "task.created": _created,
        "task.delegated": _delegated,
        "task.started": _started,
        "task.model_called": _called,
        "task.tool_called": _called,
        "task.model_answered": _model_answered,
        "task.tool_answered": _tool_answered,
        "task.completed": _ended,
        "task.failed": _ended,
    },
    recall=_recall,
)


def agent_statistics(
    connection: sa.Connection, *, at: int | None = None, agent: str | None = None
) -> Page[AgentStatisticsView]:
    """Give the figures of all agents that were used up to a position, in order of handle.

    Args:
        at: position of the log; None for now.
        agent: only the agent of this handle.
    """
    position = computed_at(connection, NAME, at)
    fact = agent_facts.columns
    query = (
        sa.select(fact.agent, *_figures())
        .where(fact.position <= position)
        .group_by(fact.agent)
        .order_by(fact.agent)
    )
    if agent is not None:
        query = query.where(fact.agent == agent)
    rows = connection.execute(query).mappings()
    return Page[AgentStatisticsView](
        position=position, items=tuple(AgentStatisticsView(**row) for row in rows)
    )


def _figures() -> list[sa.ColumnElement[Any]]:
    fact = agent_facts.columns

    def number(*kinds: str) -> sa.ColumnElement[int]:
        return sa.func.count().filter(fact.kind.in_(kinds))

    ended = fact.kind.in_(("completed", "failed"))
    tokens = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    busy = sa.func.sum(fact.duration_ms).filter(fact.kind == "answer")
    return [
        number("delegation").label("delegations_received"),
        number("completed").label("tasks_completed"),
        number("failed").label("tasks_failed"),
        number("model_call").label("model_calls"),
        number("tool_call").label("tool_calls"),
        *(sa.func.coalesce(sa.func.sum(fact[name]), 0).label(name) for name in tokens),
        sa.func.sum(fact.cost_usd).label("cost_usd"),
        sa.func.coalesce(busy, 0.0).label("busy_ms"),
        sa.func.avg(fact.duration_ms).filter(ended).label("mean_duration_ms"),
        (
            sa.cast(number("completed"), sa.Double)
            / sa.func.nullif(number("completed", "failed"), 0)
        ).label("success_rate"),
        sa.func.max(fact.recorded_at).label("last_used"),
    ]
