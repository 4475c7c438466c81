"""Memory: keeps the contexts of the streams that were named lately."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from domain.event import RecordedEvent
from projections.contexts.folding import (
    ALL_KINDS,
    BEGINNINGS,
    CHANGES,
    COURSES,
    ENDS,
    OF_SESSIONS,
    folded,
)
from projections.contexts.history import History
from projections.contexts.values import (
    STRAIGHT,
    AgentContext,
    ConversationContext,
    Course,
    SessionContext,
    StreamContext,
    TaskContext,
)

MOST_STREAMS = 50_000
"""Streams that are remembered at once; the one that was named longest ago goes first."""


class Contexts:
    """Knows, before an event is handled, what all events before it said.

    Args:
        position: the events up to it count as known; they are read from `history` when needed.
        kinds: what the events are about that are noted from then on.

    Attributes:
        position: of the event before the one that is handled.
        history: for what no context tells.
    """

    def __init__(
        self, history: History, position: int = 0, kinds: frozenset[str] = ALL_KINDS
    ) -> None:
        self.history = history
        self.kinds = kinds
        self.position = position
        self._streams: dict[UUID, StreamContext] = {}
        self._courses: dict[UUID, Course] = {}
        self._agents: dict[UUID, AgentContext] = {}
        self._departments: dict[str, str | None] = {}
        for recorded in history.agents(position) if position and "agent" in kinds else ():
            self._note_agent(recorded)

    def task(self, stream: UUID) -> TaskContext:
        """Tell what is known of the task of a stream.

        Raises:
            LookupError: the log holds no beginning of it.
        """
        task: TaskContext = self._known(stream, TaskContext)
        return task

    def session(self, session_id: UUID) -> SessionContext:
        """Tell what is known of a session; raises as `task` does."""
        session: SessionContext = self._known(session_id, SessionContext)
        return session

    def conversation(self, stream: UUID) -> ConversationContext:
        """Tell what is known of the conversation of a stream; raises as `task` does."""
        conversation: ConversationContext = self._known(stream, ConversationContext)
        return conversation

    def holder_in(self, session_id: UUID | None, task_id: UUID) -> str:
        """Name who has a task as a session knows it, which may have it from its parent.

        Raises:
            LookupError: the session's history holds no beginning of it.
        """
        if session_id is None or self._course(session_id).is_straight:
            return self.task(task_id).holder
        task = self._in_history(session_id, task_id)
        if not isinstance(task, TaskContext):
            raise _missing(task_id)
        return task.holder

    def is_what_if(self, session_id: UUID | None) -> bool:
        """Tell whether a session is a what-if; what belongs to no session is none."""
        if session_id is None:
            return False
        return (self._courses.get(session_id) or self._course(session_id)).is_what_if

    def begins_what_if(self, forked: RecordedEvent) -> bool:
        """Tell whether a fork that begins here is a what-if."""
        event: Any = forked.event
        return event.what_if or self.is_what_if(event.origin.session_id)

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
        if kind in COURSES:
            self._note_course(recorded)
        if kind in CHANGES:
            change, of = CHANGES[kind]
            if of is not SessionContext or "session" in self.kinds:
                change(self._known(recorded.event.originator_id, of), recorded)
        elif kind in BEGINNINGS:
            self._remember(recorded.event.originator_id, BEGINNINGS[kind](recorded))
        elif kind.startswith("agent."):
            self._note_agent(recorded)
        if kind in ENDS:
            self._streams.pop(recorded.event.originator_id, None)
        self.position = recorded.position

    def _known(self, stream: UUID, kind: type[Any]) -> Any:
        context = self._streams.get(stream)
        if context is None:
            context = self._replayed(stream)
        if type(context) is not kind:
            raise _missing(stream)
        return context

    def _remember(self, stream: UUID, context: StreamContext) -> None:
        """Remember a stream, and forget the oldest one when there are too many."""
        if type(context) is SessionContext and "session" not in self.kinds:
            return
        if len(self._streams) >= MOST_STREAMS:
            del self._streams[next(iter(self._streams))]
        self._streams[stream] = context

    def _replayed(self, stream: UUID) -> StreamContext | None:
        events = list(self.history.stream(stream, self.position))
        if not events:
            return None
        begun, session_id = events[0], events[0].session_id
        context: StreamContext | None
        if begun.type in OF_SESSIONS or session_id is None or self._course(session_id).is_straight:
            context = folded(events)
        else:
            origin: UUID = getattr(begun.event, "origin", stream)
            context = self._in_history(session_id, origin)
        if context is not None:
            self._remember(stream, context)
        return context

    def _in_history(self, session_id: UUID, aggregate_id: UUID) -> StreamContext | None:
        """Tell what a session's history says of a task or conversation.

        Nobody worked or waited from where it went back to until it did: what began before counts
        as begun then.
        """
        context = folded(self.history.aggregate(session_id, aggregate_id, self.position))
        turned_at = self._course(session_id).turned_at
        if isinstance(context, TaskContext):
            context.session_id = session_id
            context.delegated_at = _latest(context.delegated_at, turned_at)
            context.started_at = _latest(context.started_at, turned_at)
        elif isinstance(context, ConversationContext):
            context.session_id = session_id
            context.last_said_at = _latest(context.last_said_at, turned_at)
        return context

    def _course(self, session_id: UUID) -> Course:
        course = self._courses.get(session_id)
        if course is None:
            course = STRAIGHT
            for recorded in self.history.turnings(session_id, self.position):
                course = self._turned(course, recorded)
            self._keep_course(session_id, course)
        return course

    def _turned(self, course: Course, recorded: RecordedEvent) -> Course:
        is_what_if = course.is_what_if
        if recorded.type == "session.forked":
            is_what_if = self.begins_what_if(recorded)
        event: Any = recorded.event
        return Course(is_straight=False, is_what_if=is_what_if, turned_at=event.timestamp)

    def _keep_course(self, session_id: UUID, course: Course) -> None:
        if len(self._courses) >= MOST_STREAMS:
            del self._courses[next(iter(self._courses))]
        self._courses[session_id] = course

    def _note_course(self, recorded: RecordedEvent) -> None:
        session_id = recorded.event.originator_id
        course = STRAIGHT
        if recorded.type == "session.rewound":
            course = self._course(session_id)
            # What was taken back is no longer so; whatever goes on is replayed from the history.
            for stream in [
                stream
                for stream, context in self._streams.items()
                if not isinstance(context, SessionContext) and context.session_id == session_id
            ]:
                del self._streams[stream]
        if recorded.type != "session.opened":
            course = self._turned(course, recorded)
        self._keep_course(session_id, course)

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


def _missing(stream: UUID) -> LookupError:
    return LookupError(f"the log holds no beginning of the stream {str(stream)!r}")


def _latest(moment: datetime | None, turned_at: datetime | None) -> datetime | None:
    return moment if moment is None or turned_at is None else max(moment, turned_at)
