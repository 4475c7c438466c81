"""Delegation audit: every decision on who gets a task, out of whom, why, and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import sqlalchemy as sa
from pydantic import AwareDatetime, Field
from sqlalchemy.dialects.postgresql import JSONB

from domain.decision import Candidate, Decision
from domain.event import RecordedEvent
from domain.spending import Spent
from domain.value import Value
from projections.activity import NAME as ACTIVITY
from projections.lineage import NAME as LINEAGE
from projections.lineage import segments_of, taken_back, within
from projections.protocol import Batch, Page, Projection, computed_at, metadata
from projections.task_spending import NOTHING, spending_of
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
    sa.Column("from_agent", sa.Text, nullable=False),
    sa.Column("to_agent", sa.Text),
    sa.Column("strategy", sa.Text, nullable=False),
    sa.Column("policy_version", sa.Text, nullable=False),
    sa.Column("confidence", sa.Double, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("candidates", JSONB, nullable=False),
    sa.Column("knowledge_position", sa.BigInteger, nullable=False),
    sa.Column("what_if", sa.Boolean, nullable=False, server_default="false"),
    sa.Index("delegations_by_session", "session_id", "position"),
    sa.Index("delegations_by_task", "task_id", "position"),
    sa.Index("delegations_by_agent", "to_agent", "position"),
    comment="Every decision on a delegation; without to_agent nobody qualified.",
)


class DelegationFilter(Value):
    """Which decisions are asked for; what is None does not matter.

    Attributes:
        session_id: decisions of this session's history; else those of all sessions are given, also
            what was taken back.
        agent: handle of the agent that passed the task on, or got it.
        department: key of the department that the plan named for the task.
        outcome: how the task stood at the position asked about.
        policy_version: version of the policy in force.
        confidence_under: only decisions that were less sure than this, from 0 to 1.
        since: time of recording, with a zone; decisions at that moment count.
        until: time of recording, with a zone; decisions at that moment do not count.
        rewound: of one session, give also what was decided in it and taken back.
        what_ifs: of all sessions, give also what was decided in what-ifs.
    """

    session_id: UUID | None = None
    task_id: UUID | None = None
    agent: str | None = None
    department: str | None = None
    strategy: str | None = None
    outcome: Outcome | None = None
    policy_version: str | None = None
    confidence_under: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    rewound: bool = False
    what_ifs: bool = False


class DelegationView(Value):
    """A decision on a delegation.

    Attributes:
        position: where it stands in the log.
        recorded_at: time of recording.
        session_id: the session in which it was made; a fork has decisions of its parent too.
        to_agent: None when nobody qualified.
        knowledge_position: position of the log up to which the decider knew it.
        outcome: how the task ended, in the session that was asked about, else in the one in which
            it was decided; `open` while it has not.
        outcome_detail: first part of its result, or why it failed or was cancelled.
        rewound: whether it was taken back.
        what_if: whether it was made in a what-if.
        working_ms: milliseconds from when an agent took the task up to its end; None before that.
        own: what the task took itself, in this session.
        inclusive: what it and all tasks below it took, in this session.
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
    rewound: bool
    what_if: bool
    working_ms: float | None
    own: Spent
    inclusive: Spent


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
    holder = batch.contexts.task(event.originator_id).holder
    _decided(batch, recorded, event.decision, from_agent=holder)


def _decided(batch: Batch, recorded: RecordedEvent, decision: Decision, **agents: str) -> None:
    batch.add(
        delegations,
        recorded,
        session_id=recorded.session_id,
        task_id=batch.contexts.task(recorded.event.originator_id).task_id,
        what_if=batch.contexts.is_what_if(recorded.session_id),
        **decision.model_dump(exclude={"chosen", "sources"}),
        **agents,
    )


DELEGATION_AUDIT = Projection(
    name=NAME,
    version=3,
    tables=(delegations,),
    handlers={"task.delegated": _delegated, "task.unplaced": _unplaced},
    contexts=frozenset({"task"}),
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
    position, lag = computed_at(connection, NAME, TASK_TREE, ACTIVITY, LINEAGE, at=at)
    wanted = wanted or DelegationFilter()
    query = (
        _audit(connection, wanted, position)
        .where(delegations.columns.position > after, delegations.columns.position <= position)
        .where(*_conditions(wanted))
        .order_by(delegations.columns.position)
        .limit(limit + 1)
    )
    rows = connection.execute(query).mappings().all()
    sessions = {row["session_id"] for row in rows} - {None}
    spent = spending_of(connection, sessions, position)
    found = [
        DelegationView(**row, **spent.get((row["session_id"], row["task_id"]), NOTHING)._asdict())
        for row in rows
    ]
    more = len(found) > limit
    return Page[DelegationView](
        position=position,
        lag=lag,
        items=tuple(found[:limit]),
        next=found[limit - 1].position if more else None,
    )


def _audit(connection: sa.Connection, wanted: DelegationFilter, position: int) -> sa.Select[Any]:
    """Select decisions, each with how its task ended in the history it belongs to."""
    made, task, end = delegations.columns, tasks.columns, task_ends.columns
    if wanted.session_id is None:
        told = sa.true() if wanted.what_ifs else ~made.what_if
        is_taken_back = taken_back(made.session_id, made.position, position)
        has_ended = sa.and_(
            end.session_id.is_not_distinct_from(made.session_id),
            end.position <= position,
            ~taken_back(end.session_id, end.position, position),
        )
    else:
        segments = segments_of(connection, wanted.session_id, position)
        told = within(made.session_id, made.position, segments)
        is_taken_back = ~told
        if wanted.rewound:
            told |= made.session_id == wanted.session_id
        has_ended = within(end.session_id, end.position, segments)
    return (
        sa.select(
            *made,
            task.key.label("task_key"),
            task.title.label("task_title"),
            task.department,
            _outcome.label("outcome"),
            sa.func.coalesce(end.detail, "").label("outcome_detail"),
            end.position.label("outcome_position"),
            is_taken_back.label("rewound"),
        )
        .join_from(delegations, tasks, task.task_id == made.task_id)
        .outerjoin(task_ends, (end.task_id == made.task_id) & has_ended)
        .where(told)
    )


_outcome = sa.func.coalesce(task_ends.columns.outcome, "open")


def _conditions(wanted: DelegationFilter) -> list[sa.ColumnElement[bool]]:
    made = delegations.columns
    columns: dict[str, sa.ColumnElement[Any]] = {
        "task_id": made.task_id,
        "department": tasks.columns.department,
        "strategy": made.strategy,
        "outcome": _outcome,
        "policy_version": made.policy_version,
    }
    conditions = [
        column == value
        for name, column in columns.items()
        if (value := getattr(wanted, name)) is not None
    ]
    if wanted.agent is not None:
        conditions.append(sa.or_(made.from_agent == wanted.agent, made.to_agent == wanted.agent))
    if wanted.confidence_under is not None:
        conditions.append(made.confidence < wanted.confidence_under)
    if wanted.since is not None:
        conditions.append(made.recorded_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(made.recorded_at < wanted.until)
    return conditions
