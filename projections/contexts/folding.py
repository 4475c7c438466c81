"""Folding: which events say something about later ones, and what."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from domain.event import RecordedEvent
from domain.session import SessionStatus
from projections.contexts.values import (
    ConversationContext,
    EffectContext,
    SessionContext,
    StreamContext,
    TaskContext,
)

ALL_KINDS = frozenset({"agent", "conversation", "effect", "session", "task"})
"""What earlier events may be about; an effect is a call that a task awaits the answer of."""


def folded(events: Iterable[RecordedEvent]) -> StreamContext | None:
    """Fold what is to be known from events that begin with the first of a stream or aggregate."""
    context: StreamContext | None = None
    for recorded in events:
        if recorded.type in BEGINNINGS:
            context = BEGINNINGS[recorded.type](recorded)
        elif recorded.type in CHANGES and context is not None:
            CHANGES[recorded.type][0](context, recorded)
    return context


def _session_opened(recorded: RecordedEvent) -> SessionContext:
    event: Any = recorded.event
    return SessionContext(event.timestamp, recorded.recorded_at, event.charter.request)


def _session_forked(recorded: RecordedEvent) -> SessionContext:
    event: Any = recorded.event
    session = _session_opened(recorded)
    session.stand(event.status, recorded.position)
    return session


def _conversation_started(recorded: RecordedEvent) -> ConversationContext:
    event: Any = recorded.event
    return ConversationContext(event.originator_id, recorded.session_id, tuple(event.participants))


def _task_created(recorded: RecordedEvent) -> TaskContext:
    event: Any = recorded.event
    return TaskContext(
        event.originator_id,
        recorded.session_id,
        event.assignment.parent_id,
        event.assignment.department,
        event.holder,
        event.timestamp,
    )


def _turn_taken(conversation: ConversationContext, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    conversation.last_speaker = event.turn.speaker
    conversation.last_said_at = event.timestamp


def _task_delegated(task: TaskContext, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    task.holder = event.delegation.to_agent
    task.sender = event.delegation.from_agent
    task.delegated_at = event.timestamp
    task.started_at = None


def _task_started(task: TaskContext, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    task.started_at = event.timestamp


def _task_reopened(task: TaskContext, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    task.holder = event.holder
    task.started_at = None


def _handoff_requested(task: TaskContext, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    task.handed_to = event.handoff.to_agent


def _handoff_accepted(task: TaskContext, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    task.sender, task.holder = task.holder, task.handed_to or task.holder
    task.delegated_at = task.started_at = event.timestamp


def _model_called(task: TaskContext, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    task.effects[event.effect_id] = EffectContext(event.agent, event.model)


def _tool_called(task: TaskContext, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    task.effects[event.effect_id] = EffectContext(event.agent, event.call.tool)


def _session_rewound(session: SessionContext, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    session.stand(event.status, recorded.position)


def _session_ended(session: SessionContext, recorded: RecordedEvent) -> None:
    session.stand(SessionStatus(recorded.type.removeprefix("session.")), recorded.position)


SESSION_ENDS = ("session.completed", "session.declined", "session.failed", "session.cancelled")
TASK_ENDS = ("task.completed", "task.failed", "task.skipped", "task.cancelled")

ENDS = frozenset((*TASK_ENDS, *SESSION_ENDS))
"""What need not be remembered any longer."""

COURSES = frozenset(("session.opened", "session.forked", "session.rewound"))
EFFECTS = frozenset(("task.model_called", "task.tool_called"))
OF_SESSIONS = frozenset(("session.opened", "session.forked"))

BEGINNINGS: dict[str, Callable[[RecordedEvent], StreamContext]] = {
    "session.opened": _session_opened,
    "session.forked": _session_forked,
    "conversation.started": _conversation_started,
    "task.created": _task_created,
}

CHANGES: dict[str, tuple[Callable[[Any, RecordedEvent], None], type[StreamContext]]] = {
    "session.rewound": (_session_rewound, SessionContext),
    **dict.fromkeys(SESSION_ENDS, (_session_ended, SessionContext)),
    "conversation.turn_taken": (_turn_taken, ConversationContext),
    "task.delegated": (_task_delegated, TaskContext),
    "task.started": (_task_started, TaskContext),
    "task.reopened": (_task_reopened, TaskContext),
    "task.handoff_requested": (_handoff_requested, TaskContext),
    "task.handoff_accepted": (_handoff_accepted, TaskContext),
    "task.model_called": (_model_called, TaskContext),
    "task.tool_called": (_tool_called, TaskContext),
}

CONTEXT_TYPES = (
    *BEGINNINGS,
    *CHANGES,
    *TASK_ENDS,
    "conversation.continued",
    "task.continued",
    "agent.registered",
    "agent.changed",
)
"""Types of events that say something about later ones."""


def context_types(kinds: Collection[str]) -> frozenset[str]:
    """Name the types of events that say something about later ones of some kinds."""
    named = {
        name
        for name in CONTEXT_TYPES
        if ("effect" if name in EFFECTS else name.partition(".")[0]) in kinds
    }
    return frozenset(named | COURSES if named else named)
