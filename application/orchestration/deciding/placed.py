"""Placed: an open task finds its agent, and begins once what it needs is there."""

from __future__ import annotations

from collections.abc import Iterator

from application.fold import SessionFold
from application.orchestration.approving import (
    cleared_to_begin,
    follow_decision,
    waits_for_decision,
)
from application.orchestration.commands import Command, PlaceTask, StartTask
from application.orchestration.deciding.consulting import ask_before_placing
from application.orchestration.deciding.failing import give_up
from application.orchestration.deciding.setting import Setting
from application.orchestration.procedures import (
    children_of,
    coordinator_of,
    procedure_of,
    terms_of,
)
from domain.agent import Level
from domain.effect import Failure, FailureKind
from domain.task import Task, TaskStatus
from domain.workflow import Procedure


def bring_to_place(
    task: Task, procedure: Procedure, fold: SessionFold, setting: Setting
) -> Iterator[Command]:
    """Pass a task on until it lies with who does it; begin when all it needs has ended."""
    if task.unplaced is not None:
        failure = Failure(kind=FailureKind.UNABLE, message=task.unplaced.reason)
        yield from give_up(task, failure, fold, setting)
    elif waits_for_decision(task, fold):
        yield from follow_decision(task, fold)
    elif not _is_placed(task, procedure, fold, setting):
        if (yield from ask_before_placing(task, procedure, fold, setting)):
            yield PlaceTask(task.id)
    elif _may_begin(task, procedure, fold):
        cleared = yield from cleared_to_begin(task, fold, setting)
        if isinstance(cleared, Failure):
            yield from give_up(task, cleared, fold, setting)
        elif cleared:
            yield StartTask(task.id)


def _is_placed(task: Task, procedure: Procedure, fold: SessionFold, setting: Setting) -> bool:
    terms, own = terms_of(task, fold), procedure_of(task, fold)
    if own is not None:
        return task.holder == coordinator_of(own, setting)
    if terms.agent is not None:
        return task.holder == terms.agent or task.holder in terms.handoffs
    if procedure.team:
        return bool(task.delegations) and task.holder in procedure.team
    return setting.levels[task.holder] is Level.SPECIALIST


def _may_begin(task: Task, procedure: Procedure, fold: SessionFold) -> bool:
    """Tell whether all a task needs has ended, and no more urgent one goes first."""
    if not _is_ready(task, fold):
        return False
    if procedure.max_parallel is None:
        return True
    parent_id = task.assignment.parent_id
    siblings = children_of(fold.task(parent_id), fold) if parent_id else []
    under_way = [each for each in siblings if each.status is not TaskStatus.OPEN and not each.ended]
    waiting = [
        each for each in siblings if each.status is TaskStatus.OPEN and _is_ready(each, fold)
    ]
    waiting.sort(key=lambda each: terms_of(each, fold).priority.rank)
    return waiting.index(task) < procedure.max_parallel - len(under_way)


def _is_ready(task: Task, fold: SessionFold) -> bool:
    return all(fold.task(task_id).ended for task_id in task.assignment.depends_on)
