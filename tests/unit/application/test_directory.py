"""The directory shows the organisation as it stood at a position."""

from __future__ import annotations

import pytest

from application.directory import Directory, load_directory
from application.errors import NotFoundError
from application.registration import adopt_roster, deactivate_agent, remove_agent
from domain.agent import Level
from infrastructure.roster import load_roster
from tests.support.histories import Ids, SteppingClock
from tests.support.in_memory_log import InMemoryEventLog

TOOLS = (
    "draw_chart",
    "evaluate_expression",
    "list_files",
    "profile_table",
    "query_table",
    "read_file",
    "read_shared_values",
    "search_past_conversations",
    "share_value",
    "write_document",
)


@pytest.fixture
def log() -> InMemoryEventLog:
    log = InMemoryEventLog()
    adopt_roster(log, Ids(), SteppingClock(), load_roster(None, TOOLS))
    return log


@pytest.fixture
def directory(log: InMemoryEventLog) -> Directory:
    return load_directory(log)


def test_the_packaged_organisation_has_119_members(directory: Directory) -> None:
    assert directory.count() == 119
    assert [directory.count(level) for level in Level] == [1, 1, 14, 103]
    assert len(directory.departments) == 14
    assert directory.personal.handle == "NOVA_001"
    assert directory.orchestrator.handle == "MM_001"


def test_members_are_found_by_handle_id_department_and_skill(directory: Directory) -> None:
    rosa = directory.agent("FIN_007")
    assert directory.agent_by_id(rosa.id) is rosa
    assert rosa in directory.specialists_of("finance")
    assert [agent.handle for agent in directory.with_skill("reporting")] == ["ANA_001", "FIN_007"]
    assert directory.director_of("finance").handle == "DIR_FINANCE"
    assert directory.department("research").label == "R&D"
    assert directory.levels["FIN_007"] is Level.SPECIALIST
    assert directory.with_skill("necromancy") == ()
    assert directory.specialists_of("magic") == ()


def test_skills_of_a_department_are_those_of_its_specialists_together(
    directory: Directory,
) -> None:
    skills = directory.skills_of("research")
    assert skills == tuple(sorted(skills))
    assert {"ml", "ai", "data", "testing", "trends"} <= set(skills)


def test_who_is_unknown_is_named(directory: Directory) -> None:
    with pytest.raises(NotFoundError, match="'FIN_999'"):
        directory.agent("FIN_999")
    with pytest.raises(NotFoundError, match=r"'magic'.*analytics, sales"):
        directory.director_of("magic")
    with pytest.raises(NotFoundError):
        directory.agent_by_id(Ids(10**6).new())


def test_only_active_specialists_are_offered_for_work(log: InMemoryEventLog) -> None:
    deactivate_agent(log, Ids(10**6), SteppingClock(), "FIN_007", "on leave")
    directory = load_directory(log)
    assert "FIN_007" not in {agent.handle for agent in directory.specialists_of("finance")}
    assert [agent.handle for agent in directory.with_skill("reporting")] == ["ANA_001"]
    assert "statements" not in directory.skills_of("finance")
    assert not directory.agent("FIN_007").active
    assert (directory.count(active=True), directory.count(active=False)) == (118, 1)


def test_the_past_is_shown_as_it_was(log: InMemoryEventLog) -> None:
    before = log.last_position()
    remove_agent(log, Ids(10**6), SteppingClock(), "FIN_007", "retired")
    assert "FIN_007" not in load_directory(log).agents
    then = load_directory(log, until=before)
    assert then.agent("FIN_007").active
    assert then.position == before


def test_before_the_first_roster_there_is_nobody() -> None:
    directory = load_directory(InMemoryEventLog())
    assert (directory.count(), directory.departments, directory.roster) == (0, (), None)
    with pytest.raises(NotFoundError, match="Adopt a roster first"):
        _ = directory.personal
