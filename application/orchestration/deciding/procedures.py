"""Procedures: a task is cut into tasks, they are advanced, and their results assembled."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping

from application.fold import SessionFold
from application.orchestration import answers
from application.orchestration.assembling import assembled
from application.orchestration.commands import (
    AdoptPlan,
    Command,
    CompleteTask,
    CreateTasks,
    ExtendPlan,
)
from application.orchestration.deciding.asking import ask
from application.orchestration.deciding.failing import give_up, lost_dependency
from application.orchestration.deciding.placed import bring_to_place
from application.orchestration.deciding.setting import Setting
from application.orchestration.deciding.supervised import supervise
from application.orchestration.deciding.working import work
from application.orchestration.deliberating import superfluous
from application.orchestration.filling import check_filling, filled_instruction
from application.orchestration.fitting import unfit
from application.orchestration.procedures import (
    children_of,
    coordinator_of,
    procedure_of,
    terms_of,
)
from application.orchestration.rounds import next_round, opening_tasks
from domain.decomposition import cut
from domain.effect import Failure, FailureKind
from domain.planning import Plan, PlanError, check_plan, with_plain_keys
from domain.task import Result, Task, TaskStatus
from domain.workflow import Planning, Procedure

Ended = Generator[Command, None, Result | Failure | None]


def carry_out(task: Task, procedure: Procedure, fold: SessionFold, setting: Setting) -> Ended:
    """Let several do a task.

    Returns:
        The result, or why there is none; None while it is under way.
    """
    if procedure.supervision is None:
        done = yield from work_through(task, procedure, fold, setting)
    else:
        done = yield from supervise(task, procedure, fold, setting, work_through)
    if isinstance(done, Failure):
        return done
    if not done:
        return None
    return (yield from assembled(task, procedure, fold, setting))


def work_through(
    task: Task, procedure: Procedure, fold: SessionFold, setting: Setting
) -> Generator[Command, None, bool | Failure]:
    """Plan a task, and advance its tasks until all have ended.

    Returns:
        Whether all have ended; a failure when there is no plan.
    """
    if task.plan is None:
        return (yield from _plan(task, procedure, fold, setting))
    if not task.plan.tasks:
        return Failure(kind=FailureKind.UNABLE, message=task.plan.reason)
    children = children_of(task, fold)
    if len(children) < len(task.task_ids):
        yield CreateTasks(task.id)
        return False
    if all(child.ended for child in children):
        further = next_round(task, procedure, fold)
        if further is None:
            return True
        yield ExtendPlan(task.id, further)
        return False
    given_up = list(superfluous(task, procedure, fold))
    yield from given_up
    for child in () if given_up else children:
        yield from _advance(child, procedure, fold, setting)
    return False


def _plan(
    task: Task, procedure: Procedure, fold: SessionFold, setting: Setting
) -> Generator[Command, None, bool | Failure]:
    unfilled = check_filling(task, fold)
    if unfilled is not None:
        return Failure(kind=FailureKind.BAD_INPUT, message=unfilled)
    if procedure.planning is Planning.GIVEN:
        yield AdoptPlan(task.id, given_plan(procedure))
        return False
    departments = None if procedure.team else setting.departments
    if procedure.planning is Planning.RULES:
        return (yield from _plan_by_rules(task, departments, fold))
    plan = yield from ask(
        task,
        "decompose",
        coordinator_of(procedure, setting),
        lambda answer: answers.read_plan(answer, departments),
        fold,
    )
    if isinstance(plan, Failure):
        return plan
    if plan is not None:
        yield AdoptPlan(task.id, with_plain_keys(plan) if fold.session.charter.subject else plan)
    return False


def _plan_by_rules(
    task: Task, departments: Mapping[str, Collection[str]] | None, fold: SessionFold
) -> Generator[Command, None, bool | Failure]:
    """Cut a task up by its words; a plan that breaks a rule is told with the reason."""
    try:
        plan = cut(filled_instruction(task, fold), departments)
        check_plan(plan, departments)
    except PlanError as error:
        message = f"The plan that the rules made is rejected: {error}"
        return Failure(kind=FailureKind.UNABLE, message=message)
    yield AdoptPlan(task.id, plan)
    return False


def given_plan(procedure: Procedure) -> Plan:
    """Make a plan of the tasks that a procedure names."""
    return Plan(
        tasks=opening_tasks(procedure),
        complexity=1.0,
        reason=f"Given by the pattern {procedure.pattern}.",
    )


def _advance(
    task: Task, procedure: Procedure, fold: SessionFold, setting: Setting
) -> Generator[Command, None, None]:
    """Advance one task of a procedure by a step."""
    own = procedure_of(task, fold)
    if task.ended:
        return
    if task.status is TaskStatus.OPEN:
        lost = lost_dependency(task, fold)
        if lost is not None:
            yield from give_up(task, lost, fold, setting)
        else:
            yield from bring_to_place(task, procedure, fold, setting)
    elif own is not None:
        ended = yield from carry_out(task, own, fold, setting)
        if isinstance(ended, Failure):
            yield from give_up(task, ended, fold, setting)
        elif ended is not None:
            lack = unfit(ended, terms_of(task, fold))
            if lack is None:
                yield CompleteTask(task.id, ended)
            else:
                failure = Failure(kind=FailureKind.BAD_ANSWER, message=lack)
                yield from give_up(task, failure, fold, setting)
    elif not task.pending:
        yield from work(task, fold, setting)
