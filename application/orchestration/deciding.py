"""Deciding: pure functions from what a session is to what happens next."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping
from typing import cast

from application.directory import Directory
from application.fold import SessionFold
from application.orchestration import answers
from application.orchestration.commands import (
    AdoptPlan,
    AskModel,
    CancelSession,
    Command,
    CompleteTask,
    CreateTasks,
    DeclineSession,
    EndSession,
    FailTask,
    PlaceTask,
    Purpose,
    RecordIntent,
    RejectAnswer,
    RepeatEffect,
    ResumeSession,
    StartTask,
    UseTool,
)
from application.orchestration.outcomes import assemble, result_of, root_failure
from domain.agent import Level
from domain.effect import Failure, FailureKind, ModelAnswer
from domain.planning import with_plain_keys
from domain.session import SessionStatus
from domain.task import Step, Task, TaskStatus


class Setting:
    """What decisions depend on beside the fold: the organisation as it was when it opened.

    Args:
        personal: handle of the personal agent (Nova).
        orchestrator: handle of the orchestrator (MasterMind).
        departments: skills of each department by its key.
        levels: level of every agent by handle.
        turns: model calls that each agent may spend on one task, by handle.
    """

    def __init__(
        self,
        personal: str,
        orchestrator: str,
        departments: Mapping[str, Collection[str]],
        levels: Mapping[str, Level],
        turns: Mapping[str, int],
    ) -> None:
        self.personal = personal
        self.orchestrator = orchestrator
        self.departments = departments
        self.levels = levels
        self.turns = turns

    @classmethod
    def of(cls, directory: Directory) -> Setting:
        """Take from the organisation what decisions depend on."""
        return cls(
            personal=directory.personal.handle,
            orchestrator=directory.orchestrator.handle,
            departments={
                department.key: directory.skills_of(department.key)
                for department in directory.departments
            },
            levels=directory.levels,
            turns={
                handle: agent.capabilities.max_reasoning_turns
                for handle, agent in directory.agents.items()
            },
        )


def decide(fold: SessionFold, setting: Setting) -> list[Command]:
    """Tell what to do next; an empty list means to wait for effects, or that all is done."""
    if fold.session.status is not SessionStatus.RUNNING:
        return []
    return list(_next(fold, setting))


def take_over(fold: SessionFold) -> list[Command]:
    """Tell what to do first in a session that another process ran.

    What was in flight is performed again under the same effect ids; what had failed waits for its
    next attempt.
    """
    live = () if _is_cancelled(fold.root) else [task for task in fold.tasks if not task.ended]
    pending = [(task, effect) for task in live for effect in task.pending.values()]
    resume = ResumeSession(tuple(effect.effect_id for _, effect in pending))
    again = [RepeatEffect(task.id, effect) for task, effect in pending if not effect.failed]
    return [resume, *again]


def _next(fold: SessionFold, setting: Setting) -> Iterator[Command]:
    intent, root, planned = fold.session.intent, fold.root, fold.planned
    plan = root.plan
    if _is_cancelled(root):
        yield CancelSession(root.failure.message if root.failure else "")
    elif intent is None:
        yield from _interpret(fold, setting)
    elif not intent.servable:
        yield DeclineSession(intent.reason)
    elif plan is None:
        yield from _plan(fold, setting)
    elif not plan.tasks:
        yield DeclineSession(plan.reason)
    elif len(planned) < len(root.task_ids):
        yield CreateTasks()
    elif not all(task.ended for task in planned):
        for task in planned:
            yield from _advance(task, fold, setting)
    else:
        yield from _finish(fold, setting)


def _is_cancelled(root: Task) -> bool:
    return root.status is TaskStatus.CANCELLED


def _interpret(fold: SessionFold, setting: Setting) -> Iterator[Command]:
    answer = yield from _ask(fold, "interpret", setting.personal)
    if answer is not None:
        step, content = answer
        try:
            yield RecordIntent(answers.read_intent(content))
        except answers.AnswerError as error:
            yield RejectAnswer(fold.root.id, step.effect_id, str(error))


def _plan(fold: SessionFold, setting: Setting) -> Iterator[Command]:
    if fold.root.unplaced is not None:
        yield _give_up(Failure(kind=FailureKind.UNABLE, message=fold.root.unplaced.reason))
        return
    if fold.root.holder != setting.orchestrator:
        yield PlaceTask(fold.root.id)
        return
    answer = yield from _ask(fold, "decompose", setting.orchestrator)
    if answer is not None:
        step, content = answer
        try:
            plan = answers.read_plan(content, setting.departments)
            yield AdoptPlan(with_plain_keys(plan) if fold.session.charter.subject else plan)
        except answers.AnswerError as error:
            yield RejectAnswer(fold.root.id, step.effect_id, str(error))


def _ask(
    fold: SessionFold, purpose: Purpose, agent: str
) -> Generator[Command, None, tuple[Step, ModelAnswer] | None]:
    """Ask for a structured answer until there is one to read, or give the session up.

    Returns:
        The step and its answer, when there is one that was not rejected.
    """
    root = fold.root
    if root.pending:
        return None
    steps = [step for step in root.steps if step.purpose == purpose]
    if not steps:
        yield AskModel(root.id, purpose, agent)
        return None
    latest = steps[-1]
    if latest.failure is not None:
        yield _give_up(latest.failure)
        return None
    if latest.rejection is None:
        return latest, cast("ModelAnswer", latest.answer)
    if _repairs_left(steps, fold):
        yield AskModel(root.id, purpose, agent)
    else:
        yield _give_up(_bad_answer(latest, agent))
    return None


def _advance(task: Task, fold: SessionFold, setting: Setting) -> Iterator[Command]:
    if task.status is TaskStatus.OPEN:
        yield from _bring_to_work(task, fold, setting)
    elif task.status is TaskStatus.STARTED and not task.pending:
        yield from _work(task, fold, setting)


def _bring_to_work(task: Task, fold: SessionFold, setting: Setting) -> Iterator[Command]:
    if task.unplaced is not None:
        yield FailTask(task.id, Failure(kind=FailureKind.UNABLE, message=task.unplaced.reason))
    elif setting.levels[task.holder] is not Level.SPECIALIST:
        yield PlaceTask(task.id)
    else:
        needed = [fold.task(task_id) for task_id in task.assignment.depends_on]
        lost = next((other for other in needed if other.ended and other.result is None), None)
        if lost is not None:
            yield FailTask(task.id, _lost_dependency(lost))
        elif all(other.ended for other in needed):
            yield StartTask(task.id)


def _work(task: Task, fold: SessionFold, setting: Setting) -> Iterator[Command]:
    steps = [step for step in task.steps if step.purpose]
    if not steps:
        yield AskModel(task.id, "execute", task.holder)
        return
    latest = steps[-1]
    if latest.failure is not None:
        yield FailTask(task.id, latest.failure)
        return
    if latest.rejection is not None:
        yield _repair(task, steps, fold)
        return
    answer = cast("ModelAnswer", latest.answer)
    try:
        submission = answers.read_submission(answer)
    except answers.AnswerError as error:
        yield RejectAnswer(task.id, latest.effect_id, str(error))
        return
    if submission is None:
        limit = min(fold.session.charter.policy.max_iterations, setting.turns[task.holder])
        yield from _use_tools(task, answer, steps, limit)
    elif submission.done:
        yield CompleteTask(task.id, result_of(submission, task))
    else:
        yield FailTask(task.id, root_failure(submission, task))


def _use_tools(task: Task, answer: ModelAnswer, steps: list[Step], limit: int) -> Iterator[Command]:
    if len(steps) >= limit:
        message = f"{task.holder} handed in no result within {limit} model calls."
        yield FailTask(task.id, Failure(kind=FailureKind.UNABLE, message=message))
        return
    used = task.steps[task.steps.index(steps[-1]) + 1 :]
    settled = {step.call.call_id for step in used if step.call is not None}
    missing = [call for call in answer.tool_calls if call.call_id not in settled]
    for call in missing:
        yield UseTool(task.id, call, task.holder)
    if not missing:
        yield AskModel(task.id, "execute", task.holder)


def _repair(task: Task, steps: list[Step], fold: SessionFold) -> Command:
    if _repairs_left(steps, fold):
        return AskModel(task.id, "execute", task.holder)
    return FailTask(task.id, _bad_answer(steps[-1], task.holder))


def _finish(fold: SessionFold, setting: Setting) -> Iterator[Command]:
    root = fold.root
    if root.pending:
        return
    presented = next((step for step in root.steps if step.purpose == "present"), None)
    if presented is None:
        yield AskModel(root.id, "present", setting.personal)
        return
    outcome = assemble(fold)
    if isinstance(presented.answer, ModelAnswer) and presented.answer.text.strip():
        yield EndSession(presented.answer.text, presented.answer.model, outcome.failure)
    else:
        yield EndSession(outcome.text, None, outcome.failure)


def _repairs_left(steps: list[Step], fold: SessionFold) -> bool:
    rejected = 0
    for step in reversed(steps):
        if step.rejection is None:
            break
        rejected += 1
    return rejected <= fold.session.charter.policy.max_repairs


def _bad_answer(step: Step, agent: str) -> Failure:
    message = f"The model of {agent} gave no valid answer: {step.rejection}"
    return Failure(kind=FailureKind.BAD_ANSWER, message=message)


def _lost_dependency(lost: Task) -> Failure:
    reason = lost.failure.message if lost.failure else "it was stopped"
    message = f"It needs the result of {lost.assignment.key!r}, which failed: {reason}"
    return Failure(kind=FailureKind.DEPENDENCY, message=message)


def _give_up(failure: Failure) -> EndSession:
    return EndSession(answer=failure.message, model=None, failure=failure)
