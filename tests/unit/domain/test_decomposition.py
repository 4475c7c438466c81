"""B21: a request is cut by rules into a graph of tasks, or stays whole, as its complexity says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.decomposition import CUT_FROM, clauses_of, complexity_of, cut
from domain.planning import WHOLE_UNDER, check_plan

DEPARTMENTS = {
    "analytics": ("metrics", "charts", "reporting"),
    "research": ("data_extraction", "research"),
    "legal": ("contracts", "review"),
}


def graph(request: str) -> dict[str, tuple[str, ...]]:
    return {task.key: task.depends_on for task in cut(request, DEPARTMENTS).tasks}


def test_a_simple_request_stays_whole() -> None:
    plan = cut("Draw charts of it", DEPARTMENTS)
    (task,) = plan.tasks
    assert plan.complexity < WHOLE_UNDER
    assert (task.department, task.skills) == ("analytics", ("charts",))
    assert "one part and stays whole" in plan.reason


def test_under_the_first_threshold_several_parts_stay_one_task() -> None:
    plan = cut("Compute metrics and draw charts", DEPARTMENTS)
    assert plan.complexity < WHOLE_UNDER
    assert len(plan.tasks) == 1
    assert plan.tasks[0].skills == ("metrics", "charts")


def test_between_the_thresholds_only_different_departments_are_worth_a_cut() -> None:
    one = cut("Compute metrics, draw charts, then write the reporting on it", DEPARTMENTS)
    two = cut("Research the market, then draw charts of it", DEPARTMENTS)
    assert WHOLE_UNDER <= one.complexity < CUT_FROM
    assert WHOLE_UNDER <= two.complexity < CUT_FROM
    assert (len(one.tasks), len(two.tasks)) == (1, 2)
    assert "one department can do all 3 parts" in one.reason


def test_a_team_shares_what_one_department_would_not() -> None:
    request = "Compute metrics, draw charts, then write the reporting on it"
    assert len(cut(request, None).tasks) == 3
    assert all(task.department is None for task in cut(request, None).tasks)


def test_from_the_second_threshold_on_a_request_is_cut_along_its_dependencies() -> None:
    """B3: MasterMind cuts up from 0.5 on."""
    request = (
        "Research the market, compute metrics and draw charts, review the contracts,"
        " then report on all results"
    )
    plan = cut(request, DEPARTMENTS)
    assert plan.complexity >= CUT_FROM
    assert graph(request) == {
        "task_1": (),
        "task_2": ("task_1",),
        "task_3": ("task_1",),
        "task_4": ("task_1",),
        "task_5": ("task_2", "task_3", "task_4"),
    }
    assert [task.department for task in plan.tasks] == [
        "research",
        "analytics",
        "analytics",
        "legal",
        "analytics",
    ]


@pytest.mark.parametrize(
    ("request_", "needs"),
    [
        ("1. Plan it\n2. Design it\n3. Test it", [(), (0,), (1,)]),
        ("- Plan a\n- Design b\n- Test c\n- Summarise all", [(), (), (), (0, 1, 2)]),
        ("Plan a. Design b. Then test it.", [(), (), (1,)]),
        ("Berechne a, zeichne b und fasse alles zusammen", [(), (), (0, 1)]),
    ],
)
def test_lists_sentences_and_words_say_what_follows_what(
    request_: str, needs: list[tuple[int, ...]]
) -> None:
    plan = cut(request_ + " " * 3, None)
    found = [
        tuple(int(key.removeprefix("task_")) - 1 for key in task.depends_on) for task in plan.tasks
    ]
    assert found == needs or plan.complexity < WHOLE_UNDER
    assert len(clauses_of(request_)) == len(needs)


def test_a_request_that_names_no_skill_is_nobodys() -> None:
    plan = cut("Hum a tune", DEPARTMENTS)
    assert plan.tasks == ()
    assert plan.reason == "No word of the request names a skill that a department has."


@given(st.text(min_size=1, max_size=400).filter(str.strip))
def test_whatever_is_asked_the_plan_keeps_the_rules_unless_it_is_too_long(request: str) -> None:
    for departments in (DEPARTMENTS, None):
        plan = cut(request, departments)
        if len(plan.tasks) <= 20:
            check_plan(plan, departments)


@given(st.integers(1, 50), st.integers(0, 14), st.integers(1, 20))
def test_complexity_lies_between_nothing_and_all_and_grows(
    parts: int, departments: int, depth: int
) -> None:
    found = complexity_of("a b c", parts, departments, depth)
    assert 0 <= found < 1
    assert complexity_of("a b c", parts + 1, departments, depth) > found
    assert complexity_of("a b c", parts, departments, depth + 1) > found


def test_a_long_request_takes_no_long_time() -> None:
    plan = cut("Summarise all results. " * 2_000, None)
    assert len(plan.tasks) == 2_000
