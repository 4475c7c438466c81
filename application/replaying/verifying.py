"""Verifying a session: recompute every decision from recorded answers, and compare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from eventsourcing.domain import OriginatorIDError, OriginatorVersionError

from application.directory import Directory
from application.errors import ApplicationError
from application.fold import MARKERS, SessionFold
from application.orchestration import commands as do
from application.orchestration.approving import HUMAN
from application.orchestration.deciding import Setting, decide, take_over
from application.orchestration.guarding import Passing, recorded_answer
from application.orchestration.performing import Performer
from application.orchestration.recovering import is_final
from application.replaying.comparing import shown
from application.replaying.history import SessionHistory
from application.replaying.journal import (
    BrokenOffError,
    DepartureError,
    Payloads,
    ReplayingJournal,
)
from application.replaying.views import Difference, DifferenceKind, ReplayVerificationView
from application.views import session_view
from domain.approval import Approval
from domain.conversation import USER, Conversation
from domain.effect import EffectKind, FailureKind, PendingEffect
from domain.errors import DomainError
from domain.event import SYSTEM, RecordedEvent
from domain.guardrail import Guardrail, Trip
from domain.session import Session
from domain.task import Task

GIVEN = frozenset(
    (
        *(Session.Created, Session.Forked, Session.Rewound, Session.Paused, Session.Cancelled),
        *(Conversation.Created, Conversation.TurnTaken, Task.Cancelled),
        *(Approval.Granted, Approval.Rejected, Approval.Amended, Approval.Expired),
        Approval.Received,
    )
)
"""Events that come from outside; a turn, unless Hansard is just about to speak."""

ANSWERS: dict[type[Any], EffectKind] = {
    Task.ModelAnswered: EffectKind.MODEL,
    Task.ModelFailed: EffectKind.MODEL,
    Task.ToolAnswered: EffectKind.TOOL,
    Task.ToolFailed: EffectKind.TOOL,
}
"""Events with which the outside world answers an effect, by its kind."""

CALLS = frozenset((Task.ModelCalled, Task.ToolCalled))

UNSOUND = (
    *(DomainError, ApplicationError, OriginatorIDError, OriginatorVersionError, AssertionError),
    *(LookupError, ValueError, TypeError, AttributeError),
)
"""What folding or deciding may raise on a history that never happened."""


def verify_history(
    history: SessionHistory, directory_at: Callable[[int], Directory], payloads: Payloads
) -> ReplayVerificationView:
    """Recompute a history, and tell what was found.

    Args:
        directory_at: the organisation as it was at a position.
    """
    events = history.events
    sealed = tuple(recorded.position for recorded in events if payloads.is_sealed(recorded))
    replay = SessionReplay(history, directory_at, payloads)
    fold = None if sealed else replay.run()
    return ReplayVerificationView(
        session_id=history.session_id,
        position=events[-1].position,
        status=fold.session.status if fold else None,
        events=len(events),
        inputs=replay.inputs,
        decisions=replay.decisions,
        unchecked=len(events) if sealed else replay.unchecked,
        sealed=sealed,
        state_hash=session_view(fold).state_hash if fold else None,
        differences=tuple(replay.differences),
    )


class SessionReplay:
    """Goes through a history once, and decides everything again where it was decided.

    What came from outside is taken from the record. Where the record says something else than what
    is recomputed, the record is gone on with, so that what follows is held against what was known.

    Args:
        directory_at: the organisation as it was at a position.

    Attributes:
        inputs: events that were taken from the record.
        unchecked: events that could not be recomputed because of a difference before them.
    """

    def __init__(
        self,
        history: SessionHistory,
        directory_at: Callable[[int], Directory],
        payloads: Payloads,
    ) -> None:
        self._history = history
        self._directory_at = directory_at
        self._fold = SessionFold()
        self._journal = ReplayingJournal(self._fold, history, payloads)
        self._registered: Directory | None = None
        self.inputs = 0
        self.unchecked = 0

    @property
    def differences(self) -> Sequence[Difference]:
        """What was found, in order."""
        return self._journal.differences

    @property
    def decisions(self) -> int:
        """How many events were recomputed."""
        return self._journal.decisions

    def run(self) -> SessionFold | None:
        """Recompute the history.

        Returns:
            The fold that it leads to; None where it cannot be folded to its end.
        """
        journal = self._journal
        while (recorded := journal.next) is not None:
            try:
                self._step(recorded)
            except BrokenOffError:
                self._refold()
            except DepartureError:
                if not self._catch_up():
                    return None
            except UNSOUND as error:
                self._tell_unsound(error)
                if not self._catch_up():
                    return None
        self._check_state()
        return self._fold

    def _step(self, recorded: RecordedEvent) -> None:
        kind = type(recorded.event)
        if kind in ANSWERS:
            self._check_answer(recorded)
            self._take_in(recorded)
        elif kind in GIVEN or _is_request(recorded.event) or _is_override(recorded.event):
            self._take_in(recorded)
        elif kind in MARKERS and _is_given(self._marked().event):
            self._check_marker(recorded)
            self._take_in(recorded)
        elif kind is Session.Resumed:
            for command in take_over(self._fold):
                self._perform(command)
            self._settle(decide(self._fold, self._setting))
        elif (repeated := self._repeated(self._marked())) is not None:
            self._perform(repeated)
        else:
            commands = decide(self._fold, self._setting)
            if not commands:
                self._tell_undecided(recorded)
            self._settle(commands)

    def _settle(self, commands: Sequence[do.Command]) -> None:
        """Carry out what is decided, until nothing is left to decide."""
        while commands:
            for command in commands:
                self._perform(command)
            commands = decide(self._fold, self._setting)

    def _perform(self, command: do.Command) -> None:
        self._performer.perform(command)
        if self._journal.has_parted:
            self._refold()

    def _take_in(self, recorded: RecordedEvent) -> None:
        """Take an event from the record."""
        event: Any = recorded.event
        fold, journal = self._fold, self._journal
        for gone in self._history.skipped(journal.at):
            fold.pass_over(gone)
        kind = type(event)
        if kind is not Session.Created and kind is not Session.Forked:
            version = fold.version_of(event.originator_id) + 1
            if event.originator_version != version:
                was, again = shown(event.originator_version), shown(version)
                journal.tell_changed(recorded, "envelope.version", was, again)
        fold.evolve(recorded)
        journal.passed()
        self.inputs += 1
        if kind is Session.Created or kind is Session.Forked:
            self._set_out()

    def _set_out(self) -> None:
        """Take up the organisation that decisions are made in from here on."""
        if self._registered is None:
            self._registered = self._directory_at(self._fold.opened_position)
        self._directory = self._registered.adapted(self._fold.session.capabilities)
        self._setting = replace(Setting.of(self._directory), consult=self._said_by_function)
        self._performer = Performer(self._fold, self._directory, self._journal)

    def _check_answer(self, recorded: RecordedEvent) -> None:
        """Hold what follows from who asked against the record, and whether a failure is final."""
        event: Any = recorded.event
        aggregate_id = self._fold.aggregate_of(event.originator_id)
        task = self._fold.task(aggregate_id)
        effect = task.pending.get(event.effect_id)
        tell = self._journal.tell_changed
        if effect is None or effect.failed or effect.kind is not ANSWERS[type(event)]:
            message = (
                f"At position {recorded.position}, {recorded.type} answers effect"
                f" {event.effect_id}, which awaits no such answer."
            )
            self._journal.tell(recorded, DifferenceKind.UNEXPECTED, message, "effect_id")
            raise DepartureError
        envelope, cause = recorded.envelope, self._fold.cause_of(aggregate_id)
        actor = USER if self._begins_what_if() else effect.agent
        if envelope.actor != actor:
            tell(recorded, "envelope.actor", shown(envelope.actor), shown(actor))
        if envelope.causation_id != cause:
            tell(recorded, "envelope.causation_id", shown(envelope.causation_id), shown(cause))
        if type(event) is Task.ModelFailed:
            failures = [*task.failed_attempts.get(event.effect_id, ()), event.failure]
            final = is_final(effect, failures, self._fold.session.charter.policy)
            if event.final != final:
                tell(recorded, "final", shown(event.final), shown(final))

    def _begins_what_if(self) -> bool:
        """Tell whether the next event, behind a marker, is the answer that a what-if changes."""
        at = self._journal.at
        began = self._history.events[at - 2].event if at > 1 else None
        return isinstance(began, Session.Forked) and began.what_if

    def _check_marker(self, recorded: RecordedEvent) -> None:
        event: Any = recorded.event
        origin = self._fold.aggregate_of(event.originator_id)
        tell = self._journal.tell_changed
        if event.origin != origin:
            tell(recorded, "origin", shown(event.origin), shown(origin))
        if recorded.envelope.actor != SYSTEM:
            tell(recorded, "envelope.actor", shown(recorded.envelope.actor), shown(SYSTEM))

    def _marked(self) -> RecordedEvent:
        """Give the next event, or the one whose stream it begins."""
        index = self._journal.at
        recorded = self._history.events[index]
        if type(recorded.event) in MARKERS:
            return self._history.at(index + 1) or recorded
        return recorded

    def _said_by_function(self, task: Task, guardrail: Guardrail, passing: Passing) -> Trip | None:
        """Tell whether a function that nobody can ask again let a guardrail trip."""
        stream = self._fold.stream_of(task.id)
        for recorded in islice(self._history.events, self._journal.at, None):
            event: Any = recorded.event
            if _is_given(event):
                break
            if (
                isinstance(event, Task.GuardrailTripped)
                and event.originator_id == stream
                and recorded_answer(event.trip, guardrail, passing)
            ):
                trip: Trip = event.trip
                return trip
        return None

    def _repeated(self, recorded: RecordedEvent) -> do.RepeatEffect | None:
        """Tell which effect an event announces again: when to do so, no decision says."""
        event: Any = recorded.event
        if type(event) not in CALLS:
            return None
        aggregate_id = self._fold.aggregate_of(event.originator_id)
        if not self._fold.has(aggregate_id):
            return None
        effect: PendingEffect | None = self._fold.task(aggregate_id).pending.get(event.effect_id)
        return None if effect is None else do.RepeatEffect(aggregate_id, effect)

    def _refold(self) -> None:
        """Go on from what is recorded."""
        self._fold = self._history.fold(self._journal.at)
        self._journal.restart(self._fold)
        if not self._fold.empty:
            self._set_out()

    def _catch_up(self) -> bool:
        """Take the rest of what was decided at once from the record.

        Returns:
            Whether it can be gone on with: all that the record leads to is recorded.
        """
        journal, first = self._journal, self._journal.at
        try:
            self._refold()
            while (event := journal.next) is not None:
                if journal.at > first and _is_given(event.event):
                    break
                self._fold.evolve(event)
                journal.passed()
            self._refold()
            self.unchecked += journal.at - first
            goes_on = not decide(self._fold, self._setting)
        except UNSOUND as error:
            self._tell_unsound(error)
            goes_on = False
        if not goes_on:
            self.unchecked += len(self._history.events) - journal.at
        return goes_on

    def _check_state(self) -> None:
        if self._journal.differences:
            return
        folded = self._history.fold(len(self._history.events))
        if not folded.has_same_state(self._fold):
            was, again = (session_view(fold).state_hash for fold in (folded, self._fold))
            self._journal.tell_changed(self._history.events[-1], "state_hash", was, again)

    def _tell_undecided(self, recorded: RecordedEvent) -> None:
        message = f"At position {recorded.position}, {recorded.type} is recorded, but not decided."
        values = shown(recorded.type), None
        self._journal.tell(recorded, DifferenceKind.UNEXPECTED, message, "type", values)
        raise DepartureError

    def _tell_unsound(self, error: Exception) -> None:
        recorded = self._journal.next or self._history.events[-1]
        reason = f"nothing is known of {error.args[0]}" if isinstance(error, KeyError) else error
        message = f"At position {recorded.position}, {recorded.type} cannot have happened: {reason}"
        self._journal.tell(recorded, DifferenceKind.IMPOSSIBLE, message)


def _is_request(event: Any) -> bool:
    return type(event) is Task.Created and event.assignment.parent_id is None


def _is_given(event: Any) -> bool:
    kind = type(event)
    if kind in GIVEN or kind in ANSWERS or kind is Session.Resumed:
        return True
    return _is_request(event) or _is_override(event)


def _is_override(event: Any) -> bool:
    """Tell whether a human gave a task to another agent, unasked."""
    if type(event) is Task.Delegated:
        decision = event.delegation.decision
        return decision.strategy == HUMAN and decision.approval_id is None
    return type(event) is Task.Reopened and event.failure.kind is FailureKind.CANCELLED
