"""The session as a whole: from what the user said to the answer."""

from __future__ import annotations

from collections.abc import Iterator

from application.fold import SessionFold
from application.orchestration import answers
from application.orchestration.budgeting import due_overruns
from application.orchestration.commands import (
    AskModel,
    CancelSession,
    Command,
    DeclineSession,
    EndSession,
    PlaceTask,
    RecordIntent,
    RepeatEffect,
    ResumeSession,
)
from application.orchestration.deciding.affording import affordable
from application.orchestration.deciding.asking import ask
from application.orchestration.deciding.procedures import carry_out, work_through
from application.orchestration.deciding.setting import Setting
from application.orchestration.outcomes import assemble
from application.orchestration.procedures import HIERARCHY, coordinator_of
from application.orchestration.recovering import due_recoveries
from domain.effect import Failure, FailureKind, ModelAnswer
from domain.session import SessionStatus
from domain.task import Result, Task, TaskStatus
from domain.workflow import Procedure


def decide(fold: SessionFold, setting: Setting) -> list[Command]:
    """Tell what to do next; an empty list means to wait for effects, or that all is done."""
    if fold.session.status is not SessionStatus.RUNNING:
        return []
    due: list[Command] = [*due_recoveries(fold), *due_overruns(fold, setting)]
    return due or list(affordable(_next(fold, setting), fold, setting))


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
    root, workflow = fold.root, fold.session.charter.workflow
    if _is_cancelled(root):
        yield CancelSession(root.failure.message if root.failure else "")
    elif workflow is not None:
        yield from _follow(workflow.procedure, fold, setting)
    else:
        yield from _serve(fold, setting)


def _is_cancelled(root: Task) -> bool:
    return root.status is TaskStatus.CANCELLED


def _serve(fold: SessionFold, setting: Setting) -> Iterator[Command]:
    """Go the way of the house: Nova understands, MasterMind plans, Nova presents."""
    intent, root = fold.session.intent, fold.root
    if intent is None:
        yield from _interpret(fold, setting)
    elif not intent.servable:
        yield DeclineSession(intent.reason)
    elif root.plan is not None and not root.plan.tasks:
        yield DeclineSession(root.plan.reason)
    elif root.unplaced is not None:
        yield _give_up(Failure(kind=FailureKind.UNABLE, message=root.unplaced.reason))
    elif root.holder != setting.orchestrator:
        yield PlaceTask(root.id)
    else:
        done = yield from work_through(root, HIERARCHY, fold, setting)
        if isinstance(done, Failure):
            yield _give_up(done)
        elif done:
            yield from _present(fold, setting)


def _follow(procedure: Procedure, fold: SessionFold, setting: Setting) -> Iterator[Command]:
    """Do what the workflow says; its result is the answer."""
    root = fold.root
    if root.ended:
        yield _end(root.result or root.failure)
    elif root.unplaced is not None:
        yield _give_up(Failure(kind=FailureKind.UNABLE, message=root.unplaced.reason))
    elif root.holder != coordinator_of(procedure, setting):
        yield PlaceTask(root.id)
    else:
        ended = yield from carry_out(root, procedure, fold, setting)
        if ended is not None:
            yield _end(ended)


def _end(ended: Result | Failure | None) -> EndSession:
    if isinstance(ended, Result):
        return EndSession(ended.summary, None, None, ended.data)
    failure = ended or Failure(kind=FailureKind.INTERNAL, message="The workflow has no outcome.")
    return _give_up(failure)


def _interpret(fold: SessionFold, setting: Setting) -> Iterator[Command]:
    intent = yield from ask(fold.root, "interpret", setting.personal, answers.read_intent, fold)
    if isinstance(intent, Failure):
        yield _give_up(intent)
    elif intent is not None:
        yield RecordIntent(intent)


def _present(fold: SessionFold, setting: Setting) -> Iterator[Command]:
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


def _give_up(failure: Failure) -> EndSession:
    return EndSession(failure.told, None, failure)
