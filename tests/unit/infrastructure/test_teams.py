"""Tests of the packaged teams: who they are, when they join, and what guards their roles."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from application.directory import load_directory
from application.registration import adopt_roster, install_team, remove_agent
from domain.agent import Level
from domain.guardrail import check_guardrail
from domain.workflow import Workflow
from domain.workflow_rules import Surroundings, check_workflow
from infrastructure.teams import load_team, packaged_teams, teams_of
from infrastructure.workflows import load_workflow, packaged_workflows
from tests.support.office import packaged_roster, staffed_log
from tests.support.scripted import CountingIds, SteadyClock

TEAM = load_team(packaged_teams()["product_team"], "MM_001")
OUTPUTS = {
    "user_stories.md",
    "competitive_analysis.md",
    "acceptance_criteria.md",
    "architecture.md",
    "data_model.md",
    "api.md",
    "product.py",
    "documentation.md",
    "test_product.py",
    "quality_report.md",
}
WORKFLOWS = ("product-team", "product-team-relay")


def workflow(name: str) -> Workflow:
    return load_workflow(packaged_workflows()[name])


def test_a_team_has_an_orchestrator_and_four_roles() -> None:
    """E1: product manager, architect, developer, QA engineer, orchestrator."""
    posts = {member.handle: member.post for member in TEAM.members}
    assert posts["PT_LEAD"].level is Level.DIRECTOR
    assert [handle for handle, post in posts.items() if post.level is Level.SPECIALIST] == [
        "PT_PRODUCT",
        "PT_ARCHITECT",
        "PT_DEVELOPER",
        "PT_QUALITY",
    ]
    for member in TEAM.members:
        assert member.capabilities.description
        assert member.capabilities.skills


@pytest.mark.parametrize("name", WORKFLOWS)
def test_its_workflows_leave_ten_outputs_and_break_no_rule(name: str) -> None:
    """E3: the standard operating procedure leaves ten outputs."""
    found = workflow(name)
    terms = found.procedure.terms
    left = [output for each in terms.values() for output in each.outputs]
    assert len(left) == 10
    assert set(left) == OUTPUTS
    around = Surroundings(
        agents={member.handle: member.capabilities.tools for member in TEAM.members},
        departments=["product_team"],
        tools=["read_file", "write_file", "run_tests", "list_files"],
    )
    check_workflow(found, around)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_role_is_told_its_part_and_guarded(name: str) -> None:
    """E1: configuration with instructions, tools, handoff targets and guardrails."""
    for key, terms in workflow(name).procedure.terms.items():
        assert terms.instructions, key
        assert terms.guardrails, key
        for guardrail in terms.guardrails:
            check_guardrail(guardrail)


def test_nobody_writes_what_another_role_answers_for() -> None:
    terms = workflow("product-team").procedure.terms
    for key, written in {
        "user_stories": "product.py",
        "implementation": "test_product.py",
        "tests": "product.py",
        "quality_report": "user_stories.md",
    }.items():
        (guardrail,) = terms[key].guardrails
        schema: object = guardrail.parameters["schema"]
        assert isinstance(schema, dict)
        pattern = str(schema["properties"]["name"]["pattern"])
        assert not re.search(pattern, written)
        assert all(re.search(pattern, output) for output in terms[key].outputs)


def test_failing_tests_go_to_the_developer_and_back() -> None:
    """E2: only declared targets."""
    terms = workflow("product-team").procedure.terms
    handed = {key: each.handoffs for key, each in terms.items() if each.handoffs}
    assert handed == {"quality_report": ("PT_DEVELOPER", "PT_QUALITY")}


def test_a_team_joins_once_and_stays_whatever_roster_comes() -> None:
    log, ids, clock = staffed_log(), CountingIds(), SteadyClock()
    before = load_directory(log)
    assert install_team(log, ids, clock, TEAM) == 5
    assert install_team(log, ids, clock, TEAM) == 0
    joined = load_directory(log)
    assert joined.count() == before.count() + 5
    assert joined.director_of("product_team").handle == "PT_LEAD"
    assert joined.departments[:-1] == before.departments

    smaller = packaged_roster().model_copy(update={"name": "another"})
    adopt_roster(log, ids, clock, smaller)
    after = load_directory(log)
    assert after.departments == joined.departments
    assert after.count() == joined.count()

    remove_agent(log, ids, clock, "PT_QUALITY", "left")
    assert install_team(log, ids, clock, TEAM) == 1


def test_a_team_is_needed_where_a_workflow_names_somebody_who_is_not_there() -> None:
    needed = teams_of(workflow("product-team"), ["MM_001"], "MM_001")
    there = [member.handle for member in TEAM.members]
    assert [team.name for team in needed] == ["product-team"]
    assert teams_of(workflow("product-team"), there, "MM_001") == []
    assert teams_of(workflow("chain"), ["MM_001"], "MM_001") == []


def test_the_files_of_teams_are_packaged() -> None:
    assert [path.suffix for path in packaged_teams().values()] == [".yaml"]
    assert all(isinstance(path, Path) for path in packaged_teams().values())
