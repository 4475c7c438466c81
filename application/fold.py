"""Session fold: the aggregates of one session, rebuilt from its events up to a position."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast
from uuid import UUID

from domain.conversation import Conversation
from domain.event import RecordedEvent
from domain.session import Session
from domain.task import Task


class SessionFold:
    """Everything a session is, as of `position`.

    Attributes:
        traceparent: place in the trace of whoever opened it; every event of the session keeps it.
    """

    def __init__(self) -> None:
        self.position = 0
        self.opened_position = 0
        self.traceparent: str | None = None
        self.last_event_ids: dict[UUID, UUID] = {}
        self._aggregates: dict[UUID, Any] = {}
        self._session: Session | None = None

    @classmethod
    def of(cls, events: Iterable[RecordedEvent]) -> SessionFold:
        """Fold recorded events, which stand in order of position."""
        fold = cls()
        for recorded in events:
            fold.evolve(recorded)
        return fold

    @property
    def empty(self) -> bool:
        """Whether no event of a session was folded yet."""
        return self._session is None

    @property
    def session(self) -> Session:
        """The session itself; an empty fold has none."""
        if self._session is None:
            raise LookupError("an empty fold has no session")
        return self._session

    @property
    def conversation(self) -> Conversation:
        """The conversation of the user with Nova."""
        return cast("Conversation", self._aggregates[self.session.conversation_id])

    @property
    def root(self) -> Task:
        """The task that is the user's whole request."""
        return self.task(self.session.root_task_id)

    @property
    def tasks(self) -> list[Task]:
        """All tasks in order of creation, the root first."""
        return [value for value in self._aggregates.values() if isinstance(value, Task)]

    @property
    def planned(self) -> list[Task]:
        """The tasks of the plan, in plan order, as far as they exist at this position."""
        if not self.has(self.session.root_task_id):
            return []
        return [self.task(task_id) for task_id in self.root.task_ids.values() if self.has(task_id)]

    def task(self, task_id: UUID) -> Task:
        """Get a task by id."""
        return cast("Task", self._aggregates[task_id])

    def has(self, stream: UUID) -> bool:
        """Tell whether an aggregate exists at this position."""
        return stream in self._aggregates

    def evolve(self, recorded: RecordedEvent) -> None:
        """Take in the next event of the log."""
        stream = recorded.event.originator_id
        aggregate = cast("Any", recorded.event).mutate(self._aggregates.get(stream))
        self.hold(aggregate)
        self.note(recorded)

    def hold(self, aggregate: Session | Task | Conversation) -> None:
        """Take in a new aggregate whose first event is about to be appended."""
        self._aggregates[aggregate.id] = aggregate
        if isinstance(aggregate, Session):
            self._session = aggregate

    def note(self, recorded: RecordedEvent) -> None:
        """Remember where an event that the aggregates already know was recorded."""
        if not self.opened_position:
            self.opened_position = recorded.position
            self.traceparent = recorded.envelope.traceparent
        self.position = recorded.position
        self.last_event_ids[recorded.event.originator_id] = recorded.envelope.event_id
