"""Session fold: the aggregates of one session, rebuilt from its events up to a position."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from typing import Any, TypeVar, cast
from uuid import UUID, uuid5

from application.evolving import apply, without_collector
from domain.approval import Approval
from domain.conversation import Conversation
from domain.event import RecordedEvent
from domain.session import Origin, Session
from domain.task import Task
from domain.workflow import Terms

MARKERS = frozenset({Task.Continued, Conversation.Continued, Approval.Continued})
"""Events with which a fork begins a stream for an aggregate of its parent; they change nothing."""

HOLDING = frozenset({Session.Forked, Session.Rewound, Session.Paused, Session.Resumed})
"""Events that put a session on hold, and the one that takes it up again."""


def stream_in(session_id: UUID, aggregate_id: UUID) -> UUID:
    """Name the stream in which a fork goes on with an aggregate of its parent.

    It follows from the two ids (UUIDv5), so that two who go on with it at once meet.
    """
    return uuid5(session_id, aggregate_id.bytes.hex())


class SessionFold:
    """Everything a session is, as of `position`.

    Aggregates know nothing of rewinds and forks: their versions count the events of the history. In
    the log, an aggregate that a fork goes on with has a stream of its own, and versions in a stream
    count what was taken back too; the fold translates.

    Attributes:
        traceparent: place in the trace of whoever opened it; every event of the session keeps it.
        opened_position: where the session was opened, of a fork the one it began with.
        origin: where it left its parent; None for a session that is no fork.
        what_if: whether it, or one that it began with, is a what-if.
        length: how many events were folded.
        on_hold: whether it was rewound, forked or paused, and nobody has taken it up since.
        terms: of tasks, by id, as far as they were looked up and stay as they are.
    """

    def __init__(self) -> None:
        self.position = 0
        self.length = 0
        self.opened_position = 0
        self.traceparent: str | None = None
        self.origin: Origin | None = None
        self.what_if = False
        self.on_hold = False
        self.terms: dict[UUID, Terms] = {}
        self._aggregates: dict[UUID, Any] = {}
        self._tasks: list[Task] = []
        self._session: Session | None = None
        self._session_id: UUID | None = None
        self._latest: dict[UUID, RecordedEvent] = {}
        self._causes: dict[UUID, UUID] = {}
        self._heads: dict[UUID, int] = {}
        self._inherited: dict[UUID, UUID] = {}
        self._origins: dict[UUID, UUID] = {}
        self._approvals: dict[UUID, list[UUID]] = {}

    @classmethod
    def of(cls, events: Iterable[RecordedEvent]) -> SessionFold:
        """Fold the events of a history, in their order."""
        return cls().take_in(events)

    def take_in(self, events: Iterable[RecordedEvent]) -> SessionFold:
        """Fold what follows in the history, in its order."""
        evolve = self.evolve
        with without_collector():
            for recorded in events:
                evolve(recorded)
        return self

    def copy(self) -> SessionFold:
        """Make a fold of the same events that goes its own way; values are shared, they are frozen.

        Aggregates with events that are not recorded yet cannot be copied.
        """
        made = _copied(self)
        aggregates = {key: _copied(value) for key, value in self._aggregates.items()}
        vars(made)["_aggregates"] = aggregates
        vars(made)["_tasks"] = [aggregates[task.id] for task in self._tasks]
        if self._session is not None:
            vars(made)["_session"] = aggregates[self._session.id]
        return made

    @property
    def empty(self) -> bool:
        """Whether no event of a session was folded yet."""
        return self._session is None

    @property
    def session(self) -> Session:
        """The session itself; an empty fold has none.

        A fork shares the aggregate of the session that it began with, so its id is `session_id`.
        """
        if self._session is None:
            raise LookupError("an empty fold has no session")
        return self._session

    @property
    def session_id(self) -> UUID:
        """Id of the session, of a fork its own."""
        return self._session_id or self.session.id

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
        return [*self._tasks]

    @property
    def planned(self) -> list[Task]:
        """The tasks of the plan, in plan order, as far as they exist at this position."""
        if not self.has(self.session.root_task_id):
            return []
        return [self.task(task_id) for task_id in self.root.task_ids.values() if self.has(task_id)]

    def task(self, task_id: UUID) -> Task:
        """Get a task by id."""
        return cast("Task", self._aggregates[task_id])

    @property
    def approvals(self) -> list[Approval]:
        """All approvals, by task, each task's in order of asking."""
        return [self.approval(each) for asked in self._approvals.values() for each in asked]

    def approvals_of(self, task_id: UUID) -> list[Approval]:
        """List the approvals that a task asked for, in order of asking."""
        return [self.approval(each) for each in self._approvals.get(task_id, ())]

    def approval(self, approval_id: UUID) -> Approval:
        """Get an approval by id."""
        return cast("Approval", self._aggregates[approval_id])

    def has(self, aggregate_id: UUID) -> bool:
        """Tell whether an aggregate exists at this position."""
        return aggregate_id in self._aggregates

    def has_same_state(self, other: SessionFold) -> bool:
        """Tell whether all aggregates are the same as in another fold, value by value."""
        return self._aggregates == other._aggregates

    def evolve(self, recorded: RecordedEvent) -> None:
        """Take in the next event of the history."""
        event: Any = recorded.event
        kind = type(event)
        stream = event.originator_id
        if kind is Session.Forked:
            self.branch(stream, event.origin, what_if=event.what_if)
        aggregate_id = self._origins.get(stream, stream)
        aggregate = self._aggregates.get(aggregate_id)
        if aggregate is not None and kind not in MARKERS:
            apply(aggregate, event)
        elif aggregate is None and kind in WORDS:
            self.pass_over(recorded)
            return
        elif kind not in MARKERS:
            self.hold(in_stream(event, aggregate_id, 1).mutate(None))
        self._note(recorded, aggregate_id, kind)

    def branch(self, session_id: UUID, origin: Origin, *, what_if: bool) -> None:
        """Go on as a fork: what there is gets streams of its own from here on."""
        self._session_id = session_id
        self.origin = origin
        self.what_if = self.what_if or what_if
        known = dict.fromkeys(self._aggregates)
        if self.has(self.session.root_task_id):  # its plan may name tasks that are to be created
            known.update(dict.fromkeys(self.root.task_ids.values()))
        self._inherited = {
            aggregate_id: stream_in(session_id, aggregate_id)
            for aggregate_id in known
            if aggregate_id != self.session.id
        }
        self._origins.update({stream: origin for origin, stream in self._inherited.items()})
        self._origins[session_id] = self.session.id
        self._heads = {}
        self.terms = {}

    def hold(self, aggregate: Session | Task | Conversation | Approval) -> None:
        """Take in a new aggregate whose first event is about to be appended."""
        self._aggregates[aggregate.id] = aggregate
        if isinstance(aggregate, Task):
            self._tasks.append(aggregate)
        if isinstance(aggregate, Session):
            self._session = aggregate
        elif isinstance(aggregate, Approval):
            self._approvals.setdefault(aggregate.request.task_id, []).append(aggregate.id)

    def note(self, recorded: RecordedEvent) -> None:
        """Remember where an event that the aggregates already know was recorded."""
        event = recorded.event
        self._note(recorded, self.aggregate_of(event.originator_id), type(event))

    def hear(self, recorded: RecordedEvent) -> None:
        """Take in what somebody else appended meanwhile; the fold may be further by now."""
        position = self.position
        self.evolve(recorded)
        self.position = max(position, self.position)
        self._causes.pop(self.aggregate_of(recorded.event.originator_id), None)

    def pass_over(self, recorded: RecordedEvent) -> None:
        """Remember that an event stands in a stream, although it was taken back."""
        event = recorded.event
        stream = event.originator_id
        self._heads[stream] = max(self._heads.get(stream, 0), event.originator_version)

    def aggregate_of(self, stream: UUID) -> UUID:
        """Name the aggregate that a stream is about."""
        return self._origins.get(stream, stream) if self._origins else stream

    def stream_of(self, aggregate_id: UUID) -> UUID:
        """Name the stream that the next event of an aggregate belongs to."""
        if aggregate_id == self.session.id:
            return self.session_id
        return self._inherited.get(aggregate_id, aggregate_id)

    def version_of(self, stream: UUID) -> int:
        """Tell the version of the newest event of a stream; 0 before the first."""
        head = self._heads.get(stream, 0) if self._heads else 0
        latest = self._latest.get(self.aggregate_of(stream))
        if latest is None or latest.event.originator_id != stream:
            return head
        return max(head, latest.event.originator_version)

    def sent(self, stream: UUID, event_id: UUID) -> int:
        """Count an event that is about to be appended to a stream; give its version."""
        version = self.version_of(stream) + 1
        self._heads[stream] = version
        self._causes[self.aggregate_of(stream)] = event_id
        return version

    def cause_of(self, aggregate_id: UUID) -> UUID | None:
        """Name the newest event of an aggregate, recorded or about to be."""
        cause = self._causes.get(aggregate_id)
        if cause is None and aggregate_id in self._latest:
            return self._latest[aggregate_id].envelope.event_id
        return cause

    def _note(self, recorded: RecordedEvent, aggregate_id: UUID, kind: type[Any]) -> None:
        if not self.opened_position:
            self.opened_position = recorded.position
            self.traceparent = recorded.envelope.traceparent
        self.position = recorded.position
        self.length += 1
        self._latest[aggregate_id] = recorded
        if kind in HOLDING:
            self.on_hold = kind is not Session.Resumed


WORDS = frozenset(
    {Approval.Granted, Approval.Rejected, Approval.Amended, Approval.Expired, Approval.Continued}
)
"""Events that others may append while a session goes back behind what they are about."""

T = TypeVar("T")


def _copied(it: T) -> T:
    """Copy an object and the lists and dictionaries that it holds."""
    made = copy(it)
    for name, value in vars(it).items():
        if isinstance(value, list):
            vars(made)[name] = list(value)
        elif isinstance(value, dict):
            vars(made)[name] = {
                key: list(each) if isinstance(each, list) else each for key, each in value.items()
            }
    return made


def in_stream(event: Any, stream: UUID, version: int) -> Any:
    """Say an event at another place: that of the log, or that in a history without detours."""
    if (event.originator_id, event.originator_version) == (stream, version):
        return event
    placed = object.__new__(type(event))
    place = {"originator_id": stream, "originator_version": version}
    object.__setattr__(placed, "__dict__", {**vars(event), **place})
    return placed
