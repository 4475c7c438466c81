"""A13: a complete agent from its configuration; what it is able to do follows from its tools."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from application.directory import load_directory
from application.errors import BadRequestError, NotFoundError
from application.registration import register_agent
from application.skills_of_tools import SKILLS, skills_of
from domain.agent import Level
from infrastructure.roster.agent import AgentFileError, load_agent, make_agent, read_agent
from infrastructure.roster.loader import load_roster
from infrastructure.tools.toolbox import LocalToolbox
from tests.support.office import packaged_directory, staffed_log
from tests.support.scripted import TOOLS, CountingIds, SteadyClock

GIVEN: dict[str, Any] = {"id": "FIN_100", "name": "Chart Charlie", "department": "finance"}


def test_an_agent_is_completed_by_its_level_department_and_tools() -> None:
    configuration = read_agent(GIVEN | {"tools": ["draw_chart"]}, TOOLS)

    member = make_agent(configuration, packaged_directory())

    assert member.post.level is Level.SPECIALIST
    assert (member.post.department, member.post.supervisor) == ("finance", "DIR_FINANCE")
    assert member.capabilities.skills == ("charts", "graphs")
    assert "draw_chart" in member.capabilities.tools
    assert "query_table" in member.capabilities.tools  # as every specialist
    assert "write_document" not in member.capabilities.tools
    assert member.capabilities.max_reasoning_turns == 8


def test_skills_that_are_given_stand_and_bring_the_tools_that_go_with_them() -> None:
    given = GIVEN | {"skills": ["reporting"], "tools": ["draw_chart"], "max_reasoning_turns": 3}

    member = make_agent(read_agent(given, TOOLS), packaged_directory())

    assert member.capabilities.skills == ("reporting",)
    assert {"write_document", "draw_chart"} <= set(member.capabilities.tools)
    assert member.capabilities.max_reasoning_turns == 3


def test_skills_that_were_inferred_give_no_further_tools() -> None:
    given = GIVEN | {"tools": ["search_past_conversations"]}

    member = make_agent(read_agent(given, TOOLS), packaged_directory())

    assert member.capabilities.skills == ("records",)
    assert "write_document" not in member.capabilities.tools


@pytest.mark.parametrize(
    ("level", "supervisor"), [("L1", "MM_001"), ("L0", "NOVA_001"), ("L2", None)]
)
def test_whom_an_agent_reports_to_follows_from_its_level(
    level: str, supervisor: str | None
) -> None:
    given = {"id": "NEW_001", "name": "New", "level": level}
    member = make_agent(read_agent(given, TOOLS), packaged_directory())

    assert member.post.supervisor == supervisor


def test_a_made_agent_joins_and_is_found_by_what_it_can_do() -> None:
    log = staffed_log()
    member = make_agent(read_agent(GIVEN | {"tools": ["draw_chart"]}, TOOLS), packaged_directory())

    register_agent(log, CountingIds(70_000), SteadyClock(), member)

    assert "FIN_100" in {agent.handle for agent in load_directory(log).with_skill("charts")}


def test_an_unknown_department_is_named() -> None:
    with pytest.raises(NotFoundError, match="No department 'alchemy' is known"):
        make_agent(read_agent(GIVEN | {"department": "alchemy"}, TOOLS), packaged_directory())


def test_all_that_is_wrong_with_a_programs_own_data_is_told() -> None:
    with pytest.raises(BadRequestError, match=r"id: .*tools\.0: .*unknown tool 'draw_chrt'"):
        read_agent({"id": "small", "name": "X", "tools": ["draw_chrt"]}, TOOLS)


def test_all_that_is_wrong_with_a_file_is_told_with_its_lines(tmp_path: Path) -> None:
    file = tmp_path / "agent.yaml"
    file.write_text("id: small\nname: X\ntools: [draw_chrt]\nspecialty: Charts\n", "utf-8")

    with pytest.raises(AgentFileError) as error:
        load_agent(file, TOOLS)

    lines = [(problem.line, problem.message) for problem in error.value.problems]
    assert [line for line, _ in lines] == [1, 3, 4]
    assert "did you mean 'draw_chart'" in lines[1][1]
    assert "did you mean 'speciality'" in lines[2][1]


def test_a_file_makes_an_agent(tmp_path: Path) -> None:
    file = tmp_path / "agent.yaml"
    file.write_text(
        "id: FIN_100\nname: Chart Charlie\ndepartment: finance\ntools: [draw_chart]\n", "utf-8"
    )

    assert load_agent(file, TOOLS) == read_agent(GIVEN | {"tools": ["draw_chart"]}, TOOLS)


def test_in_a_roster_skills_are_inferred_from_an_agents_own_tools_too(tmp_path: Path) -> None:
    file = tmp_path / "roster.yaml"
    file.write_text(
        "personal_agent: {id: NOVA_001, name: Nova}\n"
        "orchestrator: {id: MM_001, name: MasterMind}\n"
        "departments:\n"
        "  art:\n"
        "    label: Art\n"
        "    director: {id: DIR_ART, name: Dora}\n"
        "    specialists:\n"
        "      - {id: ART_001, name: Ada, tools: [draw_chart]}\n"
        "      - {id: ART_002, name: Bob}\n",
        "utf-8",
    )

    skills = {each.handle: each.capabilities.skills for each in load_roster(file, TOOLS).members}

    assert skills["ART_001"] == ("charts", "graphs")
    assert skills["ART_002"] == skills["DIR_ART"] == ()


def test_every_tool_that_is_given_to_some_alone_stands_for_a_skill_and_others_for_themselves() -> (
    None
):
    known = LocalToolbox(None, 1).names
    vocabulary = {
        skill
        for agent in packaged_directory().agents.values()
        for skill in agent.capabilities.skills
    }

    assert SKILLS.keys() <= known
    assert {skill for skills in SKILLS.values() for skill in skills} <= vocabulary
    assert skills_of(["send_invoice", "draw_chart"]) == ("send_invoice", "charts", "graphs")
