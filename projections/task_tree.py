"""Task tree: every task of a session, who had it, how it stands and what it took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by

from domain.event import RecordedEvent
from domain.spending import Spent, added
from domain.task import TaskStatus
from domain.value import Value
from projections.activity import NAME as ACTIVITY
from projections.activity import activity, whole_activity
from projections.lineage import NAME as LINEAGE
from projections.lineage import Segments, segments_of, within
from projections.protocol import Batch, Projection, computed_at, metadata

NAME = "task_tree"
DETAIL_LENGTH = 500

tasks = sa.Table(
    "tasks",
    metadata,
    sa.Column("task_id", sa.Uuid, primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("session_id", sa.Uuid, nullable=False),
    sa.Column("parent_id", sa.Uuid),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("department", sa.Text),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("depends_on", sa.ARRAY(sa.Uuid), nullable=False),
    sa.Index("tasks_by_session", "session_id", "position"),
    comment="Every task and who made it.",
)

task_starts = sa.Table(
    "task_starts",
    metadata,
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("session_id", sa.Uuid),
    sa.Column("task_id", sa.Uuid, nullable=False),
    sa.Column("agent", sa.Text, nullable=False),
    sa.Index("task_starts_by_task", "task_id", "position"),
    comment="Who took up a task, and when.",
)

task_ends = sa.Table(
    "task_ends",
    metadata,
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("session_id", sa.Uuid),
    sa.Column("task_id", sa.Uuid, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Index("task_ends_by_task", "task_id", "position"),
    comment=(
        "How each task ended, in forks each on its own; detail is the first part of its result, or"
        " the reason."
    ),
)


def _created(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    assignment = event.assignment
    batch.add(
        tasks,
        recorded,
        task_id=event.originator_id,
        session_id=recorded.session_id or assignment.session_id,
        parent_id=assignment.parent_id,
        key=assignment.key,
        title=assignment.title,
        department=assignment.department,
        holder=event.holder,
        depends_on=assignment.depends_on,
    )


def _started(batch: Batch, recorded: RecordedEvent) -> None:
    task = batch.contexts.task(recorded.event.originator_id)
    batch.add(
        task_starts,
        recorded,
        session_id=recorded.session_id,
        task_id=task.task_id,
        agent=task.holder,
    )


def _completed(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    _ended(batch, recorded, event.result.summary)


def _failed(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    _ended(batch, recorded, event.failure.message)


def _cancelled(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    _ended(batch, recorded, event.reason)


def _ended(batch: Batch, recorded: RecordedEvent, detail: str) -> None:
    batch.add(
        task_ends,
        recorded,
        session_id=recorded.session_id,
        task_id=batch.contexts.task(recorded.event.originator_id).task_id,
        outcome=recorded.type.removeprefix("task."),
        detail=detail[:DETAIL_LENGTH],
    )


TASK_TREE = Projection(
    name=NAME,
    version=2,
    tables=(tasks, task_starts, task_ends),
    handlers={
        "task.created": _created,
        "task.started": _started,
        "task.completed": _completed,
        "task.failed": _failed,
        "task.skipped": _failed,
        "task.cancelled": _cancelled,
    },
    contexts=frozenset({"task"}),
)


NOTHING_COUNTED: Mapping[Any, Any] = {
    "receiver": None,
    "is_decomposed": False,
    "working_ms": None,
    **Spent().model_dump(),
}
"""What is known of a task whose events statistics were told to do without."""


class TaskNodeView(Value):
    """A task as it stood, with the tasks it was cut into.

    Attributes:
        agent: handle of the agent that had it.
        detail: first part of its result, or why it failed or was cancelled; empty before.
        created_at: time of recording, as `started_at` and `ended_at`.
        waiting_ms: milliseconds from its creation until an agent took it up, by time of recording;
            None before that.
        working_ms: milliseconds from then to its end, as statistics count them; None before that.
        own: what it took itself.
        inclusive: what it and all tasks below it took.
        tasks: those it was cut into, in order of creation.
    """

    task_id: UUID
    parent_id: UUID | None
    key: str
    title: str
    department: str | None
    depends_on: tuple[UUID, ...]
    status: TaskStatus
    agent: str
    detail: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    waiting_ms: float | None
    working_ms: float | None
    own: Spent
    inclusive: Spent
    tasks: tuple[TaskNodeView, ...] = ()


class TaskTreeView(Value):
    """The tasks of a session as they stood.

    Attributes:
        position: position of the log as of which it holds.
        lag: how many positions that is behind what was asked for.
        tasks: those that no other task was cut into; of a session that is the request, if any.
    """

    session_id: UUID
    position: int
    lag: int
    tasks: tuple[TaskNodeView, ...]


def task_tree(
    connection: sa.Connection, session_id: UUID, *, at: int | None = None
) -> TaskTreeView:
    """Show the tasks of a session as they stood at a position, and what they took up to there.

    What was taken back is not shown, and of a fork what it has from its parent is.

    Args:
        at: position of the log; None for now.
    """
    position, lag = computed_at(connection, NAME, ACTIVITY, LINEAGE, at=at)
    segments = segments_of(connection, session_id, position)
    rows = connection.execute(_tasks(segments)).mappings().all()
    spent = {row["task_id"]: row for row in _spent(connection, segments)}
    below: dict[UUID | None, list[Mapping[Any, Any]]] = {}
    known = {row["task_id"] for row in rows}
    for row in rows:
        parent_id = row["parent_id"] if row["parent_id"] in known else None
        below.setdefault(parent_id, []).append(row)
    tasks = tuple(_node(row, below, spent) for row in below.get(None, ()))
    return TaskTreeView(session_id=session_id, position=position, lag=lag, tasks=tasks)


def _tasks(segments: Segments) -> sa.Select[Any]:
    task, start, end = tasks.columns, task_starts.columns, task_ends.columns
    taken_up = (
        sa.select(sa.func.max(start.recorded_at))
        .where(start.task_id == task.task_id, within(start.session_id, start.position, segments))
        .scalar_subquery()
    )
    return (
        sa.select(
            task.task_id,
            task.parent_id,
            task.key,
            task.title,
            task.department,
            task.depends_on,
            task.holder,
            task.recorded_at.label("created_at"),
            taken_up.label("started_at"),
            end.recorded_at.label("ended_at"),
            end.outcome,
            sa.func.coalesce(end.detail, "").label("detail"),
        )
        .outerjoin_from(
            tasks,
            task_ends,
            (end.task_id == task.task_id) & within(end.session_id, end.position, segments),
        )
        .where(within(task.session_id, task.position, segments))
        .order_by(task.position)
    )


def _spent(connection: sa.Connection, segments: Segments) -> Iterable[Mapping[Any, Any]]:
    """Sum up what each task of a session took, and tell who got it last."""
    # What-ifs have more than one segment, for they are forks.
    fact = (activity if len(segments) == 1 else whole_activity()).columns
    receivers = sa.func.array_agg(aggregate_order_by(fact.agent, fact.position.desc()))
    delegated = receivers.filter(fact.kind.in_(("delegation", "handoff")))
    tokens_in = fact.input_tokens + fact.cache_read_tokens + fact.cache_write_tokens
    query = (
        sa.select(
            fact.task_id,
            sa.type_coerce(delegated, sa.ARRAY(sa.Text))[1].label("receiver"),
            sa.func.bool_or(fact.kind == "task_decomposed").label("is_decomposed"),
            sa.func.max(fact.duration_ms)
            .filter(fact.kind.in_(("task_completed", "task_failed", "task_cancelled")))
            .label("working_ms"),
            sa.func.count().filter(fact.kind == "model_call").label("model_calls"),
            sa.func.count().filter(fact.kind == "tool_call").label("tool_calls"),
            sa.cast(sa.func.coalesce(sa.func.sum(tokens_in), 0), sa.BigInteger).label(
                "input_tokens"
            ),
            sa.cast(sa.func.coalesce(sa.func.sum(fact.output_tokens), 0), sa.BigInteger).label(
                "output_tokens"
            ),
            sa.func.sum(fact.cost_usd).label("cost_usd"),
        )
        .where(within(fact.session_id, fact.position, segments), fact.task_id.is_not(None))
        .group_by(fact.task_id)
    )
    return connection.execute(query).mappings()


def _node(
    row: Mapping[Any, Any],
    below: Mapping[UUID | None, list[Mapping[Any, Any]]],
    spent: Mapping[UUID, Mapping[Any, Any]],
) -> TaskNodeView:
    found = spent.get(row["task_id"], NOTHING_COUNTED)
    own = Spent(**{name: found[name] for name in Spent.model_fields})
    parts = tuple(_node(part, below, spent) for part in below.get(row["task_id"], ()))
    waited = row["started_at"] and row["started_at"] - row["created_at"]
    return TaskNodeView(
        **{name: row[name] for name in row if name in TaskNodeView.model_fields},
        status=_status(row, is_decomposed=found["is_decomposed"]),
        agent=found["receiver"] or row["holder"],
        waiting_ms=waited.total_seconds() * 1000 if waited is not None else None,
        working_ms=found["working_ms"],
        own=own,
        inclusive=added(own, *(part.inclusive for part in parts)),
        tasks=parts,
    )


def _status(row: Mapping[Any, Any], *, is_decomposed: bool) -> TaskStatus:
    if row["outcome"] is not None:
        return TaskStatus(row["outcome"])
    if is_decomposed:
        return TaskStatus.DECOMPOSED
    return TaskStatus.OPEN if row["started_at"] is None else TaskStatus.STARTED
