"""Scene: what a frame shows of a session, kept up to date event by event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from application.fold import MARKERS
from application.replaying.views import TaskFrame
from domain.conversation import Conversation
from domain.event import RecordedEvent
from domain.session import Session, SessionStatus
from domain.task import Task, TaskStatus

ZERO = Decimal(0)


@dataclass
class Scene:
    """A session as frames show it, right after one of its events.

    It holds less than a fold, so that it is cheap to copy and to go on with; a property test holds
    that both say the same.

    Attributes:
        awaited: effects without an answer, by id: the task, and what is awaited.
        origins: aggregates by the streams in which forks go on with them.
    """

    status: SessionStatus = SessionStatus.RUNNING
    tasks: dict[UUID, TaskFrame] = field(default_factory=dict)
    awaited: dict[UUID, tuple[UUID, str]] = field(default_factory=dict)
    origins: dict[UUID, UUID] = field(default_factory=dict)
    turns: int = 0
    model_calls: int = 0
    tool_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = ZERO

    def copy(self) -> Scene:
        """Copy it; both can be gone on with."""
        return replace(
            self,
            tasks=dict(self.tasks),
            awaited=dict(self.awaited),
            origins=dict(self.origins),
        )

    def take(self, recorded: RecordedEvent) -> UUID | None:
        """Take in the next event; tell which task it happened to."""
        event: Any = recorded.event
        kind = type(event)
        stream = event.originator_id
        if kind in MARKERS:
            self.origins[stream] = event.origin
        subject: UUID = self.origins.get(stream, stream)
        apply = APPLIERS.get(kind)
        if apply is not None:
            apply(self, subject, event)
        return subject if subject in self.tasks else None

    def change(self, task_id: UUID, **changes: Any) -> None:
        """Change what is shown of a task."""
        self.tasks[task_id] = self.tasks[task_id].model_copy(update=changes)


def _created(scene: Scene, task_id: UUID, event: Any) -> None:
    assignment = event.assignment
    scene.tasks[task_id] = TaskFrame(
        task_id=task_id,
        parent_id=assignment.parent_id,
        key=assignment.key,
        title=assignment.title,
        status=TaskStatus.OPEN,
        holder=event.holder,
    )


def _called(scene: Scene, task_id: UUID, event: Any) -> None:
    is_tool = isinstance(event, Task.ToolCalled)
    what = event.call.tool if is_tool else f"{event.model} to {event.purpose}"
    scene.awaited[event.effect_id] = task_id, what
    _await(scene, task_id)


def _model_answered(scene: Scene, task_id: UUID, event: Any) -> None:
    scene.input_tokens += event.answer.usage.context_tokens
    scene.output_tokens += event.answer.usage.output_tokens
    scene.cost_usd += event.answer.cost_usd or ZERO
    _model_settled(scene, task_id, event)


def _model_failed(scene: Scene, task_id: UUID, event: Any) -> None:
    if event.final:
        _model_settled(scene, task_id, event)


def _model_settled(scene: Scene, task_id: UUID, event: Any) -> None:
    scene.model_calls += 1
    del scene.awaited[event.effect_id]
    _await(scene, task_id)


def _tool_settled(scene: Scene, task_id: UUID, event: Any) -> None:
    scene.tool_calls += 1
    del scene.awaited[event.effect_id]
    _await(scene, task_id)


def _await(scene: Scene, task_id: UUID) -> None:
    doing = tuple(what for awaiting, what in scene.awaited.values() if awaiting == task_id)
    scene.change(task_id, doing=doing)


def _delegated(scene: Scene, task_id: UUID, event: Any) -> None:
    scene.change(task_id, holder=event.delegation.to_agent)


def _said(scene: Scene, _conversation_id: UUID, _event: Any) -> None:
    scene.turns += 1


def _of_task(status: TaskStatus) -> Callable[[Scene, UUID, Any], None]:
    def apply(scene: Scene, task_id: UUID, _event: Any) -> None:
        scene.change(task_id, status=status)

    return apply


def _of_session(status: SessionStatus) -> Callable[[Scene, UUID, Any], None]:
    def apply(scene: Scene, _session_id: UUID, _event: Any) -> None:
        scene.status = status

    return apply


APPLIERS: dict[type[Any], Callable[[Scene, UUID, Any], None]] = {
    Session.Completed: _of_session(SessionStatus.COMPLETED),
    Session.Declined: _of_session(SessionStatus.DECLINED),
    Session.Failed: _of_session(SessionStatus.FAILED),
    Session.Cancelled: _of_session(SessionStatus.CANCELLED),
    Conversation.TurnTaken: _said,
    Task.Created: _created,
    Task.Delegated: _delegated,
    Task.Started: _of_task(TaskStatus.STARTED),
    Task.Decomposed: _of_task(TaskStatus.DECOMPOSED),
    Task.ModelCalled: _called,
    Task.ModelAnswered: _model_answered,
    Task.ModelFailed: _model_failed,
    Task.ToolCalled: _called,
    Task.ToolAnswered: _tool_settled,
    Task.ToolFailed: _tool_settled,
    Task.Completed: _of_task(TaskStatus.COMPLETED),
    Task.Failed: _of_task(TaskStatus.FAILED),
    Task.Cancelled: _of_task(TaskStatus.CANCELLED),
}
"""What each event changes; the others change nothing that a frame shows."""
