"""Supervised: work goes from state to state, is assessed, and mended where it falls short.

The planning agent (the coordinator) plans, the team executes, the monitor assesses and the
recovery agent plans what mends the work. Every step from one state to the next is recorded with the
assessment it rests on and a snapshot of figures.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

from application.fold import SessionFold
from application.orchestration import answers
from application.orchestration.commands import Command, ExtendPlan, TransitionTask
from application.orchestration.deciding.asking import ask
from application.orchestration.deciding.setting import Setting
from application.orchestration.procedures import children_of, coordinator_of
from application.orchestration.supervising import figures_of, rounds_left, rounds_of
from domain.effect import Failure, FailureKind
from domain.planning import with_plain_keys
from domain.supervision import SupervisionState, Transition
from domain.task import Task
from domain.workflow import Procedure, Supervision

Done = Generator[Command, None, bool | Failure]

WorkThrough = Callable[[Task, Procedure, SessionFold, Setting], Done]
"""Plans a task and advances its tasks until all have ended."""


def supervise(
    task: Task,
    procedure: Procedure,
    fold: SessionFold,
    setting: Setting,
    work_through: WorkThrough,
) -> Done:
    """Take supervised work one step further.

    Returns:
        Whether it is completed; a failure when it has failed.
    """
    state, supervision = task.supervision, procedure.supervision
    if supervision is None or state is SupervisionState.COMPLETED:
        return True
    planner = coordinator_of(procedure, setting)
    if state is SupervisionState.INITIALISING:
        reason = f"{supervision.monitor} monitors and {supervision.recovery} recovers."
        yield _go(task, SupervisionState.PLANNING, reason, fold, planner)
    elif state is SupervisionState.FAILED:
        return Failure(kind=FailureKind.UNABLE, message=task.transitions[-1].assessment)
    elif state is SupervisionState.MONITORING:
        yield from _monitor(task, supervision, fold)
    elif state is SupervisionState.RECOVERING:
        yield from _recover(task, procedure, supervision, fold, setting)
    elif state is SupervisionState.PLANNING and task.plan is not None:
        yield _go(task, SupervisionState.EXECUTING, task.plan.reason, fold, planner)
    else:
        done = yield from work_through(task, procedure, fold, setting)
        if isinstance(done, Failure):
            yield _go(task, SupervisionState.FAILED, done.message, fold, planner)
        elif done:
            said = _said(children_of(task, fold))
            yield _go(task, SupervisionState.MONITORING, said, fold, planner)
    return False


def _monitor(
    task: Task, supervision: Supervision, fold: SessionFold
) -> Generator[Command, None, None]:
    found = yield from ask(task, "monitor", supervision.monitor, answers.read_assessment, fold)
    if found is None:
        return
    if isinstance(found, Failure):
        yield _go(task, SupervisionState.FAILED, found.message, fold, supervision.monitor)
        return
    state, said = SupervisionState(found.state), found.assessment
    if state is SupervisionState.RECOVERING and not rounds_left(task, fold):
        times = f"{supervision.max_rounds} rounds"
        state, said = SupervisionState.FAILED, f"It was not mended within {times}: {said}"
    yield _go(task, state, said, fold, supervision.monitor)


def _recover(
    task: Task,
    procedure: Procedure,
    supervision: Supervision,
    fold: SessionFold,
    setting: Setting,
) -> Generator[Command, None, None]:
    agent = supervision.recovery
    departments = None if procedure.team else setting.departments
    if task.extensions == rounds_of(task) and task.plan is not None:
        yield _go(task, SupervisionState.EXECUTING, _mended_by(task), fold, agent)
        return
    plan = yield from ask(
        task,
        "recover",
        agent,
        lambda answer: answers.read_plan(answer, departments, task.task_ids),
        fold,
    )
    if isinstance(plan, Failure):
        yield _go(task, SupervisionState.FAILED, plan.message, fold, agent)
    elif plan is not None and not plan.tasks:
        yield _go(task, SupervisionState.FAILED, plan.reason, fold, agent)
    elif plan is not None:
        plain = fold.session.charter.subject is not None
        yield ExtendPlan(task.id, with_plain_keys(plan, len(task.task_ids)) if plain else plan)


def _mended_by(task: Task) -> str:
    plan = task.plan
    return f"{len(plan.tasks) if plan else 0} tasks are planned by now."


def _go(
    task: Task, state: SupervisionState, assessment: str, fold: SessionFold, agent: str
) -> TransitionTask:
    transition = Transition(
        from_state=task.supervision,
        to_state=state,
        assessment=assessment,
        metrics=figures_of(task, fold),
    )
    return TransitionTask(task.id, transition, agent)


def _said(children: Sequence[Task]) -> str:
    done = sum(1 for child in children if child.result is not None)
    return f"All {len(children)} tasks have ended, {done} of them with a result."
