"""The aggregate of a task, with its events and errors."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from domain.budget import Overrun
from domain.decision import Decision, Delegation
from domain.effect import (
    EffectKind,
    Failure,
    FailureKind,
    ModelAnswer,
    PendingEffect,
    ToolAnswer,
    ToolCall,
)
from domain.errors import DomainError, TransitionError
from domain.evolving import Triggering
from domain.guardrail import Reaction, Stage, Trip
from domain.handoff import Handoff
from domain.judgement import Judgement, Tally
from domain.planning import Plan
from domain.recovery import Recovery
from domain.supervision import NEXT, SupervisionState, Transition
from domain.task.values import ENDED, Assignment, Result, Step, TaskStatus
from domain.value import NonEmptyWords, Words


class UnknownEffectError(DomainError):
    """The task awaits no answer for this effect."""

    def __init__(self, task_id: UUID, effect_id: UUID) -> None:
        self.task_id = task_id
        self.effect_id = effect_id
        super().__init__(f"Task {str(task_id)!r} awaits no answer for effect {str(effect_id)!r}.")


class Task(Triggering, Aggregate):
    """Aggregate of one task."""

    TOPIC = "task"

    class Event(Aggregate.Event):
        """An event of a task."""

    class Created(Aggregate.Created):
        """The task exists and lies with the agent that made it."""

        TOPIC = "task.created"
        assignment: Assignment
        holder: str

    class Continued(Aggregate.Event):
        """A fork goes on with a task of its parent, `origin`, in a stream of its own."""

        TOPIC = "task.continued"
        origin: UUID

    class Delegated(Aggregate.Event):
        """The task passed from one agent to another."""

        TOPIC = "task.delegated"
        delegation: Delegation

    class Unplaced(Aggregate.Event):
        """No agent qualified for the task; the decision says who was considered."""

        TOPIC = "task.unplaced"
        decision: Decision

    class Started(Aggregate.Event):
        """The holder took up the work."""

        TOPIC = "task.started"

    class Decomposed(Aggregate.Event):
        """The holder cut the task into the tasks of a plan.

        `task_ids` gives the id of each by its key in the plan.
        """

        TOPIC = "task.decomposed"
        class_version = 2
        plan: Plan
        task_ids: dict[str, UUID]

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """Change nothing: every planned task named a department, which it need not any more."""

    class Extended(Aggregate.Event):
        """The tasks of another plan were added to those there are.

        `task_ids` gives the id of each by its key in the plan.
        """

        TOPIC = "task.extended"
        plan: Plan
        task_ids: dict[str, UUID]

    class ModelCalled(Aggregate.Event):
        """A model is about to be asked; a repeated attempt keeps the effect's id."""

        TOPIC = "task.model_called"
        effect_id: UUID
        attempt: int
        purpose: str
        model: str
        agent: str

    class ModelAnswered(Aggregate.Event):
        """A model answered."""

        TOPIC = "task.model_answered"
        effect_id: UUID
        answer: ModelAnswer

    class ModelFailed(Aggregate.Event):
        """An attempt to ask a model failed; `final` says that no other follows."""

        TOPIC = "task.model_failed"
        effect_id: UUID
        failure: Failure
        final: bool

    class AnswerRejected(Aggregate.Event):
        """The model's answer breaks its schema or a rule; the model may correct it."""

        TOPIC = "task.answer_rejected"
        effect_id: UUID
        reason: Words

    class ToolCalled(Aggregate.Event):
        """A tool is about to be used; a repeated attempt keeps the effect's id."""

        TOPIC = "task.tool_called"
        effect_id: UUID
        attempt: int
        call: ToolCall
        agent: str

    class ToolAnswered(Aggregate.Event):
        """A tool answered."""

        TOPIC = "task.tool_answered"
        effect_id: UUID
        answer: ToolAnswer

    class ToolFailed(Aggregate.Event):
        """A tool could not do what it was asked for."""

        TOPIC = "task.tool_failed"
        effect_id: UUID
        failure: Failure

    class RecoveryChosen(Aggregate.Event):
        """It was decided what is done about a failure."""

        TOPIC = "task.recovery_chosen"
        recovery: Recovery

    class BudgetExceeded(Aggregate.Event):
        """An agent spent more than it may, or would have."""

        TOPIC = "task.budget_exceeded"
        overrun: Overrun

    class GuardrailTripped(Aggregate.Event):
        """A guardrail stopped, asked or amended."""

        TOPIC = "task.guardrail_tripped"
        trip: Trip

    class HandoffRequested(Aggregate.Event):
        """The holder asks another agent to go on with the task."""

        TOPIC = "task.handoff_requested"
        handoff: Handoff

    class HandoffAccepted(Aggregate.Event):
        """The other agent goes on with the task."""

        TOPIC = "task.handoff_accepted"
        handoff_id: UUID
        reason: Words

    class HandoffRejected(Aggregate.Event):
        """The other agent does not take the task; its holder goes on."""

        TOPIC = "task.handoff_rejected"
        handoff_id: UUID
        reason: NonEmptyWords

    class Reopened(Aggregate.Event):
        """The work failed and begins anew, with `holder`."""

        TOPIC = "task.reopened"
        failure: Failure
        holder: str

    class Transitioned(Aggregate.Event):
        """Supervised work went from one state to another."""

        TOPIC = "task.transitioned"
        transition: Transition

    class Judged(Aggregate.Event):
        """Results were compared, and one of them chosen."""

        TOPIC = "task.judged"
        judgement: Judgement

    class Tallied(Aggregate.Event):
        """Votes were counted."""

        TOPIC = "task.tallied"
        tally: Tally

    class Completed(Aggregate.Event):
        """The task is done."""

        TOPIC = "task.completed"
        result: Result

    class Failed(Aggregate.Event):
        """The task cannot be done."""

        TOPIC = "task.failed"
        failure: Failure

    class Skipped(Aggregate.Event):
        """The task could not be done, and others go on with a default in place of its result."""

        TOPIC = "task.skipped"
        failure: Failure
        result: Result

    class Cancelled(Aggregate.Event):
        """The task was stopped."""

        TOPIC = "task.cancelled"
        reason: Words

    @event(Created)
    def __init__(self, assignment: Assignment, holder: str) -> None:
        self.assignment = assignment
        self.holder = holder
        self.status = TaskStatus.OPEN
        self.delegations: list[Delegation] = []
        self.unplaced: Decision | None = None
        self.plan: Plan | None = None
        self.task_ids: dict[str, UUID] = {}
        self.pending: dict[UUID, PendingEffect] = {}
        self.failed_attempts: dict[UUID, list[Failure]] = {}
        self.steps: list[Step] = []
        self.result: Result | None = None
        self.failure: Failure | None = None
        self.recoveries: list[Recovery] = []
        self.overruns: list[Overrun] = []
        self.trips: list[Trip] = []
        self.handoff: Handoff | None = None
        self.handoffs: list[Handoff] = []
        self.declined_handoffs: dict[UUID, str] = {}
        self.setbacks: list[Failure] = []
        self.tried_by: list[str] = []
        self.begun_at_step = 0
        self.begun_on: datetime | None = None
        self.extensions = 0
        self.transitions: list[Transition] = []
        self.judgement: Judgement | None = None
        self.tally: Tally | None = None

    @classmethod
    def create(cls, task_id: UUID, assignment: Assignment, holder: str, at: datetime) -> Task:
        """Create a task that lies with the agent that made it."""
        return cls._create(
            cls.Created, id=task_id, timestamp=at, assignment=assignment, holder=holder
        )

    @property
    def ended(self) -> bool:
        """Whether the task is completed, failed or cancelled."""
        return self.status in ENDED

    def delegate(self, delegation: Delegation, at: datetime) -> None:
        """Pass the task from its holder to another agent."""
        self._require_status("be delegated", TaskStatus.OPEN)
        if delegation.from_agent != self.holder:
            raise TransitionError(
                self._name, f"held by {self.holder}", f"be delegated by {delegation.from_agent}"
            )
        self._delegated(delegation=delegation, timestamp=at)

    def leave_unplaced(self, decision: Decision, at: datetime) -> None:
        """Record that no agent qualified."""
        self._require_status("be left unplaced", TaskStatus.OPEN)
        self._unplaced(decision=decision, timestamp=at)

    def start(self, at: datetime) -> None:
        """Let the holder take up the work."""
        self._require_status("be started", TaskStatus.OPEN)
        self._started(timestamp=at)

    def decompose(self, plan: Plan, task_ids: dict[str, UUID], at: datetime) -> None:
        """Cut the task into the tasks of a checked plan."""
        self._require_status("be decomposed", TaskStatus.OPEN, TaskStatus.STARTED)
        self._decomposed(plan=plan, task_ids=task_ids, timestamp=at)

    def extend(self, plan: Plan, task_ids: dict[str, UUID], at: datetime) -> None:
        """Add the tasks of another checked plan."""
        self._require_status("be extended", TaskStatus.DECOMPOSED)
        self._extended(plan=plan, task_ids=task_ids, timestamp=at)

    def choose_recovery(self, recovery: Recovery, at: datetime) -> None:
        """Record what is done about a failure."""
        self._require_live("recover")
        self._recovery_chosen(recovery=recovery, timestamp=at)

    def exceed_budget(self, overrun: Overrun, at: datetime) -> None:
        """Record that a budget was exceeded."""
        self._require_live("exceed a budget")
        self._budget_exceeded(overrun=overrun, timestamp=at)

    def trip(self, trip: Trip, at: datetime) -> None:
        """Record that a guardrail tripped."""
        self._require_live("trip a guardrail")
        self._guardrail_tripped(trip=trip, timestamp=at)

    def request_handoff(self, handoff: Handoff, at: datetime) -> None:
        """Ask another agent to go on."""
        self._require_status("be handed off", TaskStatus.STARTED)
        if self.handoff is not None or handoff.from_agent != self.holder:
            raise TransitionError(
                self._name, f"held by {self.holder}", f"be handed off by {handoff.from_agent}"
            )
        self._handoff_requested(handoff=handoff, timestamp=at)

    def accept_handoff(self, handoff_id: UUID, reason: str, at: datetime) -> None:
        """Let the other agent go on."""
        self._require_handoff(handoff_id)
        self._handoff_accepted(handoff_id=handoff_id, reason=reason, timestamp=at)

    def reject_handoff(self, handoff_id: UUID, reason: str, at: datetime) -> None:
        """Leave the task with its holder."""
        self._require_handoff(handoff_id)
        self._handoff_rejected(handoff_id=handoff_id, reason=reason, timestamp=at)

    def reopen(self, failure: Failure, holder: str, at: datetime) -> None:
        """Begin the work anew after a failure."""
        self._require_live("be reopened")
        self._reopened(failure=failure, holder=holder, timestamp=at)

    def transition(self, transition: Transition, at: datetime) -> None:
        """Go from one state of supervision to another."""
        self._require_live("be supervised")
        state = self.supervision
        if transition.from_state is not state or transition.to_state not in NEXT[state]:
            raise TransitionError(self._name, state.value, f"go to {transition.to_state.value}")
        self._transitioned(transition=transition, timestamp=at)

    def judge(self, judgement: Judgement, at: datetime) -> None:
        """Record which of several results is the best."""
        self._require_status("be judged", TaskStatus.DECOMPOSED)
        self._judged(judgement=judgement, timestamp=at)

    def count_votes(self, tally: Tally, at: datetime) -> None:
        """Record what several agents decided together."""
        self._require_status("be voted on", TaskStatus.DECOMPOSED)
        self._tallied(tally=tally, timestamp=at)

    def call_model(
        self, effect_id: UUID, purpose: str, model: str, agent: str, at: datetime
    ) -> None:
        """Record that a model is about to be asked, for the first time or again."""
        self._require_live("ask a model")
        self._model_called(
            effect_id=effect_id,
            attempt=self._next_attempt(effect_id),
            purpose=purpose,
            model=model,
            agent=agent,
            timestamp=at,
        )

    def answer_model(self, effect_id: UUID, answer: ModelAnswer, at: datetime) -> None:
        """Record what the model answered."""
        self._require_pending(effect_id, EffectKind.MODEL)
        self._model_answered(effect_id=effect_id, answer=answer, timestamp=at)

    def fail_model(self, effect_id: UUID, failure: Failure, at: datetime, *, final: bool) -> None:
        """Record that an attempt failed."""
        self._require_pending(effect_id, EffectKind.MODEL)
        self._model_failed(effect_id=effect_id, failure=failure, final=final, timestamp=at)

    def reject_answer(self, effect_id: UUID, reason: str, at: datetime) -> None:
        """Record why the latest answer of a model is not accepted."""
        self._require_live("reject an answer")
        self._require_answered(effect_id)
        self._answer_rejected(effect_id=effect_id, reason=reason, timestamp=at)

    def call_tool(self, effect_id: UUID, call: ToolCall, agent: str, at: datetime) -> None:
        """Record that a tool is about to be used, for the first time or again."""
        self._require_live("use a tool")
        self._tool_called(
            effect_id=effect_id,
            attempt=self._next_attempt(effect_id),
            call=call,
            agent=agent,
            timestamp=at,
        )

    def answer_tool(self, effect_id: UUID, answer: ToolAnswer, at: datetime) -> None:
        """Record what the tool answered."""
        self._require_pending(effect_id, EffectKind.TOOL)
        self._tool_answered(effect_id=effect_id, answer=answer, timestamp=at)

    def fail_tool(self, effect_id: UUID, failure: Failure, at: datetime) -> None:
        """Record that the tool could not do what it was asked for."""
        self._require_pending(effect_id, EffectKind.TOOL)
        self._tool_failed(effect_id=effect_id, failure=failure, timestamp=at)

    def complete(self, result: Result, at: datetime) -> None:
        """Record the result."""
        self._require_live("be completed")
        self._completed(result=result, timestamp=at)

    def fail(self, failure: Failure, at: datetime) -> None:
        """Record that the task cannot be done."""
        self._require_live("fail")
        self._failed(failure=failure, timestamp=at)

    def skip(self, failure: Failure, result: Result, at: datetime) -> None:
        """Let others go on with a default in place of the result."""
        self._require_live("be skipped")
        self._skipped(failure=failure, result=result, timestamp=at)

    def cancel(self, reason: str, at: datetime) -> None:
        """Stop the task."""
        self._require_live("be cancelled")
        self._cancelled(reason=reason, timestamp=at)

    @property
    def supervision(self) -> SupervisionState:
        """Where supervised work stands; the first state where none is."""
        latest = self.transitions[-1].to_state if self.transitions else None
        return latest or SupervisionState.INITIALISING

    @property
    def _name(self) -> str:
        return f"Task {self.assignment.key!r} ({self.id})"

    def _require_status(self, command: str, *allowed: TaskStatus) -> None:
        if self.status not in allowed:
            raise TransitionError(self._name, self.status.value, command)

    def _require_live(self, command: str) -> None:
        if self.ended:
            raise TransitionError(self._name, self.status.value, command)

    def _require_handoff(self, handoff_id: UUID) -> None:
        if self.handoff is None or self.handoff.handoff_id != handoff_id:
            raise TransitionError(f"Handoff {str(handoff_id)!r}", "not asked for", "be answered")

    def _require_pending(self, effect_id: UUID, kind: EffectKind) -> None:
        pending = self.pending.get(effect_id)
        if pending is None or pending.kind is not kind or pending.failed:
            raise UnknownEffectError(self.id, effect_id)

    def _require_answered(self, effect_id: UUID) -> None:
        for step in self.steps:
            if step.effect_id == effect_id and isinstance(step.answer, ModelAnswer):
                return
        raise TransitionError(f"Effect {str(effect_id)!r}", "unanswered", "be rejected")

    def _next_attempt(self, effect_id: UUID) -> int:
        if any(step.effect_id == effect_id for step in self.steps):
            raise TransitionError(f"Effect {str(effect_id)!r}", "settled", "be performed again")
        pending = self.pending.get(effect_id)
        return pending.attempt + 1 if pending else 1

    def _settle(
        self,
        effect_id: UUID,
        *,
        answer: ModelAnswer | ToolAnswer | None = None,
        failure: Failure | None = None,
    ) -> None:
        pending = self.pending.pop(effect_id)
        self.steps.append(
            Step(
                effect_id=effect_id,
                purpose=pending.purpose,
                agent=pending.agent,
                call=pending.call,
                answer=answer,
                failure=failure,
            )
        )

    @event(Delegated)
    def _delegated(self, delegation: Delegation, timestamp: datetime) -> None:
        self.delegations.append(delegation)
        self.holder = delegation.to_agent

    @event(Unplaced)
    def _unplaced(self, decision: Decision, timestamp: datetime) -> None:
        self.unplaced = decision

    @event(Started)
    def _started(self, timestamp: datetime) -> None:
        self.status = TaskStatus.STARTED
        self.begun_on = self.begun_on or timestamp

    @event(Decomposed)
    def _decomposed(self, plan: Plan, task_ids: dict[str, UUID], timestamp: datetime) -> None:
        self.status = TaskStatus.DECOMPOSED
        self.plan = plan
        self.task_ids = task_ids

    @event(Extended)
    def _extended(self, plan: Plan, task_ids: dict[str, UUID], timestamp: datetime) -> None:
        known = self.plan.tasks if self.plan else ()
        self.plan = plan.model_copy(update={"tasks": known + plan.tasks})
        self.task_ids = {**self.task_ids, **task_ids}
        self.extensions += 1

    @event(RecoveryChosen)
    def _recovery_chosen(self, recovery: Recovery, timestamp: datetime) -> None:
        self.recoveries.append(recovery)

    @event(BudgetExceeded)
    def _budget_exceeded(self, overrun: Overrun, timestamp: datetime) -> None:
        self.overruns.append(overrun)

    @event(GuardrailTripped)
    def _guardrail_tripped(self, trip: Trip, timestamp: datetime) -> None:
        self.trips.append(trip)
        if trip.stage is Stage.AFTER_TOOL and trip.reaction is Reaction.AMEND:
            self.steps = [
                _redacted(step, trip) if step.effect_id == trip.effect_id else step
                for step in self.steps
            ]

    @event(HandoffRequested)
    def _handoff_requested(self, handoff: Handoff, timestamp: datetime) -> None:
        self.handoff = handoff

    @event(HandoffAccepted)
    def _handoff_accepted(self, handoff_id: UUID, reason: str, timestamp: datetime) -> None:
        if self.handoff is not None:
            self.handoffs.append(self.handoff)
            self.holder = self.handoff.to_agent
            self.begun_at_step = len(self.steps)
        self.handoff = None

    @event(HandoffRejected)
    def _handoff_rejected(self, handoff_id: UUID, reason: str, timestamp: datetime) -> None:
        if self.handoff is not None:
            self.declined_handoffs[self.handoff.effect_id] = reason
        self.handoff = None

    @event(Reopened)
    def _reopened(self, failure: Failure, holder: str, timestamp: datetime) -> None:
        self.setbacks.append(failure)
        self.tried_by.append(self.holder)
        self.status = TaskStatus.OPEN
        self.holder = holder
        self.unplaced = None
        self.plan = None
        self.task_ids = {}
        self.handoff = None
        self.begun_at_step = len(self.steps)
        self.extensions = 0
        self.transitions = []
        self.judgement = None
        self.tally = None

    @event(Transitioned)
    def _transitioned(self, transition: Transition, timestamp: datetime) -> None:
        self.transitions.append(transition)

    @event(Judged)
    def _judged(self, judgement: Judgement, timestamp: datetime) -> None:
        self.judgement = judgement

    @event(Tallied)
    def _tallied(self, tally: Tally, timestamp: datetime) -> None:
        self.tally = tally

    @event(ModelCalled)
    def _model_called(
        self,
        effect_id: UUID,
        attempt: int,
        purpose: str,
        model: str,
        agent: str,
        timestamp: datetime,
    ) -> None:
        known = self.pending.get(effect_id)
        self.pending[effect_id] = PendingEffect(
            effect_id=effect_id,
            kind=EffectKind.MODEL,
            attempt=attempt,
            agent=agent,
            purpose=purpose,
            model=model,
            first_model=known.first_model if known else model,
        )

    @event(ModelAnswered)
    def _model_answered(self, effect_id: UUID, answer: ModelAnswer, timestamp: datetime) -> None:
        self._settle(effect_id, answer=answer)

    @event(ModelFailed)
    def _model_failed(
        self, effect_id: UUID, failure: Failure, final: bool, timestamp: datetime
    ) -> None:
        self.failed_attempts.setdefault(effect_id, []).append(failure)
        pending = self.pending[effect_id]
        self.pending[effect_id] = pending.model_copy(update={"failed": True})
        if final:
            self._settle(effect_id, failure=failure)

    @event(AnswerRejected)
    def _answer_rejected(self, effect_id: UUID, reason: str, timestamp: datetime) -> None:
        self.steps = [
            step.model_copy(update={"rejection": reason}) if step.effect_id == effect_id else step
            for step in self.steps
        ]

    @event(ToolCalled)
    def _tool_called(
        self, effect_id: UUID, attempt: int, call: ToolCall, agent: str, timestamp: datetime
    ) -> None:
        self.pending[effect_id] = PendingEffect(
            effect_id=effect_id, kind=EffectKind.TOOL, attempt=attempt, agent=agent, call=call
        )

    @event(ToolAnswered)
    def _tool_answered(self, effect_id: UUID, answer: ToolAnswer, timestamp: datetime) -> None:
        self._settle(effect_id, answer=answer)

    @event(ToolFailed)
    def _tool_failed(self, effect_id: UUID, failure: Failure, timestamp: datetime) -> None:
        self._settle(effect_id, failure=failure)

    @event(Completed)
    def _completed(self, result: Result, timestamp: datetime) -> None:
        self.status = TaskStatus.COMPLETED
        self.result = result

    @event(Failed)
    def _failed(self, failure: Failure, timestamp: datetime) -> None:
        self.status = TaskStatus.FAILED
        self.failure = failure

    @event(Skipped)
    def _skipped(self, failure: Failure, result: Result, timestamp: datetime) -> None:
        self.status = TaskStatus.SKIPPED
        self.failure = failure
        self.result = result

    @event(Cancelled)
    def _cancelled(self, reason: str, timestamp: datetime) -> None:
        self.status = TaskStatus.CANCELLED
        self.failure = Failure(kind=FailureKind.CANCELLED, message=reason)


def _redacted(step: Step, trip: Trip) -> Step:
    """Put what a guardrail says in the place of what a tool answered."""
    if not isinstance(step.answer, ToolAnswer):
        return step
    answer = step.answer.model_copy(update={"content": trip.amended})
    return step.model_copy(update={"answer": answer})
