"""Replaying journal: takes new events, and compares each with the one that is recorded next."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from application.fold import MARKERS, SessionFold
from application.orchestration.journal import Collector
from application.replaying.comparing import payload_differences, shown
from application.replaying.history import SessionHistory
from application.replaying.views import Difference, DifferenceKind
from domain.approval import Approval, ApprovalRequest
from domain.conversation import Conversation
from domain.decision import Decision, Delegation
from domain.event import DEFAULT_TENANT, RecordedEvent
from domain.routing import NO_EVIDENCE, Evidence, evidence_in
from domain.session import Session
from domain.task import Task

NOBODY = UUID(int=0)
"""Stands for an id that should be recorded next, and is not."""

CUTS = (Session.Forked, Session.Rewound)
"""Events before which a session may break off anywhere, even between what was decided at once."""

MANY = 100
"""Differences that are told; those that follow are mostly their consequences."""

PER_EVENT = 5
"""Fields of one event that are told."""


class Payloads(Protocol):
    """Payloads byte by byte, as the log holds them."""

    def recorded(self, recorded: RecordedEvent) -> bytes:
        """Give the payload that is recorded, unsealed as far as there is a key."""
        ...

    def is_sealed(self, recorded: RecordedEvent) -> bool:
        """Tell whether words in the payload are sealed, and no key to them is here."""
        ...

    def encode(self, event: Any) -> bytes:
        """Encode an event as the log would."""
        ...


class BrokenOffError(Exception):
    """The history goes on elsewhere, before all that was decided is recorded."""


class DepartureError(Exception):
    """Something else is recorded next than what is recomputed."""


class ReplayingJournal(Collector):
    """Compares what is decided with what is recorded; ids and times are those of the record.

    Args:
        fold: the session, as it stands at the cursor.
        history: what is recorded.

    Attributes:
        at: index of the next event of the history.
        differences: what was found, in order.
        decisions: events that were recomputed.
        has_parted: whether the fold holds something else than what is recorded.
    """

    def __init__(self, fold: SessionFold, history: SessionHistory, payloads: Payloads) -> None:
        super().__init__(fold)
        self.at = 0
        self.differences: list[Difference] = []
        self.decisions = 0
        self.has_parted = False
        self._history = history
        self._payloads = payloads
        self._drawn = 0

    @property
    def next(self) -> RecordedEvent | None:
        """The event that is recorded next; None at the end."""
        return self._history.at(self.at)

    def now(self) -> datetime:
        """Give the time that the next event occurred at."""
        return (self.next or self._history.events[-1]).event.timestamp

    def new_id(self) -> UUID:
        """Give the next id that the next event carries."""
        recorded = self.next
        if recorded is not None and type(recorded.event) in MARKERS:
            recorded = self._history.at(self.at + 1)
        ids = drawn_ids(recorded.event) if recorded else ()
        self._drawn += 1
        return ids[self._drawn - 1] if self._drawn <= len(ids) else NOBODY

    def evidence(self, gather: Callable[[], Evidence]) -> Evidence:
        """Take what the next decision drew on out of the decision as it is recorded."""
        del gather
        recorded = self.next
        if recorded is not None and type(recorded.event) in MARKERS:
            recorded = self._history.at(self.at + 1)
        decision = decision_in(recorded.event) if recorded else None
        return NO_EVIDENCE if decision is None else evidence_in(decision)

    def restart(self, fold: SessionFold) -> None:
        """Go on with another fold, which holds what is recorded before the cursor."""
        self._fold = fold
        self.has_parted = False
        self._drawn = 0

    def passed(self) -> None:
        """Move the cursor behind an event that the fold has taken in."""
        self._drawn = 0
        self.at += 1

    @property
    def _previous(self) -> UUID | None:
        return self._history.events[self.at - 1].envelope.event_id if self.at else None

    def _take(self, event: Any, aggregate_id: UUID, stream: UUID, actor: str) -> None:
        recorded = self.next
        if recorded is None or isinstance(recorded.event, CUTS):
            if recorded is None and self._history.is_whole:
                self._tell_missing(event)
                raise DepartureError
            raise BrokenOffError
        own = recorded.event
        if type(own) is not type(event) or own.originator_id != stream:
            self._tell_other(recorded, event)
            raise DepartureError
        self._compare(recorded, event, aggregate_id, stream, actor)
        self._fold.note(recorded)
        self.decisions += 1
        self.passed()

    def _compare(
        self, recorded: RecordedEvent, event: Any, aggregate_id: UUID, stream: UUID, actor: str
    ) -> None:
        fold, envelope, own = self._fold, recorded.envelope, recorded.event
        was = (
            envelope.actor,
            envelope.causation_id,
            envelope.correlation_id,
            envelope.session_id,
            envelope.traceparent,
            envelope.subject,
            envelope.tenant,
            own.originator_version,
            own.timestamp,
        )
        is_ = (
            actor,
            fold.cause_of(aggregate_id) or self._previous,
            fold.session_id,
            fold.session_id,
            fold.traceparent,
            fold.session.charter.subject,
            DEFAULT_TENANT,
            fold.version_of(stream) + 1,
            event.timestamp,
        )
        payload = self._payloads.recorded(recorded)
        again = self._payloads.encode(event)
        if payload != again:
            self.has_parted = True
            for path, left, right in list(payload_differences(payload, again))[:PER_EVENT]:
                self.tell_changed(recorded, path, left, right)
        if was != is_:
            for name, one, other in zip(ENVELOPE, was, is_, strict=True):
                if one != other:
                    self.tell_changed(recorded, f"envelope.{name}", shown(one), shown(other))

    def tell(
        self,
        recorded: RecordedEvent,
        kind: DifferenceKind,
        message: str,
        field: str | None = None,
        values: tuple[str | None, str | None] = (None, None),
    ) -> None:
        """Note a difference at an event that is recorded."""
        if len(self.differences) < MANY:
            self.differences.append(
                Difference(
                    position=recorded.position,
                    event_id=recorded.envelope.event_id,
                    type=recorded.type,
                    kind=kind,
                    about=self._about(recorded.event),
                    field=field,
                    recorded=values[0],
                    recomputed=values[1],
                    message=message,
                )
            )

    def _tell_missing(self, event: Any) -> None:
        last = self._history.events[-1]
        message = f"After position {last.position}, {event.TOPIC} was decided, and is not recorded."
        self.differences.append(
            Difference(
                position=last.position,
                event_id=None,
                type=event.TOPIC,
                kind=DifferenceKind.MISSING,
                about=self._about(event),
                field=None,
                recorded=None,
                recomputed=shown(event.TOPIC),
                message=message,
            )
        )

    def tell_changed(
        self, recorded: RecordedEvent, field: str, was: str | None, again: str | None
    ) -> None:
        """Note that a field of an event is recorded as something else than recomputed."""
        message = (
            f"At position {recorded.position}, {field} of {recorded.type} is recorded as"
            f" {was or 'nothing'}, and recomputed as {again or 'nothing'}."
        )
        self.tell(recorded, DifferenceKind.CHANGED, message, field, (was, again))

    def _tell_other(self, recorded: RecordedEvent, event: Any) -> None:
        was = f"{recorded.type} of {self._about(recorded.event)}"
        again = f"{event.TOPIC} of {self._about(event)}"
        message = f"At position {recorded.position}, {was} is recorded, and {again} recomputed."
        values = shown(was), shown(again)
        self.tell(recorded, DifferenceKind.CHANGED, message, "type", values)

    def _about(self, event: Any) -> str:
        """Say what an event is about, for whoever reads a difference."""
        aggregate_id = self._fold.aggregate_of(event.originator_id)
        if isinstance(event, Task.Created):
            return f"task {event.assignment.key!r}"
        if event.TOPIC.startswith("task.") and self._fold.has(aggregate_id):
            return f"task {self._fold.task(aggregate_id).assignment.key!r}"
        return f"{event.TOPIC.partition('.')[0]} {aggregate_id}"


ENVELOPE = (
    *("actor", "causation_id", "correlation_id", "session_id", "traceparent", "subject", "tenant"),
    *("version", "occurred_at"),
)
"""What is compared of an event beside its payload."""


def _proposed(request: ApprovalRequest) -> tuple[UUID, ...]:
    """Name the decision that is put to a human for the first time."""
    decision = None if request.escalated_from else request.decision
    return () if decision is None else (decision.decision_id,)


DRAWN: dict[type[Any], Callable[[Any], tuple[UUID, ...]]] = {
    Task.ModelCalled: lambda event: (event.effect_id,),
    Task.ToolCalled: lambda event: (event.effect_id,),
    Task.Decomposed: lambda event: tuple(event.task_ids.values()),
    Task.Extended: lambda event: tuple(event.task_ids.values()),
    Task.Delegated: lambda event: (
        event.delegation.decision.decision_id,
        event.delegation.delegation_id,
    ),
    Task.Unplaced: lambda event: (event.decision.decision_id,),
    Task.HandoffRequested: lambda event: (event.handoff.handoff_id,),
    Approval.Created: lambda event: (*_proposed(event.request), event.originator_id),
    Conversation.TurnTaken: lambda event: (event.turn.turn_id,),
}
"""New ids that an event carries in its payload, in the order in which they are drawn."""


def decision_in(event: Any) -> Decision | None:
    """Give the decision on a task that an event records or puts to a human; else None."""
    if isinstance(event, Task.Delegated):
        delegation: Delegation = event.delegation
        return delegation.decision
    if isinstance(event, Task.Unplaced):
        decision: Decision = event.decision
        return decision
    if isinstance(event, Approval.Created):
        request: ApprovalRequest = event.request
        return request.decision
    return None


def drawn_ids(event: Any) -> tuple[UUID, ...]:
    """Tell which new ids an event carries, in the order in which they are drawn."""
    draw = DRAWN.get(type(event))
    return draw(event) if draw else ()
