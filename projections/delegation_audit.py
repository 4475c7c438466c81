"""Delegation audit: every decision on who gets a task, out of whom, why, and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from pydantic import AwareDatetime
from sqlalchemy.dialects.postgresql import JSONB

from domain.decision import Candidate, Decision
from domain.event import RecordedEvent
from domain.value import Value
from projections.protocol import Batch, Page, Projection, computed_at, metadata
from projections.task_tree import NAME as TASK_TREE
from projections.task_tree import task_ends, tasks

NAME = "delegation_audit"

Outcome = Literal["open", "completed", "failed", "cancelled"]

delegations = sa.Table(
    "delegations",
    metadata,
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("session_id", sa.Uuid),
    sa.Column("task_id", sa.Uuid, nullable=False),
    sa.Column("decision_id", sa.Uuid, nullable=False),
    sa.Column("from_agent", sa.Text),
    sa.Column("to_agent", sa.Text),
    sa.Column("strategy", sa.Text, nullable=False),
    sa.Column("policy_version", sa.Text, nullable=False),
    sa.Column("confidence", sa.Double, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("candidates", JSONB, nullable=False),
    sa.Column("knowledge_position", sa.BigInteger, nullable=False),
    sa.Index("delegations_by_session", "session_id", "position"),
    sa.Index("delegations_by_task", "task_id", "position"),
    sa.Index("delegations_by_agent", "to_agent", "position"),
    comment="Every decision on a delegation; without to_agent nobody qualified.",
)


class DelegationFilter(Value):
    """Which decisions are asked for; what is None does not matter.

    Attributes:
        agent: handle of the agent that passed the task on, or got it.
        department: key of the department that the plan named for the task.
        outcome: how the task stood at the position asked about.
        since: time of recording, with a zone; decisions at that moment count.
        until: time of recording, with a zone; decisions at that moment do not count.
    """

    session_id: UUID | None = None
    task_id: UUID | None = None
    agent: str | None = None
    department: str | None = None
    strategy: str | None = None
    outcome: Outcome | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


class DelegationView(Value):
    """A decision on a delegation.

    Attributes:
        position: where it stands in the log.
        recorded_at: time of recording.
        to_agent: None when nobody qualified.
        knowledge_position: position of the log up to which the decider knew it.
        outcome: how the task ended; `open` while it has not.
        outcome_detail: first part of its result, or why it failed or was cancelled.
    """

    position: int
    recorded_at: datetime
    session_id: UUID | None
    task_id: UUID
    task_key: str
    task_title: str
    decision_id: UUID
    from_agent: str
    to_agent: str | None
    department: str | None
    strategy: str
    policy_version: str
    confidence: float
    reason: str
    candidates: tuple[Candidate, ...]
    knowledge_position: int
    outcome: Outcome
    outcome_detail: str
    outcome_position: int | None


def _delegated(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    delegation = event.delegation
    _decided(
        batch,
        recorded,
        delegation.decision,
        from_agent=delegation.from_agent,
        to_agent=delegation.to_agent,
    )


def _unplaced(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    _decided(batch, recorded, event.decision)


def _decided(batch: Batch, recorded: RecordedEvent, decision: Decision, **agents: str) -> None:
    batch.add(
        delegations,
        recorded,
        session_id=recorded.session_id,
        task_id=recorded.event.originator_id,
        **decision.model_dump(exclude={"chosen"}),
        **agents,
    )


DELEGATION_AUDIT = Projection(
    name=NAME,
    version=2,
    tables=(delegations,),
    handlers={"task.delegated": _delegated, "task.unplaced": _unplaced},
)


def list_delegations(
    connection: sa.Connection,
    wanted: DelegationFilter | None = None,
    *,
    at: int | None = None,
    after: int = 0,
    limit: int = 50,
) -> Page[DelegationView]:
    """List decisions on delegations up to a position, oldest first.

    Args:
        at: position of the log; None for now.
        after: `next` of the page that came before.
    """
    position, lag = computed_at(connection, NAME, TASK_TREE, at=at)
    query = (
        _audit(position)
        .where(delegations.columns.position > after, delegations.columns.position <= position)
        .where(*_conditions(wanted or DelegationFilter()))
        .order_by(delegations.columns.position)
        .limit(limit + 1)
    )
    found = [DelegationView(**row) for row in connection.execute(query).mappings()]
    more = len(found) > limit
    return Page[DelegationView](
        position=position,
        lag=lag,
        items=tuple(found[:limit]),
        next=found[limit - 1].position if more else None,
    )


def _audit(position: int) -> sa.Select[Any]:
    made, task, end = delegations.columns, tasks.columns, task_ends.columns
    derived = {"from_agent"}
    return (
        sa.select(
            *(column for column in made if column.name not in derived),
            _had_it.label("from_agent"),
            task.key.label("task_key"),
            task.title.label("task_title"),
            task.department,
            _outcome.label("outcome"),
            sa.func.coalesce(end.detail, "").label("outcome_detail"),
            end.position.label("outcome_position"),
        )
        .join_from(delegations, tasks, task.task_id == made.task_id)
        .outerjoin(task_ends, (end.task_id == made.task_id) & (end.position <= position))
    )


def _from_agent() -> sa.ColumnElement[str]:
    """Tell who had the task; where nobody qualified, its last receiver or its maker had it."""
    made = delegations.columns
    earlier = delegations.alias("earlier").columns
    last_receiver = (
        sa.select(earlier.to_agent)
        .where(
            earlier.task_id == made.task_id,
            earlier.position < made.position,
            earlier.to_agent.is_not(None),
        )
        .order_by(earlier.position.desc())
        .limit(1)
        .scalar_subquery()
    )
    return sa.func.coalesce(made.from_agent, last_receiver, tasks.columns.holder)


_had_it = _from_agent()
_outcome = sa.func.coalesce(task_ends.columns.outcome, "open")


def _conditions(wanted: DelegationFilter) -> list[sa.ColumnElement[bool]]:
    made = delegations.columns
    columns: dict[str, sa.ColumnElement[Any]] = {
        "session_id": made.session_id,
        "task_id": made.task_id,
        "department": tasks.columns.department,
        "strategy": made.strategy,
        "outcome": _outcome,
    }
    conditions = [
        column == value
        for name, column in columns.items()
        if (value := getattr(wanted, name)) is not None
    ]
    if wanted.agent is not None:
        conditions.append(sa.or_(_had_it == wanted.agent, made.to_agent == wanted.agent))
    if wanted.since is not None:
        conditions.append(made.recorded_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(made.recorded_at < wanted.until)
    return conditions
