"""Plan: which plans keep the rules of the house."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.planning import (
    MAX_TASKS,
    Plan,
    PlanError,
    PlannedTask,
    check_plan,
    terminal_keys,
    with_plain_keys,
)

DEPARTMENTS = {"analytics": ("metrics",), "creative": ("video",), "finance": ("tax", "audit")}


def planned(key: str, *depends_on: str, department: str = "finance") -> PlannedTask:
    return PlannedTask(
        key=key, title=key, instruction="Do it.", department=department, depends_on=depends_on
    )


def plan(*tasks: PlannedTask) -> Plan:
    return Plan(tasks=tasks, complexity=0.7, reason="So it is done.")


@st.composite
def acyclic(draw: st.DrawFn) -> Plan:
    """Draw a plan whose tasks depend on earlier ones alone, told in any order."""
    count = draw(st.integers(1, MAX_TASKS))
    tasks = [
        planned(
            f"t{number}",
            *(f"t{earlier}" for earlier in range(number) if draw(st.booleans())),
            department=draw(st.sampled_from(sorted(DEPARTMENTS))),
        )
        for number in range(count)
    ]
    return plan(*draw(st.permutations(tasks)))


@st.composite
def cyclic(draw: st.DrawFn) -> Plan:
    """Draw a plan with one dependency that closes a circle."""
    sound = draw(acyclic())
    by_key = {task.key: task for task in sound.tasks}
    last = by_key[draw(st.sampled_from(sorted(by_key)))]
    needed = {last.key}
    while more := {key for name in needed for key in by_key[name].depends_on} - needed:
        needed |= more
    first = by_key[draw(st.sampled_from(sorted(needed)))]
    back = first.model_copy(update={"depends_on": (*first.depends_on, last.key)})
    return plan(*(back if task.key == first.key else task for task in sound.tasks))


@settings(deadline=None)
@given(acyclic())
def test_a_plan_without_a_circle_passes(sound: Plan) -> None:
    check_plan(sound, DEPARTMENTS)


@settings(deadline=None)
@given(cyclic())
def test_a_dependency_that_leads_back_is_found(broken: Plan) -> None:
    with pytest.raises(PlanError, match="depend on each other in a circle: ") as caught:
        check_plan(broken, DEPARTMENTS)

    circle = str(caught.value).removesuffix(".").rpartition(": ")[2].split(" -> ")
    depends_on = {task.key: task.depends_on for task in broken.tasks}
    assert circle[0] == circle[-1]
    assert all(earlier in depends_on[later] for earlier, later in pairwise(circle))


def test_a_plan_that_declines_passes() -> None:
    check_plan(plan(), DEPARTMENTS)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (plan(planned("a"), planned("b"), planned("a")), "names task 'a' twice"),
        (plan(planned("a", department="magic")), "unknown department 'magic'.*analytics, creative"),
        (plan(planned("a", "b")), "Task 'a' depends on the unknown task 'b'"),
        (plan(planned("a", "a")), "in a circle: a -> a"),
        (plan(*(planned(f"t{n}") for n in range(MAX_TASKS + 1))), "has 21 tasks; at most 20"),
        (
            plan(planned("a"), planned("b")).model_copy(update={"complexity": 0.29}),
            "complexity 0.29 is not cut up, and the plan has 2 tasks",
        ),
        (
            plan(planned("a").model_copy(update={"skills": ("magic",)})),
            r"'a' asks for \(magic\); the skills of finance are audit, tax",
        ),
    ],
)
def test_a_plan_that_breaks_a_rule_is_refused_with_the_rule(broken: Plan, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        check_plan(broken, DEPARTMENTS)


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": "Extract"},
        {"key": ""},
        {"key": "a" * 42},
        {"title": " "},
        {"depends_on": ["Not a key"]},
        {"skills": [""]},
        {"priority": "HIGH"},
    ],
)
def test_a_planned_task_with_an_invalid_part_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PlannedTask.model_validate(planned("a").model_dump() | wrong)


@pytest.mark.parametrize("complexity", [-0.1, 1.1])
def test_complexity_is_a_share(complexity: float) -> None:
    with pytest.raises(ValidationError):
        Plan(tasks=(), complexity=complexity, reason="So.")


def test_the_last_tasks_are_those_nobody_needs_in_plan_order() -> None:
    told = plan(planned("c", "a"), planned("a"), planned("b"))

    assert terminal_keys(told) == ("c", "b")


@settings(deadline=None)
@given(acyclic())
def test_every_plan_without_a_circle_has_a_last_task(sound: Plan) -> None:
    assert terminal_keys(sound)


@given(drawn=acyclic())
def test_plain_keys_say_nothing_and_change_nothing_else(drawn: Plan) -> None:
    plain = with_plain_keys(drawn)

    numbers = range(1, len(drawn.tasks) + 1)
    assert [task.key for task in plain.tasks] == [f"task_{number}" for number in numbers]
    names = {task.key: other.key for task, other in zip(drawn.tasks, plain.tasks, strict=True)}
    for before, after in zip(drawn.tasks, plain.tasks, strict=True):
        renamed = {"key": names[before.key], "depends_on": tuple(map(names.get, before.depends_on))}
        assert after == before.model_copy(update=renamed)
    assert (plain.complexity, plain.reason) == (drawn.complexity, drawn.reason)
    assert Plan.model_validate(plain.model_dump()) == plain
