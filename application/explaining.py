"""Explaining: the chain from the user's words to what became of one task."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import UUID

from application.errors import NotFoundError
from application.fold import SessionFold
from application.views import LinkView, WhyView, decision_views, task_view
from domain.conversation import Conversation
from domain.event import RecordedEvent
from domain.session import Session
from domain.task import Task

TEXT_LENGTH = 300


def explain(events: Iterable[RecordedEvent], fold: SessionFold, task_id: UUID) -> WhyView:
    """Explain one task of a folded session.

    The chain holds what led to the task (the user's words, what Nova understood, how the request
    reached MasterMind and was cut into tasks) and everything that happened to the task itself.

    Raises:
        NotFoundError: the session has no such task at this position.
    """
    if task_id not in {task.id for task in fold.tasks}:
        raise NotFoundError("task", task_id, f"Session {fold.session.id} has none of this id.")
    events = list(events)
    decisions = [view for view in decision_views(events, fold) if view.task_id == task_id]
    return WhyView(
        session_id=fold.session.id,
        task=task_view(fold.task(task_id)),
        decisions=tuple(decisions),
        chain=tuple(_chain(events, {task_id, fold.session.id, fold.root.id}, task_id)),
    )


def _chain(
    events: Iterable[RecordedEvent], streams: set[UUID], task_id: UUID
) -> Iterator[LinkView]:
    for recorded in events:
        event = recorded.event
        said = isinstance(event, Conversation.TurnTaken)
        if not said and event.originator_id not in streams:
            continue
        if event.originator_id != task_id and not said and type(event) not in LEADING:
            continue
        yield LinkView(
            position=recorded.position,
            recorded_at=recorded.recorded_at,
            event_id=recorded.envelope.event_id,
            type=recorded.type,
            actor=recorded.envelope.actor,
            text=_shorten(DESCRIPTIONS[type(event)](event)),
        )


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


DESCRIPTIONS: dict[type[Any], Callable[[Any], str]] = {
    Session.Created: lambda event: event.charter.request,
    Session.Interpreted: lambda event: event.intent.goal,
    Session.Resumed: lambda event: f"taken up again, {len(event.pending_effects)} effects pending",
    Session.Completed: lambda event: event.answer,
    Session.Declined: lambda event: event.reason,
    Session.Failed: lambda event: event.failure.message,
    Session.Cancelled: lambda event: event.reason,
    Conversation.TurnTaken: lambda event: f"{event.turn.speaker}: {event.turn.text}",
    Task.Created: lambda event: f"{event.assignment.title}: {event.assignment.instruction}",
    Task.Delegated: _delegated,
    Task.Unplaced: lambda event: event.decision.reason,
    Task.Started: lambda _: "started",
    Task.Decomposed: lambda event: f"{', '.join(event.task_ids)}: {event.plan.reason}",
    Task.ModelCalled: lambda event: f"asked {event.model} to {event.purpose} (try {event.attempt})",
    Task.ModelAnswered: _model_answered,
    Task.ModelFailed: lambda event: f"{event.failure.kind.value}: {event.failure.message}",
    Task.AnswerRejected: lambda event: event.reason,
    Task.ToolCalled: _tool_called,
    Task.ToolAnswered: lambda event: f"answered in {event.answer.duration_ms:.0f} ms",
    Task.ToolFailed: lambda event: f"{event.failure.kind.value}: {event.failure.message}",
    Task.Completed: lambda event: event.result.summary,
    Task.Failed: lambda event: event.failure.message,
    Task.Cancelled: lambda event: event.reason,
}
"""What each event says in one line; `Conversation.Created` says nothing a chain needs."""

LEADING = {
    Session.Created,
    Session.Interpreted,
    Session.Resumed,
    Session.Completed,
    Session.Declined,
    Session.Failed,
    Session.Cancelled,
    Task.Delegated,
    Task.Decomposed,
}
"""Events of the session and of the root task that lead to every task of the plan."""
