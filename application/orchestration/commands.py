"""Commands: what the process manager decides to do next, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from domain.effect import Failure, PendingEffect, ToolCall
from domain.planning import Plan
from domain.session import Intent
from domain.task import Result

Purpose = Literal["interpret", "decompose", "execute", "present"]


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
    """Cut the root task into the tasks of a checked plan."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class CreateTasks:
    """Create the tasks of the plan that do not exist yet: the history broke off between them."""


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
class DeclineSession:
    """Tell the user that nobody can serve the request."""

    reason: str


@dataclass(frozen=True, slots=True)
class CancelSession:
    """Stop what has not ended: the history broke off while the session was being cancelled."""

    reason: str


@dataclass(frozen=True, slots=True)
class EndSession:
    """Give the user the answer; with a failure, the request was not served to the end."""

    answer: str
    model: str | None
    failure: Failure | None


Command = (
    AskModel
    | UseTool
    | RepeatEffect
    | ResumeSession
    | RejectAnswer
    | RecordIntent
    | AdoptPlan
    | CreateTasks
    | PlaceTask
    | StartTask
    | CompleteTask
    | FailTask
    | DeclineSession
    | CancelSession
    | EndSession
)
