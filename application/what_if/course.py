"""Course: what a history decided, task by task, and where another one first went another way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from application.fold import SessionFold
from domain.event import RecordedEvent
from domain.session import Session
from domain.task import Task

SESSION = "session"
"""Stands for the session itself among the keys of its tasks."""


@dataclass(frozen=True, slots=True)
class Bend:
    """Something that was decided.

    Attributes:
        key: of the task, or `session`.
        said: what makes it another decision than one of the same type.
    """

    position: int
    key: str
    type: str
    actor: str
    said: Any


@dataclass(frozen=True, slots=True)
class Parting:
    """Where two histories parted; `parent` is None where the parent decided nothing more."""

    parent: Bend | None
    fork: Bend


def course_of(history: Iterable[RecordedEvent]) -> dict[str, list[Bend]]:
    """List what was decided, by key of the task, in order.

    What models and tools answered is not decided; that they were asked is. A call that is made
    again because its process was lost is the same decision.
    """
    fold = SessionFold()
    course: dict[str, list[Bend]] = {}
    asked: set[tuple[UUID, int]] = set()
    for recorded in history:
        fold.evolve(recorded)
        event: Any = recorded.event
        say = _SAID.get(type(event))
        if say is None:
            continue
        key = SESSION
        if isinstance(event, Task.Event | Task.Created):
            task = fold.task(fold.aggregate_of(event.originator_id))
            key = task.assignment.key
            if isinstance(event, Task.ModelCalled):
                attempt = (event.effect_id, len(task.failed_attempts.get(event.effect_id, ())))
                if attempt in asked:
                    continue
                asked.add(attempt)
        bend = Bend(recorded.position, key, recorded.type, recorded.envelope.actor, say(event))
        course.setdefault(key, []).append(bend)
    return course


def first_parting(parent: dict[str, list[Bend]], fork: dict[str, list[Bend]]) -> Parting | None:
    """Find where a fork first decided otherwise; None where it never did."""
    partings = []
    for key, bends in fork.items():
        others = parent.get(key, [])
        for number, bend in enumerate(bends):
            other = others[number] if number < len(others) else None
            if other is None or (other.type, other.said) != (bend.type, bend.said):
                partings.append(Parting(other, bend))
                break
    return min(partings, key=lambda parting: parting.fork.position, default=None)


def _created(event: Any) -> Any:
    return event.assignment.model_dump(include={"key", "title", "instruction", "department"})


_SAID: dict[type[Any], Any] = {
    Session.Interpreted: lambda event: event.intent.model_dump(),
    Session.Completed: lambda _: None,
    Session.Declined: lambda event: event.reason,
    Session.Failed: lambda event: event.failure.kind.value,
    Session.Cancelled: lambda event: event.reason,
    Task.Created: _created,
    Task.Delegated: lambda event: event.delegation.to_agent,
    Task.Unplaced: lambda _: None,
    Task.Started: lambda _: None,
    Task.Decomposed: lambda event: event.plan.model_dump(),
    Task.ModelCalled: lambda event: event.purpose,
    Task.ModelFailed: lambda event: (event.failure.kind.value, event.final),
    Task.AnswerRejected: lambda event: event.reason,
    Task.Completed: lambda _: None,
    Task.Failed: lambda event: event.failure.kind.value,
    Task.Cancelled: lambda event: event.reason,
}
