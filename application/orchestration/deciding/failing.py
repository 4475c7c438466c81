"""Failing: what becomes of a task that cannot be done the way it was tried."""

from __future__ import annotations

from collections.abc import Iterator

from application.fold import SessionFold
from application.orchestration.commands import (
    ChooseRecovery,
    Command,
    FailTask,
    ReopenTask,
    SkipTask,
)
from application.orchestration.deciding.setting import Setting
from application.orchestration.procedures import terms_of
from application.orchestration.recovering import recover_work, root_cause
from application.orchestration.salvaging import with_what_was_found
from domain.effect import Failure, FailureKind
from domain.task import Task
from domain.workflow import OnError


def give_up(task: Task, failure: Failure, fold: SessionFold, setting: Setting) -> Iterator[Command]:
    """Begin anew, let somebody else try, skip or fail, as terms and policy say."""
    terms = terms_of(task, fold)
    if terms.on_error is OnError.RETRY and len(task.setbacks) < terms.retries:
        yield ReopenTask(task.id, failure, task.holder)
        return
    cause = root_cause(task, failure)
    is_own = failure.kind is not FailureKind.DEPENDENCY
    if is_own and fold.session.charter.policy.recovery is not None:
        recovery = recover_work(task, failure, fold, setting)
        yield ChooseRecovery(task.id, recovery)
        if recovery.agent is not None:
            yield ReopenTask(task.id, cause, recovery.agent)
            return
        cause = with_what_was_found(cause, task)
    if terms.on_error is OnError.SKIP:
        yield SkipTask(task.id, cause)
    else:
        yield FailTask(task.id, cause)


def lost_dependency(task: Task, fold: SessionFold) -> Failure | None:
    """Say which result is missing that a task needs, once it is sure that it will not come."""
    needed = (fold.task(task_id) for task_id in task.assignment.depends_on)
    lost = next((other for other in needed if other.ended and other.result is None), None)
    if lost is None:
        return None
    reason = lost.failure.message if lost.failure else "it was stopped"
    message = f"It needs the result of {lost.assignment.key!r}, which failed: {reason}"
    return Failure(kind=FailureKind.DEPENDENCY, message=message)
