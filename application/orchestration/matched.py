"""Matched: which tasks of a plan are given out to a team together."""

from __future__ import annotations

from collections import Counter

from application.fold import SessionFold
from application.orchestration.consulted import instruction_of
from application.orchestration.procedures import children_of, placed_with, surrounding
from application.routing.matching import Matching
from domain.routing import ASSIGNMENT, Need, weights_of
from domain.task import Task, TaskStatus
from domain.workflow import Procedure


def matching_of(task: Task, fold: SessionFold, orchestrator: str) -> Matching | None:
    """Gather the tasks that wait for a member of the same team, where they are given out at once.

    Those that members have already count as what they hold, so that one decision after the other
    comes to what all of them together would.
    """
    procedure, parent_id = surrounding(task, fold), task.assignment.parent_id
    routing = procedure.routing or fold.session.charter.policy.routing
    if parent_id is None or not procedure.team or ASSIGNMENT not in weights_of(routing):
        return None
    siblings = children_of(fold.task(parent_id), fold)
    waiting = [
        each for each in siblings if each is task or _waits(each, procedure, fold, orchestrator)
    ]
    held = Counter(each.holder for each in siblings if each.delegations and each not in waiting)
    return Matching(
        needs=[_need(each, fold) for each in waiting], own=waiting.index(task), held=held
    )


def _waits(task: Task, procedure: Procedure, fold: SessionFold, orchestrator: str) -> bool:
    found = task.delegations and task.holder in procedure.team
    named = placed_with(task, fold, orchestrator) is not None
    return task.status is TaskStatus.OPEN and task.unplaced is None and not found and not named


def _need(task: Task, fold: SessionFold) -> Need:
    assignment = task.assignment
    words = f"{assignment.title} {instruction_of(task, fold)}"
    return Need(skills=assignment.skills, words=words)
