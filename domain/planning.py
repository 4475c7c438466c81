"""Plan: a request cut into tasks with dependencies, and the rules a plan must keep."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Annotated

from pydantic import StringConstraints

from domain.decision import Share
from domain.errors import DomainError
from domain.value import NonEmptyText, NonEmptyWords, Value

TaskKey = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
MAX_TASKS = 20
WHOLE_UNDER = 0.3
"""Complexity under which a request stays one task."""


class PlannedTask(Value):
    """One task of a plan.

    Attributes:
        key: name within the plan.
        department: key of the department that shall do it; None where a team or an agent is named.
        skills: what the doer should be able to do, most important first.
        depends_on: keys of the tasks whose results it needs.
    """

    key: TaskKey
    title: NonEmptyWords
    instruction: NonEmptyWords
    department: NonEmptyText | None = None
    skills: tuple[NonEmptyText, ...] = ()
    depends_on: tuple[TaskKey, ...] = ()


class Plan(Value):
    """How a request is decomposed; without tasks it is declined, and `reason` says why.

    Attributes:
        complexity: 0 to 1; under 0.3 a plan holds one task.
    """

    tasks: tuple[PlannedTask, ...]
    complexity: Share
    reason: NonEmptyWords


class PlanError(DomainError):
    """The plan breaks a rule."""


def check_plan(
    plan: Plan,
    departments: Mapping[str, Collection[str]] | None,
    known: Collection[str] = (),
) -> None:
    """Hold a plan against the rules of the house.

    Args:
        departments: skills of each department that exists, by its key; None where a team does the
            tasks, whatever department it is from.
        known: keys of the tasks that there are already, which the plan is to be added to.

    Raises:
        PlanError: too many tasks, several for a simple request, a repeated key, an unknown
            department or dependency, skills that nobody has, a cycle.
    """
    count = len(plan.tasks) + len(known)
    if count > MAX_TASKS:
        raise PlanError(f"The plan has {count} tasks; at most {MAX_TASKS} are allowed.")
    if plan.complexity < WHOLE_UNDER and len(plan.tasks) > 1:
        raise PlanError(
            f"A request of complexity {plan.complexity} is not cut up, and the plan has"
            f" {len(plan.tasks)} tasks; give one task, or a complexity of {WHOLE_UNDER} or more."
        )
    keys = [task.key for task in plan.tasks]
    for key in keys:
        if keys.count(key) > 1 or key in known:
            raise PlanError(f"The plan names task {key!r} twice; give each task its own key.")
    for task in plan.tasks:
        if departments is not None:
            _check_place(task, departments)
        for dependency in task.depends_on:
            if dependency not in keys and dependency not in known:
                raise PlanError(f"Task {task.key!r} depends on the unknown task {dependency!r}.")
    _check_acyclic(plan)


def _check_place(task: PlannedTask, departments: Mapping[str, Collection[str]]) -> None:
    if task.department is None:
        raise PlanError(f"Task {task.key!r} names no department that shall do it.")
    if task.department not in departments:
        known = ", ".join(sorted(departments))
        raise PlanError(
            f"Task {task.key!r} names the unknown department {task.department!r};"
            f" the departments are {known}."
        )
    skills = {skill for own in departments.values() for skill in own}
    if task.skills and skills.isdisjoint(task.skills):
        own = ", ".join(sorted(departments[task.department])) or "none"
        raise PlanError(
            f"Nobody has a skill that task {task.key!r} asks for ({', '.join(task.skills)});"
            f" the skills of {task.department} are {own}."
        )


def _check_acyclic(plan: Plan) -> None:
    graph = {task.key: task.depends_on for task in plan.tasks}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        cycle = " -> ".join(error.args[1])
        raise PlanError(f"The tasks depend on each other in a circle: {cycle}.") from error


def with_plain_keys(plan: Plan, after: int = 0) -> Plan:
    """Name the tasks of a plan by their number: keys are never erased, so they say nothing.

    Args:
        after: how many tasks there are already, whose keys stay as they are.
    """
    keys = {task.key: f"task_{number}" for number, task in enumerate(plan.tasks, start=after + 1)}
    tasks = tuple(
        task.model_copy(
            update={
                "key": keys[task.key],
                "depends_on": tuple(keys.get(key, key) for key in task.depends_on),
            }
        )
        for task in plan.tasks
    )
    return plan.model_copy(update={"tasks": tasks})


def terminal_keys(plan: Plan) -> tuple[str, ...]:
    """Name the tasks that no other task of the plan depends on, in plan order."""
    needed = {key for task in plan.tasks for key in task.depends_on}
    return tuple(task.key for task in plan.tasks if task.key not in needed)
