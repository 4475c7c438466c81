"""Contexts: what earlier events said of the task, agent or conversation an event is about.

They are folded from the log alone and kept in memory, so that no read model needs to remember whose
an effect was. What is not known any more, or not yet, is replayed from its stream.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeAlias
from uuid import UUID

from domain.event import RecordedEvent

STREAM_KINDS = frozenset({"agent", "conversation", "session", "task"})
"""Kinds of streams whose events say something about later ones."""

MOST_STREAMS = 50_000
"""Streams that are remembered at once; the one that was named longest ago goes first."""


@dataclass(slots=True)
class EffectContext:
    """A call that awaits its answer: on whose behalf, and of which model or tool."""

    agent: str
    name: str


@dataclass(slots=True)
class TaskContext:
    """What is known of a task before an event.

    Attributes:
        holder: agent that has it.
        sender: agent that passed it to the holder; None while its maker has it.
        delegated_at: times in the domain, as all others; None before it happened.
        effects: calls by id of the effect.
    """

    session_id: UUID
    parent_id: UUID | None
    department: str | None
    holder: str
    created_at: datetime
    sender: str | None = None
    delegated_at: datetime | None = None
    started_at: datetime | None = None
    effects: dict[UUID, EffectContext] = field(default_factory=dict)


@dataclass(slots=True)
class SessionContext:
    """When a session was opened, and what was asked."""

    opened_at: datetime
    request: str


@dataclass(slots=True)
class ConversationContext:
    """Who takes part in a conversation, and who spoke last and when."""

    participants: tuple[str, ...]
    last_speaker: str | None = None
    last_said_at: datetime | None = None

    def other_than(self, speaker: str) -> str | None:
        """Name the other participant; None when there is not exactly one."""
        others = [name for name in self.participants if name != speaker]
        return others[0] if len(others) == 1 else None


@dataclass(slots=True)
class AgentContext:
    """An agent as it is registered."""

    handle: str
    department: str | None


StreamContext: TypeAlias = TaskContext | SessionContext | ConversationContext


class History(Protocol):
    """Reads what happened before; a part of the log."""

    def stream(self, stream: UUID, until: int, /) -> Iterable[RecordedEvent]:
        """Read the events of a stream up to a position."""
        ...

    def agents(self, until: int, /) -> Iterable[RecordedEvent]:
        """Read what was recorded of all agents up to a position."""
        ...


class Contexts:
    """Knows, before an event is handled, what all events before it said.

    Args:
        position: the events up to it count as known; they are read from `history` when needed.
        kinds: kinds of streams whose events are noted from then on.
    """

    def __init__(
        self, history: History, position: int = 0, kinds: frozenset[str] = STREAM_KINDS
    ) -> None:
        self._history = history
        self.kinds = kinds
        self.position = position
        self._streams: dict[UUID, StreamContext] = {}
        self._agents: dict[UUID, AgentContext] = {}
        self._departments: dict[str, str | None] = {}
        for recorded in history.agents(position) if position and "agent" in kinds else ():
            self._note_agent(recorded)

    def task(self, task_id: UUID) -> TaskContext:
        """Tell what is known of a task.

        Raises:
            LookupError: the log holds no beginning of it.
        """
        task: TaskContext = self._known(task_id, TaskContext)
        return task

    def session(self, session_id: UUID) -> SessionContext:
        """Tell what is known of a session; raises as `task` does."""
        session: SessionContext = self._known(session_id, SessionContext)
        return session

    def conversation(self, conversation_id: UUID) -> ConversationContext:
        """Tell what is known of a conversation; raises as `task` does."""
        conversation: ConversationContext = self._known(conversation_id, ConversationContext)
        return conversation

    def agent(self, agent_id: UUID) -> AgentContext:
        """Tell what is known of an agent; raises as `task` does."""
        if agent_id not in self._agents:
            raise LookupError(f"the log holds no registration of the agent {str(agent_id)!r}")
        return self._agents[agent_id]

    def department_of(self, handle: str | None) -> str | None:
        """Name the department of an agent; None for whoever has none."""
        return self._departments.get(handle) if handle is not None else None

    def note(self, recorded: RecordedEvent) -> None:
        """Take an event in, after it was handled."""
        kind = recorded.type
        if kind.startswith("agent."):
            self._note_agent(recorded)
        elif kind in _FOLDS:
            _FOLDS[kind](self, recorded)
        self.position = recorded.position

    def begin(self, stream: UUID, context: StreamContext) -> None:
        """Remember a new stream, and forget the oldest one when there are too many."""
        if len(self._streams) >= MOST_STREAMS:
            del self._streams[next(iter(self._streams))]
        self._streams[stream] = context

    def end(self, stream: UUID) -> None:
        """Forget a stream that has ended."""
        self._streams.pop(stream, None)

    def _known(self, stream: UUID, kind: type[Any]) -> Any:
        context = self._streams.get(stream)
        if context is None:
            context = self._replayed(stream)
        if type(context) is not kind:
            raise LookupError(f"the log holds no beginning of the stream {str(stream)!r}")
        return context

    def _replayed(self, stream: UUID) -> StreamContext | None:
        for recorded in self._history.stream(stream, self.position):
            if recorded.type in _FOLDS and recorded.type not in _ENDS:
                _FOLDS[recorded.type](self, recorded)
        return self._streams.get(stream)

    def _note_agent(self, recorded: RecordedEvent) -> None:
        event: Any = recorded.event
        if recorded.type == "agent.registered":
            self._agents[event.originator_id] = AgentContext(
                event.identity.handle, event.post.department
            )
        elif recorded.type == "agent.changed":
            self._agents[event.originator_id].department = event.post.department
        agent = self._agents[event.originator_id]
        self._departments[agent.handle] = agent.department


def _session_opened(contexts: Contexts, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    contexts.begin(event.originator_id, SessionContext(event.timestamp, event.charter.request))


def _conversation_started(contexts: Contexts, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    contexts.begin(event.originator_id, ConversationContext(tuple(event.participants)))


def _turn_taken(contexts: Contexts, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    conversation = contexts.conversation(event.originator_id)
    conversation.last_speaker = event.turn.speaker
    conversation.last_said_at = event.timestamp


def _task_created(contexts: Contexts, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    assignment = event.assignment
    contexts.begin(
        event.originator_id,
        TaskContext(
            assignment.session_id,
            assignment.parent_id,
            assignment.department,
            event.holder,
            event.timestamp,
        ),
    )


def _task_delegated(contexts: Contexts, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    task = contexts.task(event.originator_id)
    task.holder = event.delegation.to_agent
    task.sender = event.delegation.from_agent
    task.delegated_at = event.timestamp
    task.started_at = None


def _task_started(contexts: Contexts, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    contexts.task(event.originator_id).started_at = event.timestamp


def _model_called(contexts: Contexts, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    effects = contexts.task(event.originator_id).effects
    effects[event.effect_id] = EffectContext(event.agent, event.model)


def _tool_called(contexts: Contexts, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    effects = contexts.task(event.originator_id).effects
    effects[event.effect_id] = EffectContext(event.agent, event.call.tool)


def _ended(contexts: Contexts, recorded: RecordedEvent) -> None:
    contexts.end(recorded.event.originator_id)


_ENDS = (
    "task.completed",
    "task.failed",
    "task.cancelled",
    "session.completed",
    "session.declined",
    "session.failed",
    "session.cancelled",
)

_FOLDS: dict[str, Callable[[Contexts, RecordedEvent], None]] = {
    "session.opened": _session_opened,
    "conversation.started": _conversation_started,
    "conversation.turn_taken": _turn_taken,
    "task.created": _task_created,
    "task.delegated": _task_delegated,
    "task.started": _task_started,
    "task.model_called": _model_called,
    "task.tool_called": _tool_called,
    **dict.fromkeys(_ENDS, _ended),
}

CONTEXT_TYPES = (*_FOLDS, "agent.registered", "agent.changed")
"""Types of events that say something about later ones."""


def context_types(kinds: Collection[str]) -> frozenset[str]:
    """Name the types of events that say something about later ones of some kinds of streams."""
    return frozenset(name for name in CONTEXT_TYPES if name.partition(".")[0] in kinds)
