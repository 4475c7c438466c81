"""Placing: who gets a task in the packaged organisation, one step down at a time."""

from __future__ import annotations

from itertools import pairwise
from uuid import UUID

import pytest

from application.directory import Directory, load_directory
from application.orchestration import placing
from application.orchestration.placing import Placement
from application.orchestration.procedures import HIERARCHY as WAY_OF_THE_HOUSE
from application.registration import deactivate_agent
from domain.decision import Decision, Delegation
from domain.routing import HIERARCHY, STRATEGY, Ground
from domain.task import Assignment, Task
from tests.support.given_when_then import AT, STREAM
from tests.support.office import packaged_directory, staffed_log
from tests.support.scripted import CountingIds, SteadyClock

GROUND = Ground(decision_id=UUID(int=1), policy_version="1", threshold=0.3, knowledge_position=9)


def place(it: Task, directory: Directory, ground: Ground) -> Decision:
    """Place a task by the way of the house."""
    return placing.place(Placement(it, directory, WAY_OF_THE_HOUSE), ground)


def task(
    holder: str,
    department: str | None = None,
    skills: tuple[str, ...] = (),
    words: str = "Do it.",
    been: tuple[str, ...] = (),
) -> Task:
    """Make a task that lies with `holder`, after it was with those in `been`."""
    assignment = Assignment(
        session_id=UUID(int=2),
        parent_id=None,
        key="work",
        title="Work",
        instruction=words,
        department=department,
        skills=skills,
    )
    path = (*been, holder)
    it = Task.create(STREAM, assignment, path[0], AT)
    for giver, taker in pairwise(path):
        decision = Decision(
            decision_id=UUID(int=3),
            strategy=STRATEGY,
            policy_version="1",
            candidates=(),
            chosen=taker,
            confidence=1.0,
            reason="So it was.",
            knowledge_position=0,
        )
        delegation = Delegation(
            delegation_id=UUID(int=4), from_agent=giver, to_agent=taker, decision=decision
        )
        it.delegate(delegation, AT)
    return it


def without(*handles: str) -> Directory:
    """Look at the packaged organisation after some agents were deactivated."""
    log, ids, clock = staffed_log(), CountingIds(), SteadyClock()
    for handle in handles:
        deactivate_agent(log, ids, clock, handle, "on leave")
    return load_directory(log)


def follow(it: Task, directory: Directory) -> list[str | None]:
    """Place a task until it lies with a specialist or with nobody."""
    path: list[str | None] = []
    while directory.levels[it.holder].value != "L2":
        decision = place(it, directory, GROUND)
        path.append(decision.chosen)
        if decision.chosen is None:
            break
        delegation = Delegation(
            delegation_id=UUID(int=4),
            from_agent=it.holder,
            to_agent=decision.chosen,
            decision=decision,
        )
        it.delegate(delegation, AT)
    return path


def test_nova_passes_everything_to_mastermind() -> None:
    decision = place(task("NOVA_001"), packaged_directory(), GROUND)

    assert (decision.chosen, decision.strategy) == ("MM_001", HIERARCHY)
    assert (decision.confidence, decision.reason) == (1.0, "MM_001 plans every request.")
    assert decision.knowledge_position == 9


def test_without_an_active_mastermind_nobody_plans() -> None:
    decision = place(task("NOVA_001"), without("MM_001"), GROUND)

    assert (decision.chosen, decision.reason) == (None, "MM_001 is not active.")


def test_mastermind_passes_a_task_to_the_director_that_the_plan_names() -> None:
    decision = place(task("MM_001", "finance", ("reporting",)), packaged_directory(), GROUND)

    assert decision.chosen == "DIR_FINANCE"
    assert len(decision.candidates) == 14
    assert decision.candidates[0].parts == {"named_by_plan": 0.7, "skills": 0.3}
    assert decision.candidates[1].parts["named_by_plan"] == 0.0


def test_the_named_department_wins_even_if_another_has_the_skills() -> None:
    decision = place(task("MM_001", "creative", ("charts", "graphs")), packaged_directory(), GROUND)

    assert decision.chosen == "DIR_CREATIVE"
    assert decision.candidates[1].handle == "DIR_ANALYTICS"


