"""Procedures: an offline plan leads to the same ones where the keys of its tasks say nothing."""

from __future__ import annotations

from uuid import UUID

import pytest

from application.briefs import DecomposeBrief, ExecuteBrief, FileBrief
from domain.planning import Plan, PlannedTask, with_plain_keys
from domain.session import Intent
from infrastructure.models.offline.plans import plan
from infrastructure.models.offline.procedures import PROCEDURES, TITLES, procedure_for
from tests.support.offline_driver import AGENT, DEPARTMENTS

TABLE = (FileBrief(name="ledger.csv", size=10, sha256="0" * 64),)
TEXT = (FileBrief(name="notes.txt", size=10, sha256="0" * 64),)

REQUESTS = {
    "What is 6 * 7?": (),
    "Describe the files": TABLE,
    "What did we say about cash last time?": (),
    "Summarise the text": TEXT,
    "Generate a Q4 2025 financial report with charts": TABLE,
    "Draw a chart of the revenue by month": TABLE,
    "Why did revenue fall in Q4 2025? With charts": TABLE,
    "Forecast the revenue": TABLE,
    "What was the revenue in Q4 2025?": TABLE,
}


def plan_of(request: str) -> Plan:
    return plan(
        DecomposeBrief(
            agent=AGENT,
            request=request,
            intent=Intent(goal=request),
            files=REQUESTS[request],
            departments=DEPARTMENTS,
        )
    )


def brief_of(task: PlannedTask) -> ExecuteBrief:
    return ExecuteBrief(
        agent=AGENT,
        request="x",
        intent=Intent(goal="x"),
        task=task,
        task_id=UUID(int=1),
        files=(),
        dependencies=(),
        tools=(),
    )


@pytest.mark.parametrize("request_", REQUESTS)
def test_plain_keys_lead_to_the_same_procedures(request_: str) -> None:
    made = plan_of(request_)
    assert made.tasks, made.reason

    for named, numbered in zip(made.tasks, with_plain_keys(made).tasks, strict=True):
        expected = procedure_for(brief_of(named))
        assert expected is PROCEDURES[named.key]
        assert procedure_for(brief_of(numbered)) is expected


def test_every_title_of_an_offline_plan_is_known() -> None:
    titles = {task.title: task.key for request in REQUESTS for task in plan_of(request).tasks}

    assert titles == TITLES
