"""Procedures of tasks: which one a task follows, who coordinates it, and what belongs to it."""

from __future__ import annotations

from typing import Protocol

from application.fold import SessionFold
from application.orchestration.rounds import has_rounds, terms_in_round
from domain.task import Task
from domain.workflow import Planning, Procedure, Terms

HIERARCHY = Procedure(pattern="hierarchy", planning=Planning.MODEL)
"""The way of the house: MasterMind plans, tasks go down to specialists, results are joined."""


class Orchestrated(Protocol):
    """An organisation with an orchestrator."""

    @property
    def orchestrator(self) -> str:
        """Handle of the orchestrator."""
        ...


def procedure_of(task: Task, fold: SessionFold) -> Procedure | None:
    """Tell how several do a task; None where one agent does it alone."""
    workflow = fold.session.charter.workflow
    if task.assignment.parent_id is None:
        return HIERARCHY if workflow is None else workflow.procedure
    if workflow is None or not workflow.procedures:
        return None
    name = terms_of(task, fold).procedure
    return None if name is None else workflow.procedures[name]


def surrounding(task: Task, fold: SessionFold) -> Procedure:
    """Tell of which procedure a task is a part; the root is one of its own."""
    parent_id = task.assignment.parent_id
    procedure = procedure_of(task if parent_id is None else fold.task(parent_id), fold)
    return procedure or HIERARCHY


def terms_of(task: Task, fold: SessionFold) -> Terms:
    """Give the terms of a task; where nothing was said, all is left to the rules of the house."""
    known = fold.terms.get(task.id)
    if known is not None:
        return known
    if fold.session.charter.workflow is None or task.assignment.parent_id is None:
        return NO_TERMS
    procedure = surrounding(task, fold)
    if has_rounds(procedure):
        in_round = terms_in_round(task, procedure, fold)
        return in_round or procedure.terms_of(task.assignment.key) or NO_TERMS
    terms = procedure.terms_of(task.assignment.key) or NO_TERMS
    fold.terms[task.id] = terms
    return terms


def coordinator_of(procedure: Procedure, setting: Orchestrated) -> str:
    """Name who plans and assembles."""
    return procedure.coordinator or setting.orchestrator


def placed_with(task: Task, fold: SessionFold, orchestrator: str) -> str | None:
    """Name the agent that a task is for, without a choice; None where it is chosen."""
    own = procedure_of(task, fold)
    if own is HIERARCHY:
        return None
    return terms_of(task, fold).agent if own is None else own.coordinator or orchestrator


def children_of(task: Task, fold: SessionFold) -> list[Task]:
    """List the tasks that a task was cut into, in plan order, as far as they exist."""
    return [fold.task(task_id) for task_id in task.task_ids.values() if fold.has(task_id)]


def by_urgency(fold: SessionFold) -> list[Task]:
    """List the tasks of a session, those with the most urgent terms first."""
    if fold.session.charter.workflow is None:
        return fold.tasks
    return sorted(fold.tasks, key=lambda task: terms_of(task, fold).priority.rank)


NO_TERMS = Terms()
