"""Affording: what was decided is held against budgets and limits before it is carried out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from uuid import UUID

from application.fold import SessionFold
from application.orchestration.budgeting import closed_by, overruns, stopped_by, within_limits
from application.orchestration.commands import (
    AdoptPlan,
    AskModel,
    Command,
    EndSession,
    ExtendPlan,
    RecordOverrun,
    RejectAnswer,
    UseTool,
)
from application.orchestration.deciding.failing import give_up
from application.orchestration.deciding.setting import Setting
from application.orchestration.outcomes import assemble
from application.orchestration.rights import excess_of
from domain.budget import Overrun
from domain.effect import Failure, FailureKind, ModelAnswer
from domain.task import Task

PLANNING = frozenset({"decompose", "recover"})
"""Purposes for which a model plans."""


def affordable(
    commands: Iterable[Command], fold: SessionFold, setting: Setting
) -> Iterator[Command]:
    """Let pass what budgets and limits allow; work that may cost nothing more ends gracefully."""
    ended: set[UUID] = set()
    for command in within_limits(commands, fold, setting):
        if getattr(command, "task_id", None) in ended:
            continue
        if isinstance(command, AdoptPlan | ExtendPlan):
            yield from _within_reach(command, fold, setting)
            continue
        found = _forbidding(command, fold, setting)
        if found and isinstance(command, AskModel | UseTool):
            ended.add(command.task_id)
            yield from _stop(command, found, fold, setting)
        else:
            yield command


def _within_reach(
    command: AdoptPlan | ExtendPlan, fold: SessionFold, setting: Setting
) -> Iterator[Command]:
    """Let a plan pass that is not too wide or deep; a model may correct one that is."""
    task = fold.task(command.task_id)
    excess = excess_of(task, command.plan, fold, fold.session.charter.policy)
    if excess is None:
        yield command
        return
    latest = task.steps[-1] if task.steps else None
    if latest is not None and latest.purpose in PLANNING and isinstance(latest.answer, ModelAnswer):
        yield RejectAnswer(task.id, latest.effect_id, excess)
        return
    failure = Failure(kind=FailureKind.NOT_ALLOWED, message=excess)
    if task.assignment.parent_id is None:
        yield EndSession(failure.message, None, failure)
    else:
        yield from give_up(task, failure, fold, setting)


def _forbidding(command: Command, fold: SessionFold, setting: Setting) -> tuple[Overrun, ...]:
    if isinstance(command, AskModel):
        task = fold.task(command.task_id)
        return overruns(task, command.agent, command.purpose, fold, setting)
    if isinstance(command, UseTool):
        return closed_by(fold.task(command.task_id), command.agent, fold, setting)
    return ()


def _stop(
    command: AskModel | UseTool, found: tuple[Overrun, ...], fold: SessionFold, setting: Setting
) -> Iterator[Command]:
    task = fold.task(command.task_id)
    for overrun in found:
        yield RecordOverrun(task.id, overrun)
    if task.assignment.parent_id is not None:
        yield from give_up(task, stopped_by(found), fold, setting)
    else:
        yield _end(command, task, found, fold)


def _end(
    command: AskModel | UseTool, root: Task, found: tuple[Overrun, ...], fold: SessionFold
) -> EndSession:
    """End the session; results that are there are told as they are, without a model's words."""
    presented = isinstance(command, AskModel) and command.purpose == "present"
    if presented and root.plan is not None:
        outcome = assemble(fold)
        return EndSession(outcome.text, None, outcome.failure)
    failure = stopped_by(found)
    return EndSession(failure.message, None, failure)