def test_a_director_who_is_on_leave_is_not_considered() -> None:
    decision = place(task("MM_001", "finance", ("reporting",)), without("DIR_FINANCE"), GROUND)

    assert "DIR_FINANCE" not in {candidate.handle for candidate in decision.candidates}
    assert decision.chosen == "DIR_ANALYTICS"


@pytest.mark.parametrize(
    ("department", "skills", "path"),
    [
        ("finance", ("statements", "reporting"), ["DIR_FINANCE", "FIN_007"]),
        ("finance", ("reporting", "statements"), ["DIR_FINANCE", "FIN_007"]),
        ("finance", ("reporting",), ["DIR_FINANCE", "FIN_007"]),
        ("analytics", ("metrics",), ["DIR_ANALYTICS", "ANA_003"]),
        ("analytics", ("data_extraction", "sql"), ["DIR_ANALYTICS", "ANA_006"]),
        ("analytics", ("charts", "graphs"), ["DIR_ANALYTICS", "ANA_007"]),
        ("creative", ("charts", "graphs"), ["DIR_CREATIVE", "DIR_ANALYTICS", "ANA_007"]),
        ("creative", ("charts",), ["DIR_CREATIVE", "DIR_ANALYTICS", "ANA_007"]),
        ("administration", ("archiving",), ["DIR_ADMIN", "ADM_006"]),
        ("finance", ("juggling",), ["DIR_FINANCE", None]),
    ],
)
def test_a_task_comes_to_the_specialist_whose_skills_fit(
    department: str, skills: tuple[str, ...], path: list[str | None]
) -> None:
    assert follow(task("MM_001", department, skills), packaged_directory()) == path


def test_a_referral_says_whose_specialists_did_not_fit() -> None:
    it = task("DIR_CREATIVE", "creative", ("charts", "graphs"), been=("MM_001",))

    decision = place(it, packaged_directory(), GROUND)

    assert decision.chosen == "DIR_ANALYTICS"
    assert decision.reason.startswith("No specialist of creative fits; referred: DIR_ANALYTICS")
    handles = {candidate.handle for candidate in decision.candidates}
    assert {"CRE_001", "DIR_ANALYTICS"} <= handles
    assert "DIR_CREATIVE" not in handles


def test_a_task_is_never_referred_to_a_director_it_was_with() -> None:
    directory = without("ANA_007", "ANA_001")
    it = task("DIR_ANALYTICS", "creative", ("charts", "graphs"), been=("MM_001", "DIR_CREATIVE"))

    decision = place(it, directory, GROUND)

    handles = {candidate.handle for candidate in decision.candidates}
    assert not handles & {"DIR_CREATIVE", "DIR_ANALYTICS"}
    assert decision.chosen is None


def test_a_specialist_on_leave_gets_nothing() -> None:
    path = follow(task("MM_001", "finance", ("reporting", "statements")), without("FIN_007"))

    assert "FIN_007" not in path
    assert path == ["DIR_FINANCE", "DIR_ANALYTICS", "ANA_001"]


def test_the_same_task_is_always_placed_the_same_way() -> None:
    it = task("DIR_ANALYTICS", "analytics", ("metrics",))

    assert place(it, packaged_directory(), GROUND) == place(it, packaged_directory(), GROUND)


def test_a_department_without_active_specialists_is_passed_over() -> None:
    directory = packaged_directory()
    finance = [agent.handle for agent in directory.specialists_of("finance")]
    decision = place(task("DIR_HR", "hr", ("statements",)), without(*finance), GROUND)

    assert "DIR_FINANCE" not in {candidate.handle for candidate in decision.candidates}


def test_where_the_plan_names_no_skill_words_decide() -> None:
    words = "Write the financial statements"
    decision = place(task("DIR_FINANCE", "finance", (), words), packaged_directory(), GROUND)

    assert decision.chosen == "FIN_007"
    assert decision.candidates[0].parts == {"skills": 0.0, "words": 0.5}
