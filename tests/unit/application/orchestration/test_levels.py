"""Levels: what each level of the organisation does in a job, and what it leaves to others."""

from __future__ import annotations

from functools import cache

from application.fold import SessionFold
from application.views import session_view
from domain.agent import Level
from domain.policy import STANDARD
from domain.session import SessionStatus
from domain.task import Task
from tests.support.office import Office, office, packaged_directory
from tests.support.scripted import submit

LEVELS = packaged_directory().levels


@cache
def job() -> tuple[Office, SessionFold]:
    it = office()
    return it, it.run(STANDARD)


def levels_on(task: Task) -> list[Level]:
    path = [task.delegations[0].from_agent, *(each.to_agent for each in task.delegations)]
    return [LEVELS[handle] for handle in path]


def test_there_are_one_nova_one_mastermind_fourteen_directors_and_a_hundred_and_three_others() -> (
    None
):
    """B1: the levels of the organisation."""
    directory = packaged_directory()

    assert [directory.count(level) for level in Level] == [1, 1, 14, 103]


def test_nova_understands_passes_on_and_presents_and_does_no_more() -> None:
    """B2: the personal agent."""
    it, fold = job()
    thought = [step.purpose for step in fold.root.steps if step.agent == "NOVA_001"]

    assert thought == ["interpret", "present"]
    assert levels_on(fold.root) == [Level.PERSONAL, Level.ORCHESTRATOR]
    assert it.heard[-2].envelope.actor == "NOVA_001"


def test_mastermind_plans_and_gives_each_task_to_a_director() -> None:
    """B3: the orchestrator."""
    _, fold = job()

    assert [step.purpose for step in fold.root.steps if step.agent == "MM_001"] == ["decompose"]
    assert {LEVELS[task.delegations[0].to_agent] for task in fold.planned} == {Level.DIRECTOR}


def test_a_director_gives_each_task_to_a_specialist_and_takes_back_what_one_cannot_do() -> None:
    """B4: directors coordinate their specialists, and what fails comes back to them."""
    unable = submit("I cannot.", done=False)
    it = office({"metrics": [unable, submit("Revenue is 60.", revenue=60)]})
    fold = it.run(STANDARD)
    metrics = next(task for task in fold.planned if task.assignment.key == "metrics")

    assert all(levels_on(task)[-2:] == [Level.DIRECTOR, Level.SPECIALIST] for task in fold.planned)
    assert len(metrics.setbacks) == 1
    assert metrics.holder not in metrics.tried_by
    assert metrics.recoveries[0].agent in {each.from_agent for each in metrics.delegations}


def test_specialists_alone_use_tools_and_their_results_go_up() -> None:
    """B5: specialists execute and report."""
    _, fold = job()
    users = {step.agent for task in fold.tasks for step in task.steps if step.call is not None}

    assert {LEVELS[handle] for handle in users} == {Level.SPECIALIST}
    assert fold.session.status is SessionStatus.COMPLETED
    assert all(task.result is not None for task in fold.planned)


def test_what_an_agent_did_is_counted() -> None:
    """B20: tasks, calls and tokens of an agent; its times are in the statistics."""
    _, fold = job()
    done = [task for task in session_view(fold).tasks if task.holder == "FIN_007"]

    assert done
    assert all(task.model_calls and task.output_tokens for task in done)
