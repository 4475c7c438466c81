"""Briefing: each model is told what it needs for its purpose, and files by name alone."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from application.fold import SessionFold
from application.orchestration.briefing import Briefing
from tests.support.office import Q4_PLAN, REQUEST, Office, office, packaged_directory
from tests.support.scripted import ScriptedToolbox, submit


@cache
def ran() -> Office:
    it = office({"charts": [submit("No data.", done=False)]})
    it.run()
    return it


def brief(key: str, number: int = 0) -> Any:
    return ran().model.asked(key)[number].brief


def test_nova_learns_the_request_the_files_and_what_the_house_can_do() -> None:
    told = brief("interpret")

    assert (told.agent.handle, told.agent.display_name) == ("NOVA_001", "Nova")
    assert (told.request, told.steps) == (REQUEST, ())
    assert len(told.departments) == 14
    analytics = next(each for each in told.departments if each.key == "analytics")
    assert analytics.label == "Analytics"
    assert {"charts", "metrics", "sql"} <= set(analytics.skills)


def test_no_model_learns_the_path_of_a_file() -> None:
    for request in ran().model.requests:
        assert "/in/ledger.csv" not in request.brief.model_dump_json()
    assert [(file.name, file.size) for file in brief("extract").files] == [("ledger.csv", 100)]


def test_mastermind_learns_what_nova_understood() -> None:
    told = brief("decompose")

    assert told.agent.handle == "MM_001"
    assert told.intent.goal == "A financial report on Q4 with charts"


def test_a_specialist_learns_its_task_and_the_tools_it_may_use() -> None:
    told = brief("extract")

    assert told.agent.handle == "FIN_007"
    assert told.task == Q4_PLAN.tasks[0]
    tools = packaged_directory().agent("FIN_007").capabilities.tools
    assert [tool.name for tool in told.tools] == sorted(tools)
    assert (told.dependencies, told.steps, told.last) == ((), (), False)


def test_a_specialist_sees_the_steps_of_its_own_task_so_far() -> None:
    told = brief("extract", 1)

    assert [step.purpose or step.call.tool for step in told.steps] == ["execute", "query_table"]


def test_nova_learns_how_every_task_ended_before_it_presents() -> None:
    told = brief("present")

    assert [(each.key, each.agent, each.failure) for each in told.results] == [
        ("extract", "FIN_007", None),
        ("metrics", "ANA_003", None),
        ("charts", "ANA_007", "No data."),
        ("report", "FIN_007", "It needs the result of 'charts', which failed: No data."),
    ]
    assert told.steps == ()


def test_what_cannot_be_briefed_yet_is_an_error_of_the_caller() -> None:
    it = office()
    it.interrupt("interpret")
    fold = SessionFold.of(it.events())
    briefing = Briefing(fold, packaged_directory(), ScriptedToolbox())

    with pytest.raises(LookupError, match="not interpreted yet"):
        briefing.brief("present", fold.root, "NOVA_001")
    with pytest.raises(LookupError, match="task 'request' is not handed off"):
        briefing.brief("consider", fold.root, "FIN_007")
