"""Outcomes: what submissions mean for a task, and what tasks mean for the session."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from application.briefs import Submission
from application.fold import SessionFold
from domain.artefact import Artefact
from domain.effect import Failure, FailureKind, ToolAnswer
from domain.planning import terminal_keys
from domain.task import Result, Task


@dataclass(frozen=True, slots=True)
class Outcome:
    """The results of a plan's last tasks put together; a failure when none of them succeeded."""

    text: str
    failure: Failure | None


def artefacts_of(task: Task) -> tuple[Artefact, ...]:
    """List the files a task wrote, in order of the calls; of a file written twice, the newest."""
    answers = {
        step.effect_id: step.answer for step in task.steps if isinstance(step.answer, ToolAnswer)
    }
    newest = {
        artefact.path: artefact for answer in answers.values() for artefact in answer.artefacts
    }
    # Calls that run at the same time end in any order; their ids sort by when they were asked for.
    called = (answers[effect_id] for effect_id in sorted(answers))
    paths = dict.fromkeys(artefact.path for answer in called for artefact in answer.artefacts)
    return tuple(newest[path] for path in paths)


def session_artefacts(fold: SessionFold) -> tuple[Artefact, ...]:
    """List the files of all completed tasks, in plan order."""
    return artefacts_in_order(fold.planned)


def salvaged_artefacts(fold: SessionFold) -> tuple[Artefact, ...]:
    """List the files of a session that failed, also those of tasks that did, nested ones too."""
    left = (each for task in fold.tasks if task.failure for each in task.failure.artefacts)
    return tuple({each.path: each for each in (*left, *session_artefacts(fold))}.values())


def artefacts_in_order(tasks: Iterable[Task]) -> tuple[Artefact, ...]:
    """List the files that tasks gave, in their order; of a file given twice, the newest."""
    newest = {
        artefact.path: artefact
        for task in tasks
        if task.result is not None
        for artefact in task.result.artefacts
    }
    return tuple(newest.values())


def result_of(submission: Submission, task: Task) -> Result:
    """Make a result of what a specialist handed in and of the files it wrote."""
    return Result(summary=submission.summary, data=submission.data, artefacts=artefacts_of(task))


def root_failure(submission: Submission, task: Task) -> Failure:
    """Say why a specialist gave up: by the kind of its last tool failure, in its own words."""
    failed = [step.failure for step in task.steps if step.call is not None and step.failure]
    kind = failed[-1].kind if failed else FailureKind.UNABLE
    message = submission.summary.strip() or f"{task.holder} could not do the task."
    return Failure(kind=kind, message=message)


def assemble(fold: SessionFold) -> Outcome:
    """Concatenate the results of the tasks that no other task builds on."""
    plan = fold.root.plan
    if plan is None:
        raise LookupError("a session without a plan has no outcome")
    last = [fold.task(fold.root.task_ids[key]) for key in terminal_keys(plan)]
    texts = [task.result.summary for task in last if task.result is not None]
    if texts:
        return Outcome(text="\n\n".join(texts), failure=None)
    cause = first_cause(fold.planned)
    return Outcome(text=cause.told, failure=cause)


def first_cause(tasks: Iterable[Task]) -> Failure:
    """Find the failure that the other failures of tasks follow from; at least one has failed."""
    failures = [task.failure for task in tasks if task.failure is not None]
    own = [failure for failure in failures if failure.kind is not FailureKind.DEPENDENCY]
    return (own or failures)[0]
