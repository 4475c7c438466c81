"""Pairing: the tasks and decisions of a what-if beside those of its parent."""

from __future__ import annotations

from itertools import zip_longest

from application.fold import SessionFold
from application.views import DecisionView, TaskView, decision_views, task_view
from application.what_if.reporting import Told
from application.what_if.views import DecisionPairView, TaskPairView
from domain.session import SessionStatus
from domain.task import ENDED


def task_pairs(parent: Told, fork: Told) -> tuple[TaskPairView, ...]:
    """Put the tasks of both sessions side by side, by their keys.

    What a what-if that was stopped has not come to yet is no difference.
    """
    stopped = fork.fold.session.status is SessionStatus.RUNNING
    sides = _tasks(parent.fold), _tasks(fork.fold)
    decisions = _decisions(parent), _decisions(fork)
    return tuple(
        _task_pair(
            (sides[0].get(key), sides[1].get(key)),
            [
                _decision_pair(one, other, stopped=stopped)
                for one, other in zip_longest(decisions[0].get(key, []), decisions[1].get(key, []))
            ],
            _needs(key, fork.fold) or _needs(key, parent.fold),
            stopped=stopped,
        )
        for key in dict.fromkeys((*sides[0], *sides[1]))
    )


def _task_pair(
    sides: tuple[TaskView | None, TaskView | None],
    decisions: list[DecisionPairView],
    needs: tuple[str, ...],
    *,
    stopped: bool,
) -> TaskPairView:
    parent, fork = sides
    one = fork or parent
    assert one is not None  # noqa: S101 - for type checkers
    return TaskPairView(
        key=one.key,
        title=one.title,
        depends_on=needs,
        parent=parent,
        fork=fork,
        decisions=tuple(decisions),
        differs=_differ(parent, fork, stopped=stopped) or any(pair.differs for pair in decisions),
    )


def _differ(parent: TaskView | None, fork: TaskView | None, *, stopped: bool) -> bool:
    if parent is None or fork is None:
        return parent is None or not stopped
    if stopped and fork.status not in ENDED:
        return parent.path[: len(fork.path)] != fork.path
    return (parent.status, parent.path) != (fork.status, fork.path)


def _decision_pair(
    parent: DecisionView | None, fork: DecisionView | None, *, stopped: bool
) -> DecisionPairView:
    if parent is None or fork is None:
        is_due = stopped and fork is None
        return DecisionPairView(parent=parent, fork=fork, differs=() if is_due else ("missing",))
    one, other = parent.decision, fork.decision
    scores = [
        {candidate.handle: (candidate.score, candidate.parts) for candidate in each.candidates}
        for each in (one, other)
    ]
    differs = (
        ("chosen", one.chosen != other.chosen),
        ("scores", scores[0] != scores[1]),
        ("confidence", one.confidence != other.confidence),
        ("strategy", one.strategy != other.strategy),
    )
    return DecisionPairView(
        parent=parent, fork=fork, differs=tuple(name for name, is_so in differs if is_so)
    )


def _tasks(fold: SessionFold) -> dict[str, TaskView]:
    return {task.assignment.key: task_view(task) for task in fold.tasks}


def _needs(key: str, fold: SessionFold) -> tuple[str, ...]:
    """Name the tasks that a task builds on."""
    keys = {task.id: task.assignment.key for task in fold.tasks}
    return tuple(
        keys[task_id]
        for task in fold.tasks
        if task.assignment.key == key
        for task_id in task.assignment.depends_on
        if task_id in keys
    )


def _decisions(told: Told) -> dict[str, list[DecisionView]]:
    found: dict[str, list[DecisionView]] = {}
    for view in decision_views(told.history, told.fold):
        found.setdefault(view.task_key, []).append(view)
    return found
