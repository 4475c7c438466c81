"""Commands: what the process manager decides to do next, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from pydantic import JsonValue

from application.briefs import HandoffWish
from domain.approval import ApprovalRequest
from domain.budget import Overrun
from domain.decision import Decision
from domain.effect import Failure, PendingEffect, ToolCall
from domain.guardrail import Trip
from domain.judgement import Judgement, Tally
from domain.planning import Plan
from domain.recovery import Recovery
from domain.session import Intent
from domain.supervision import Transition
from domain.task import Result

Purpose = Literal[
    "interpret",
    "decompose",
    "route",
    "bid",
    "consider",
    "execute",
    "validate",
    "judge",
    "assemble",
    "monitor",
    "recover",
    "present",
]


@dataclass(frozen=True, slots=True)
class AskModel:
    """Ask the model of an agent, for a purpose."""

    task_id: UUID
    purpose: Purpose
    agent: str


@dataclass(frozen=True, slots=True)
class UseTool:
    """Use a tool on the right of an agent."""

    task_id: UUID
    call: ToolCall
    agent: str


@dataclass(frozen=True, slots=True)
class RepeatEffect:
    """Perform an effect again that has no answer: its process was lost, or it failed."""

    task_id: UUID
    effect: PendingEffect


@dataclass(frozen=True, slots=True)
class ResumeSession:
    """Take up a session whose process was lost, with what it left pending."""

    effect_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class RejectAnswer:
    """Turn down a model's answer that breaks its schema or a rule."""

    task_id: UUID
    effect_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class RecordIntent:
    """Accept what Nova understood."""

    intent: Intent


@dataclass(frozen=True, slots=True)
class AdoptPlan:
    """Cut a task into the tasks of a checked plan."""

    task_id: UUID
    plan: Plan


@dataclass(frozen=True, slots=True)
class ExtendPlan:
    """Add the tasks of another checked plan."""

    task_id: UUID
    plan: Plan


@dataclass(frozen=True, slots=True)
class CreateTasks:
    """Create the tasks of the plan that do not exist yet: the history broke off between them."""

    task_id: UUID


@dataclass(frozen=True, slots=True)
class PlaceTask:
    """Let the holder of a task pass it on one step down, or say that nobody fits."""

    task_id: UUID


@dataclass(frozen=True, slots=True)
class StartTask:
    """Let the holder take up the work."""

    task_id: UUID


@dataclass(frozen=True, slots=True)
class CompleteTask:
    """Accept a result."""

    task_id: UUID
    result: Result


@dataclass(frozen=True, slots=True)
class FailTask:
    """Give a task up."""

    task_id: UUID
    failure: Failure


@dataclass(frozen=True, slots=True)
class SkipTask:
    """Let others go on with a default in place of the result."""

    task_id: UUID
    failure: Failure


@dataclass(frozen=True, slots=True)
class ReopenTask:
    """Begin the work anew, with the agent that holds it then."""

    task_id: UUID
    failure: Failure
    holder: str


@dataclass(frozen=True, slots=True)
class TransitionTask:
    """Let supervised work go from one state to another, on the word of an agent."""

    task_id: UUID
    transition: Transition
    agent: str


@dataclass(frozen=True, slots=True)
class JudgeResults:
    """Choose the best of several results."""

    task_id: UUID
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class CountVotes:
    """Record what several agents decided together."""

    task_id: UUID
    tally: Tally


@dataclass(frozen=True, slots=True)
class RefuseCall:
    """Answer a tool call in the place of the tool: it must not be made, or is none of a tool."""

    task_id: UUID
    call: ToolCall
    agent: str
    failure: Failure


@dataclass(frozen=True, slots=True)
class RequestApproval:
    """Let an agent wait for a human's word.

    Attributes:
        timeout_s: seconds that the human has; None for as long as it takes.
    """

    request: ApprovalRequest
    timeout_s: float | None


@dataclass(frozen=True, slots=True)
class FollowDecision:
    """Pass a task on, or leave it unplaced, as a human agreed to."""

    task_id: UUID
    decision: Decision


@dataclass(frozen=True, slots=True)
class TripGuardrail:
    """Record that a guardrail tripped."""

    task_id: UUID
    trip: Trip


@dataclass(frozen=True, slots=True)
class RequestHandoff:
    """Ask another agent to go on with a task."""

    task_id: UUID
    effect_id: UUID
    wish: HandoffWish


@dataclass(frozen=True, slots=True)
class AcceptHandoff:
    """Let the other agent go on."""

    task_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class RejectHandoff:
    """Leave the task with its holder."""

    task_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class ChooseRecovery:
    """Say what is done about a failure."""

    task_id: UUID
    recovery: Recovery


@dataclass(frozen=True, slots=True)
class RecordOverrun:
    """Say that a budget was exceeded, or that work stops because it would be."""

    task_id: UUID
    overrun: Overrun


@dataclass(frozen=True, slots=True)
class DeclineSession:
    """Tell the user that nobody can serve the request."""

    reason: str


@dataclass(frozen=True, slots=True)
class CancelSession:
    """Stop what has not ended: the history broke off while the session was being cancelled."""

    reason: str


@dataclass(frozen=True, slots=True)
class EndSession:
    """Give the user the answer; with a failure, the request was not served to the end.

    Attributes:
        data: of the result.
    """

    answer: str
    model: str | None
    failure: Failure | None
    data: dict[str, JsonValue] = field(default_factory=dict)


Command = (
    AskModel
    | UseTool
    | RepeatEffect
    | ResumeSession
    | RejectAnswer
    | RecordIntent
    | AdoptPlan
    | ExtendPlan
    | CreateTasks
    | PlaceTask
    | StartTask
    | CompleteTask
    | FailTask
    | SkipTask
    | ReopenTask
    | TransitionTask
    | JudgeResults
    | CountVotes
    | RefuseCall
    | RequestApproval
    | FollowDecision
    | TripGuardrail
    | RequestHandoff
    | AcceptHandoff
    | RejectHandoff
    | ChooseRecovery
    | RecordOverrun
    | DeclineSession
    | CancelSession
    | EndSession
)
