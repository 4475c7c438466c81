"""Supervising: what is known of supervised work, from what its task recorded."""

from __future__ import annotations

from collections.abc import Iterator

from application.fold import SessionFold
from application.orchestration import answers
from application.orchestration.procedures import children_of, procedure_of
from domain.effect import ModelAnswer
from domain.supervision import SupervisionState
from domain.task import Step, Task, TaskStatus


def rounds_left(task: Task, fold: SessionFold) -> int:
    """Tell how often supervised work may still be mended."""
    procedure = procedure_of(task, fold)
    if procedure is None or procedure.supervision is None:
        return 0
    return max(procedure.supervision.max_rounds - rounds_of(task), 0)


def latest_assessment(task: Task) -> str:
    """Give what the monitor said last; empty before it has said anything."""
    said = [step.answer for step in _accepted(task, "monitor")]
    latest = said[-1] if said else None
    return answers.read_assessment(latest).assessment if isinstance(latest, ModelAnswer) else ""


def figures_of(task: Task, fold: SessionFold) -> dict[str, float]:
    """Take the snapshot of figures that a transition is recorded with; money is in US dollars."""
    below = list(_below(task, fold))
    answered = [
        step.answer
        for each in (task, *below)
        for step in each.steps
        if isinstance(step.answer, ModelAnswer)
    ]
    status = [each.status for each in below]
    return {
        "rounds": rounds_of(task),
        "tasks": len(below),
        "completed": status.count(TaskStatus.COMPLETED),
        "failed": status.count(TaskStatus.FAILED),
        "skipped": status.count(TaskStatus.SKIPPED),
        "model_calls": len(answered),
        "tool_calls": sum(1 for each in below for step in each.steps if step.call is not None),
        "failed_attempts": sum(
            len(failures) for each in below for failures in each.failed_attempts.values()
        ),
        "setbacks": sum(len(each.setbacks) for each in below),
        "input_tokens": sum(answer.usage.context_tokens for answer in answered),
        "output_tokens": sum(answer.usage.output_tokens for answer in answered),
        "cost_usd": float(sum(answer.cost_usd or 0 for answer in answered)),
    }


def rounds_of(task: Task) -> int:
    """Tell how often supervised work was to be mended."""
    states = [transition.to_state for transition in task.transitions]
    return states.count(SupervisionState.RECOVERING)


def _below(task: Task, fold: SessionFold) -> Iterator[Task]:
    for child in children_of(task, fold):
        yield child
        yield from _below(child, fold)


def _accepted(task: Task, purpose: str) -> list[Step]:
    return [
        step
        for step in task.steps[task.begun_at_step :]
        if step.purpose == purpose and step.answer is not None and step.rejection is None
    ]
