"""Explaining: the chain of authority from the user's words to what became of one task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from application.auditing.finding import Target, find_target
from application.auditing.telling import Decided, Telling
from application.auditing.views import ExplainedDecisionView, LinkView, Stage, WhyView
from application.directory import Directory, load_directory
from application.errors import NotFoundError
from application.fold import MARKERS
from application.history import Lineage, read_history, read_lineage
from application.integrity import InclusionView
from application.ports import EventLog, InclusionProofs
from application.views import task_view
from domain.approval import Approval
from domain.audit import Audit, Look
from domain.breaker import Breaker
from domain.conversation import USER, Conversation
from domain.event import RecordedEvent
from domain.session import Session
from domain.task import Task

TEXT_LENGTH = 300

V = TypeVar("V", ExplainedDecisionView, LinkView)


@dataclass(frozen=True, slots=True)
class Explaining:
    """Explains tasks and decisions, on its ports."""

    log: EventLog
    proofs: InclusionProofs

    def explain(
        self, asked: str | int | UUID, *, session_id: UUID | None = None, until: int | None = None
    ) -> WhyView:
        """Explain a task, or one decision on it.

        What a rewind took back is explained as of just before that, unless `until` says otherwise.
        Proofs are not among it; `proven` adds them.

        Args:
            asked: id of a task, a decision, a delegation or an event of a task, or the position of
                such an event.
            session_id: the session in whose history it is looked at, such as a fork; by default the
                one that it was recorded in.
            until: position of the log as of which it is explained; None for now.

        Raises:
            BadRequestError: what is asked about is neither an id nor a position.
            NotFoundError: there is no such task or decision, or not in the history of the session
                at that position.
        """
        target = find_target(self.log, asked)
        lineage = read_lineage(self.log, session_id or target.session_id, until)
        taken_back_at = None
        if not _holds(lineage, target):
            before = None if until is not None else self._before_it_was_taken_back(lineage, target)
            if before is None:
                raise _not_there(target, lineage, asked, until)
            taken_back_at, lineage = before

        @cache
        def directory_at(position: int) -> Directory:
            return load_directory(self.log, position)

        history = read_history(self.log, lineage)
        telling = Telling(history, target.task_id, directory_at)
        return _view(telling, target, taken_back_at)

    def proven(self, view: WhyView) -> WhyView:
        """Add to an explanation the proof that each of its events stands in the log.

        Raises:
            UnavailableError: the database cannot be used.
        """
        decisions, chain = view.decisions, view.chain
        positions = {each.position for each in decisions} | {each.position for each in chain}
        found = self.proofs.prove(positions)
        return view.model_copy(
            update={
                "decisions": tuple(_with_proof(each, found) for each in decisions),
                "chain": tuple(_with_proof(each, found) for each in chain),
            }
        )

    def _before_it_was_taken_back(
        self, lineage: Lineage, target: Target
    ) -> tuple[int, Lineage] | None:
        """Find the rewind that took something back last, and the history just before it."""
        for recorded in reversed(lineage.rewinds):
            before = read_lineage(self.log, lineage.session_id, recorded.position - 1)
            if _holds(before, target):
                return recorded.position, before
        return None


def _holds(lineage: Lineage, target: Target) -> bool:
    return any(
        segment.session_id == target.recorded_in
        and segment.after < target.position <= segment.until
        for segment in lineage.segments
    )


def _not_there(target: Target, lineage: Lineage, asked: object, until: int | None) -> NotFoundError:
    when = "" if until is None else f" as of position {until}"
    return NotFoundError(
        "task or decision",
        str(asked),
        f"It was recorded at position {target.position} in session {str(target.recorded_in)!r}, and"
        f" is no part of the history of session {str(lineage.session_id)!r}{when}.",
    )


def _view(telling: Telling, target: Target, taken_back_at: int | None) -> WhyView:
    fold, task_id = telling.fold, target.task_id
    if not fold.has(task_id):
        raise NotFoundError("task", task_id, f"Session {str(fold.session_id)!r} has none.")
    return WhyView(
        session_id=fold.session_id,
        position=fold.position,
        task=task_view(fold.task(task_id)),
        decision_id=target.decision_id,
        own=telling.own(task_id),
        inclusive=telling.inclusive(task_id),
        taken_back_at=taken_back_at,
        decisions=tuple(
            _decision(each, telling, task_id)
            for each in telling.decided
            if target.decision_id in {None, each.decision.decision_id}
        ),
        chain=tuple(_chain(telling, task_id)),
    )


def _decision(decided: Decided, telling: Telling, task_id: UUID) -> ExplainedDecisionView:
    task = telling.fold.task(task_id)
    recorded, decision = decided.recorded, decided.decision
    event: Any = recorded.event
    ended = telling.ended
    return ExplainedDecisionView(
        position=recorded.position,
        recorded_at=recorded.recorded_at,
        event_id=recorded.envelope.event_id,
        session_id=recorded.session_id or telling.fold.session_id,
        task_id=task_id,
        task_key=task.assignment.key,
        task_title=task.assignment.title,
        delegation_id=(
            event.delegation.delegation_id if isinstance(event, Task.Delegated) else None
        ),
        from_agent=decided.from_agent,
        to_agent=decision.chosen,
        decision=decision,
        policy=decided.policy,
        knowledge=decided.knowledge,
        outcome=task.status,
        outcome_position=ended.position if ended else None,
        outcome_detail=_shorten(DESCRIPTIONS[type(ended.event)](ended.event)) if ended else "",
        own=telling.own(task_id),
        inclusive=telling.inclusive(task_id),
        waiting_ms=decided.waiting_ms,
        working_ms=telling.working_ms,
    )


def _chain(telling: Telling, task_id: UUID) -> Iterator[LinkView]:
    """Tell what led to the task, and everything that happened to the task itself."""
    leading = {telling.fold.session.id, *telling.ancestors(task_id)}
    own = {task_id, *(approval.id for approval in telling.fold.approvals_of(task_id))}
    for recorded, about in telling.told:
        kind = type(recorded.event)
        if kind in MARKERS or kind not in DESCRIPTIONS:
            continue
        leads = kind in LEADING and about in leading
        if leads or about in own or kind is Conversation.TurnTaken:
            yield LinkView(
                position=recorded.position,
                recorded_at=recorded.recorded_at,
                event_id=recorded.envelope.event_id,
                type=recorded.type,
                actor=recorded.envelope.actor,
                stage=_stage(recorded, is_root=about == telling.fold.session.root_task_id),
                text=_shorten(DESCRIPTIONS[kind](recorded.event)),
            )


def _stage(recorded: RecordedEvent, *, is_root: bool) -> Stage:
    event: Any = recorded.event
    if isinstance(event, Conversation.TurnTaken):
        return Stage.REQUEST if event.turn.speaker == USER else Stage.ANSWER
    if isinstance(event, Task.Delegated) and is_root:
        return Stage.HANDOVER
    return STAGES.get(type(event), Stage.WORK)


def _with_proof(view: V, found: dict[int, InclusionView]) -> V:
    return view.model_copy(update={"inclusion": found[view.position]})


def _shorten(text: str) -> str:
    return text if len(text) <= TEXT_LENGTH else f"{text[: TEXT_LENGTH - 1]}…"


def _model_answered(event: Any) -> str:
    answer = event.answer
    wishes = ", ".join(call.tool for call in answer.tool_calls)
    said = f"wants {wishes}" if wishes else answer.text
    tokens = f"{answer.usage.context_tokens}+{answer.usage.output_tokens} tokens"
    return f"{answer.model} answered ({tokens}): {said}"


def _tool_called(event: Any) -> str:
    arguments = ", ".join(f"{name}: {value}" for name, value in event.call.arguments.items())
    return " ".join(f"{event.call.tool} {arguments}".split())


def _delegated(event: Any) -> str:
    delegation = event.delegation
    return (
        f"{delegation.from_agent} -> {delegation.to_agent}"
        f" ({delegation.decision.confidence:.2f}): {delegation.decision.reason}"
    )


def _accessed(event: Any) -> str:
    access = event.access
    what = "accesses" if access.look is Look.ACCESSES else "decisions"
    said = f"{access.look.value}: {access.decisions} {what} as of position {access.as_of}"
    taken = access.export
    return said if taken is None else f"{said}, taken as {taken.format} {taken.sha256}"


def _said(event: Any, word: str) -> str:
    said = f"{word} by {event.by}"
    if event.system_user != event.by:
        said += f" (run by {event.system_user})"
    return f"{said}: {event.comment}" if event.comment else said


def _amended(event: Any) -> str:
    amendment = event.amendment
    put = next((value for _, value in amendment if value is not None), "nothing")
    return f"{_said(event, 'amended')} -> {put}"


DESCRIPTIONS: dict[type[Any], Callable[[Any], str]] = {
    Session.Created: lambda event: event.charter.request,
    Session.Forked: lambda event: (
        f"{'what-if' if event.what_if else 'fork'} of {event.origin.session_id} at position"
        f" {event.origin.position}: {event.reason}"
    ),
    Session.Rewound: lambda event: f"back to position {event.to_position}: {event.reason}",
    Session.Interpreted: lambda event: event.intent.goal,
    Session.Resumed: lambda event: f"taken up again, {len(event.pending_effects)} effects pending",
    Session.Paused: lambda event: event.reason,
    Session.Completed: lambda event: event.answer,
    Session.Declined: lambda event: event.reason,
    Session.Failed: lambda event: event.failure.message,
    Session.Cancelled: lambda event: event.reason,
    Conversation.TurnTaken: lambda event: f"{event.turn.speaker}: {event.turn.text}",
    Conversation.Continued: lambda _: "goes on in a fork",
    Task.Continued: lambda _: "goes on in a fork",
    Task.Created: lambda event: f"{event.assignment.title}: {event.assignment.instruction}",
    Task.Delegated: _delegated,
    Task.Unplaced: lambda event: event.decision.reason,
    Task.Started: lambda _: "started",
    Task.Decomposed: lambda event: f"{', '.join(event.task_ids)}: {event.plan.reason}",
    Task.Extended: lambda event: f"{', '.join(event.task_ids)}: {event.plan.reason}",
    Task.RecoveryChosen: lambda event: (
        f"{event.recovery.rung.value.replace('_', ' ')}: {event.recovery.reason}"
    ),
    Task.BudgetExceeded: lambda event: (
        f"{event.overrun.agent} spent {event.overrun.spent_tokens} of"
        f" {event.overrun.limit_tokens} tokens for {event.overrun.scope}"
    ),
    Task.GuardrailTripped: lambda event: (
        f"{event.trip.guardrail} ({event.trip.reaction.value}): {event.trip.reason}"
    ),
    Task.HandoffRequested: lambda event: (
        f"{event.handoff.from_agent} -> {event.handoff.to_agent}: {event.handoff.request}"
    ),
    Task.HandoffAccepted: lambda event: event.reason,
    Task.HandoffRejected: lambda event: event.reason,
    Task.Reopened: lambda event: f"begun anew by {event.holder}: {event.failure.message}",
    Task.Transitioned: lambda event: (
        f"{event.transition.from_state.value} -> {event.transition.to_state.value}:"
        f" {event.transition.assessment}"
    ),
    Task.Judged: lambda event: f"{event.judgement.chosen} is best: {event.judgement.reason}",
    Task.Tallied: lambda event: event.tally.reason,
    Task.ModelCalled: lambda event: f"asked {event.model} to {event.purpose} (try {event.attempt})",
    Task.ModelAnswered: _model_answered,
    Task.ModelFailed: lambda event: f"{event.failure.kind.value}: {event.failure.message}",
    Task.AnswerRejected: lambda event: event.reason,
    Task.ToolCalled: _tool_called,
    Task.ToolAnswered: lambda event: f"answered in {event.answer.duration_ms:.0f} ms",
    Task.ToolFailed: lambda event: f"{event.failure.kind.value}: {event.failure.message}",
    Task.Completed: lambda event: event.result.summary,
    Task.Failed: lambda event: event.failure.message,
    Task.Skipped: lambda event: event.failure.message,
    Task.Cancelled: lambda event: event.reason,
    Approval.Created: lambda event: f"{event.request.proposal} ({event.request.reason})",
    Approval.Continued: lambda _: "goes on in a fork",
    Approval.Granted: lambda event: _said(event, "granted"),
    Approval.Rejected: lambda event: _said(event, "rejected"),
    Approval.Amended: _amended,
    Approval.Expired: lambda event: f"nobody answered in time: {event.outcome.value}",
    Approval.Received: lambda _: "the session goes on by the answer",
    Audit.Created: _accessed,
    Breaker.Created: lambda event: f"breaker of {event.guarded.kind.value} {event.guarded.name}",
    Breaker.Opened: lambda event: (
        f"open in {event.process} for {event.cooldown_s:g} s after {event.failures} failures"
        f" in a row, the latest {event.cause.value}"
    ),
    Breaker.HalfOpened: lambda event: f"one call of {event.process} tries",
    Breaker.Closed: lambda event: f"closed in {event.process}",
}
"""What each event says in one line; `Conversation.Created` says nothing a chain needs."""

LEADING = {
    Session.Created,
    Session.Forked,
    Session.Rewound,
    Session.Interpreted,
    Session.Resumed,
    Session.Paused,
    Session.Completed,
    Session.Declined,
    Session.Failed,
    Session.Cancelled,
    Task.Delegated,
    Task.Decomposed,
    Task.Extended,
}
"""Events of the session, and of the tasks that a task was cut out of, that lead to it."""

STAGES: dict[type[Any], Stage] = {
    Session.Created: Stage.REQUEST,
    Session.Interpreted: Stage.INTENT,
    Session.Forked: Stage.STEERING,
    Session.Rewound: Stage.STEERING,
    Session.Resumed: Stage.STEERING,
    Session.Paused: Stage.STEERING,
    Approval.Created: Stage.STEERING,
    Approval.Granted: Stage.STEERING,
    Approval.Rejected: Stage.STEERING,
    Approval.Amended: Stage.STEERING,
    Approval.Expired: Stage.STEERING,
    Approval.Received: Stage.STEERING,
    Session.Completed: Stage.ANSWER,
    Session.Declined: Stage.ANSWER,
    Session.Failed: Stage.ANSWER,
    Session.Cancelled: Stage.ANSWER,
    Task.Decomposed: Stage.PLAN,
    Task.Extended: Stage.PLAN,
    Task.Created: Stage.ASSIGNMENT,
    Task.Delegated: Stage.DELEGATION,
    Task.Unplaced: Stage.DELEGATION,
    Task.Completed: Stage.RESULT,
    Task.Failed: Stage.RESULT,
    Task.Cancelled: Stage.RESULT,
}
"""Where events stand in the chain of authority; all others are work."""
