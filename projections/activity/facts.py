"""Facts of activity: what each event adds."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from domain.effect import Usage
from domain.event import RecordedEvent
from projections.activity.tables import TOKENS, activity, what_if_activity
from projections.contexts import TaskContext
from projections.protocol import Batch, Handler, storable

_TOKENS_OF = attrgetter(*TOKENS)
_NO_TOKENS = (None,) * len(TOKENS)


def _session_begun(batch: Batch, recorded: RecordedEvent) -> None:
    forked = recorded.type == "session.forked"
    batch.add(
        what_if_activity if forked and batch.contexts.begins_what_if(recorded) else activity,
        recorded,
        session_id=recorded.event.originator_id,
        kind=recorded.type.replace(".", "_"),
    )


def _session(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    opened_at = batch.contexts.session(event.originator_id).opened_at
    failure = getattr(event, "failure", None)
    batch.add(
        _table(batch, recorded),
        recorded,
        session_id=event.originator_id,
        kind=recorded.type.replace(".", "_"),
        error=failure.kind.value if failure else None,
        latency_ms=_ms_between(opened_at, event.timestamp),
    )


def _agent(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    if recorded.type == "agent.registered":
        handle, department = event.identity.handle, event.post.department
    else:
        agent = batch.contexts.agent(event.originator_id)
        post = getattr(event, "post", None)
        handle, department = agent.handle, post.department if post else agent.department
    kind = recorded.type.replace(".", "_")
    batch.add(activity, recorded, agent=handle, department=department, kind=kind)


def _task_created(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    task_id, parent = event.originator_id, event.assignment.parent_id
    peer = batch.contexts.holder_in(recorded.session_id, parent) if parent else None
    _add(batch, recorded, "task_created", event.holder, task_id=task_id, peer=peer)


def _delegated(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    delegation = event.delegation
    _add(
        batch,
        recorded,
        "delegation",
        delegation.to_agent,
        task_id=_task(batch, recorded).task_id,
        peer=delegation.from_agent,
        name=delegation.decision.strategy,
    )


def _unplaced(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    task, strategy = _task(batch, recorded), event.decision.strategy
    _add(batch, recorded, "unplaced", task.holder, task_id=task.task_id, name=strategy)


def _handed_off(batch: Batch, recorded: RecordedEvent) -> None:
    task = _task(batch, recorded)
    target = task.handed_to or task.holder
    _add(batch, recorded, "handoff", target, task_id=task.task_id, peer=task.holder)


def _reopened(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    task, error = _task(batch, recorded), event.failure.kind.value
    _add(batch, recorded, "task_reopened", task.holder, task_id=task.task_id, error=error)


def _started(batch: Batch, recorded: RecordedEvent) -> None:
    task = _task(batch, recorded)
    _add(
        batch,
        recorded,
        "task_started",
        task.holder,
        task_id=task.task_id,
        peer=task.sender,
        latency_ms=_ms_between(task.delegated_at, recorded.event.timestamp),
    )


def _decomposed(batch: Batch, recorded: RecordedEvent) -> None:
    task = _task(batch, recorded)
    _add(batch, recorded, "task_decomposed", task.holder, task_id=task.task_id)


def _model_called(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    task_id = _task(batch, recorded).task_id
    _add(batch, recorded, "model_call", event.agent, task_id=task_id, name=event.model)


def _tool_called(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    task_id = _task(batch, recorded).task_id
    _add(batch, recorded, "tool_call", event.agent, task_id=task_id, name=event.call.tool)


def _model_answered(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    answer = event.answer
    task = _task(batch, recorded)
    _add(
        batch,
        recorded,
        "model_answer",
        task.effects[event.effect_id].agent,
        task_id=task.task_id,
        name=answer.model,
        duration_ms=answer.duration_ms,
        usage=answer.usage,
        cost_usd=answer.cost_usd,
    )


def _tool_answered(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    task = _task(batch, recorded)
    effect = task.effects[event.effect_id]
    _add(
        batch,
        recorded,
        "tool_answer",
        effect.agent,
        task_id=task.task_id,
        name=effect.name,
        duration_ms=event.answer.duration_ms,
    )


def _effect_failed(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    task = _task(batch, recorded)
    effect = task.effects[event.effect_id]
    kind = recorded.type.removeprefix("task.").replace("failed", "failure")
    error, name = event.failure.kind.value, effect.name
    _add(batch, recorded, kind, effect.agent, task_id=task.task_id, name=name, error=error)


def _answer_rejected(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    task = _task(batch, recorded)
    effect = task.effects[event.effect_id]
    name = effect.name
    _add(batch, recorded, "answer_rejected", effect.agent, task_id=task.task_id, name=name)


def _ended(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    task = _task(batch, recorded)
    failure = getattr(event, "failure", None)
    _add(
        batch,
        recorded,
        "task_failed" if recorded.type == "task.skipped" else recorded.type.replace(".", "_"),
        task.holder,
        task_id=task.task_id,
        peer=task.sender,
        error=failure.kind.value if failure else None,
        duration_ms=_ms_between(task.started_at, event.timestamp),
        latency_ms=_ms_between(task.delegated_at, event.timestamp),
    )


def _turn(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    speaker = event.turn.speaker
    conversation = batch.contexts.conversation(event.originator_id)
    answered = conversation.last_speaker not in (None, speaker)
    batch.add(
        _table(batch, recorded),
        recorded,
        session_id=recorded.session_id,
        agent=speaker,
        department=batch.contexts.department_of(speaker),
        peer=conversation.other_than(speaker),
        kind="turn",
        latency_ms=_ms_between(conversation.last_said_at, event.timestamp) if answered else None,
    )


def _add(  # noqa: PLR0913 - the columns of a fact
    batch: Batch,
    recorded: RecordedEvent,
    kind: str,
    agent: str,
    *,
    task_id: UUID,
    peer: str | None = None,
    name: str | None = None,
    error: str | None = None,
    duration_ms: float | None = None,
    latency_ms: float | None = None,
    usage: Usage | None = None,
    cost_usd: Decimal | None = None,
) -> None:
    """Add a fact about a task."""
    batch.append(
        _table(batch, recorded),
        [
            recorded.position,
            recorded.recorded_at,
            recorded.session_id,
            task_id,
            storable(agent),
            batch.contexts.department_of(agent),
            peer if peer is None else storable(peer),
            kind,
            name if name is None else storable(name),
            error,
            duration_ms,
            latency_ms,
            *(_NO_TOKENS if usage is None else _TOKENS_OF(usage)),
            cost_usd,
        ],
    )


def _table(batch: Batch, recorded: RecordedEvent) -> sa.Table:
    """Tell where a fact belongs; what-ifs count in no statistics."""
    return what_if_activity if batch.contexts.is_what_if(recorded.session_id) else activity


def _task(batch: Batch, recorded: RecordedEvent) -> TaskContext:
    stream: UUID = recorded.event.originator_id
    return batch.contexts.task(stream)


def _ms_between(start: datetime | None, end: datetime) -> float | None:
    if start is None:
        return None
    return max((end - start).total_seconds(), 0.0) * 1000  # a clock may have been set back


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(("session.opened", "session.forked"), _session_begun),
    **dict.fromkeys(
        (
            "session.resumed",
            "session.paused",
            "session.rewound",
            "session.completed",
            "session.declined",
            "session.failed",
            "session.cancelled",
        ),
        _session,
    ),
    **dict.fromkeys(
        (
            "agent.registered",
            "agent.changed",
            "agent.activated",
            "agent.deactivated",
            "agent.removed",
        ),
        _agent,
    ),
    "task.created": _task_created,
    "task.delegated": _delegated,
    "task.unplaced": _unplaced,
    "task.started": _started,
    "task.handoff_accepted": _handed_off,
    "task.reopened": _reopened,
    "task.decomposed": _decomposed,
    "task.model_called": _model_called,
    "task.model_answered": _model_answered,
    "task.model_failed": _effect_failed,
    "task.answer_rejected": _answer_rejected,
    "task.tool_called": _tool_called,
    "task.tool_answered": _tool_answered,
    "task.tool_failed": _effect_failed,
    "task.completed": _ended,
    "task.failed": _ended,
    "task.skipped": _ended,
    "task.cancelled": _ended,
    "conversation.turn_taken": _turn,
}
