"""Asking: a structured answer of a model, asked for until there is one or none can be had."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TypeVar, cast

from application.fold import SessionFold
from application.orchestration.answers import AnswerError
from application.orchestration.commands import AskModel, Command, Purpose, RejectAnswer
from domain.effect import Failure, FailureKind, ModelAnswer
from domain.task import Step, Task

T = TypeVar("T")


def ask(
    task: Task, purpose: Purpose, agent: str, read: Callable[[ModelAnswer], T], fold: SessionFold
) -> Generator[Command, None, T | Failure | None]:
    """Ask for an answer that can be read; one that cannot is rejected, and may be corrected.

    Args:
        read: reads the answer, or raises `AnswerError`.

    Returns:
        What was read; the failure when none can be had; None while there is no answer.
    """
    if task.pending:
        return None
    steps = latest_exchanges(task, purpose, agent)
    latest = steps[-1] if steps else None
    if latest is None or (latest.rejection is not None and repairs_left(steps, fold)):
        yield AskModel(task.id, purpose, agent)
        return None
    if latest.rejection is not None:
        return bad_answer(latest, agent)
    if latest.failure is not None:
        return latest.failure
    try:
        return read(cast("ModelAnswer", latest.answer))
    except AnswerError as error:
        yield RejectAnswer(task.id, latest.effect_id, str(error))
        return None


def exchanges(task: Task, purpose: str) -> list[Step]:
    """List what a model was asked for a purpose since the work began, oldest first."""
    return [step for step in task.steps[task.begun_at_step :] if step.purpose == purpose]


def latest_exchanges(task: Task, purpose: str, agent: str) -> list[Step]:
    """List what an agent's model was asked for a purpose, since it was asked for another one."""
    run: list[Step] = []
    for step in reversed(task.steps[task.begun_at_step :]):
        if step.purpose not in ("", purpose):
            break
        if step.purpose and step.agent in (agent, ""):
            run.append(step)
    return run[::-1]


def repairs_left(steps: Sequence[Step], fold: SessionFold) -> bool:
    """Tell whether the latest answer, which was rejected, may be corrected."""
    rejected = 0
    for step in reversed(steps):
        if step.rejection is None:
            break
        rejected += 1
    return rejected <= fold.session.charter.policy.max_repairs


def bad_answer(step: Step, agent: str) -> Failure:
    """Say that a model gave no valid answer, however often it was asked."""
    message = f"The model of {agent} gave no valid answer: {step.rejection}"
    return Failure(kind=FailureKind.BAD_ANSWER, message=message)
