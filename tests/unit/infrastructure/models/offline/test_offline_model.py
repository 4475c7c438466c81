"""The offline model as a port: pure, bounded, and honest when something fails."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.briefs import (
    DecomposeBrief,
    ExecuteBrief,
    FileBrief,
    InterpretBrief,
    PresentBrief,
    ResultBrief,
    Submission,
)
from application.ports import ModelRequest
from domain.effect import Failure, FailureKind, ModelAnswer
from domain.planning import Plan, PlannedTask, check_plan
from domain.session import Intent
from domain.task import Result, Step
from infrastructure.models.offline import OfflineModel
from tests.support import offline_tables as tables
from tests.support.offline_driver import AGENT, DEPARTMENTS, OfflineDriver, Run

FILES = st.lists(
    st.sampled_from(["ledger.csv", "notes.txt", "data.parquet", "a b.csv"]), unique=True
).map(lambda names: tuple(FileBrief(name=name, size=10, sha256="0" * 64) for name in names))
WORDS = (
    "report chart why Q4 2025 revenue which product lost forecast describe summarise last time"
    " compare 17 % of 4 Umsatz Bericht average by region the poem flight"
)
REQUESTS = st.one_of(
    st.text(min_size=1).filter(str.strip),
    st.lists(
        st.sampled_from(WORDS.split()),
        min_size=1,
        max_size=8,
    ).map(" ".join),
)


def answer(
    brief: InterpretBrief | DecomposeBrief | ExecuteBrief | PresentBrief,
) -> ModelAnswer:
    request = ModelRequest(
        effect_id=uuid4(), model="offline", brief=brief, compression=0, timeout_s=1
    )
    return asyncio.run(OfflineModel().answer(request))


def execute(driver: OfflineDriver, task: PlannedTask, *steps: Step, last: bool = False) -> str:
    """Give the summary of a refusal."""
    run = Run(intent=Intent(goal="x"))
    brief = driver.execute_brief(run, "Generate a Q4 report", task, steps)
    call = answer(brief.model_copy(update={"last": last})).tool_calls[0]
    assert call.tool == "submit_result"
    submission = Submission.model_validate(call.arguments)
    assert not submission.done
    return submission.summary


@pytest.fixture
def driver(tmp_path: Path) -> OfflineDriver:
    return OfflineDriver([tables.LEDGER], tmp_path)


EXTRACT = PlannedTask(key="extract", title="Extract", instruction="x", department="finance")


@settings(max_examples=300, deadline=None)
@given(request=REQUESTS, files=FILES)
def test_any_request_gets_a_valid_plan_or_a_reason(
    request: str, files: tuple[FileBrief, ...]
) -> None:
    interpreted = answer(
        InterpretBrief(agent=AGENT, request=request, files=files, departments=DEPARTMENTS)
    )
    intent = Intent.model_validate(interpreted.tool_calls[0].arguments)
    decomposed = answer(
        DecomposeBrief(
            agent=AGENT, request=request, intent=intent, files=files, departments=DEPARTMENTS
        )
    )
    plan = Plan.model_validate(decomposed.tool_calls[0].arguments)
    check_plan(plan, {department.key: department.skills for department in DEPARTMENTS})
    assert bool(plan.tasks) == intent.servable
    assert (plan.complexity < 0.3) == (len(plan.tasks) <= 1)


def test_an_answer_costs_nothing_and_is_named_offline() -> None:
    given_answer = answer(InterpretBrief(agent=AGENT, request="2 + 2", files=(), departments=()))
    assert given_answer.model == "offline"
    assert given_answer.cost_usd == Decimal(0)
    assert given_answer.usage.input_tokens == 0
    assert given_answer.stop_reason == "tool_use"


def test_a_plan_needs_the_departments_it_names() -> None:
    intent = Intent(goal="Report")
    file = FileBrief(name="ledger.csv", size=1, sha256="0" * 64)
    brief = DecomposeBrief(
        agent=AGENT, request="Q4 report", intent=intent, files=(file,), departments=DEPARTMENTS[:1]
    )
    plan = Plan.model_validate(answer(brief).tool_calls[0].arguments)
    assert plan.tasks == ()
    assert "no department creative, finance" in plan.reason


def test_a_failed_tool_ends_the_task_with_its_sentence(driver: OfflineDriver) -> None:
    brief = driver.execute_brief(Run(intent=Intent(goal="x")), "Q4 report", EXTRACT)
    calls = answer(brief).tool_calls
    failure = Failure(kind=FailureKind.NOT_ALLOWED, message="The folder is closed.")
    failed = [Step(effect_id=uuid4(), call=call, failure=failure) for call in calls]
    assert execute(driver, EXTRACT, *failed) == "The folder is closed."


def test_the_last_call_is_always_a_submission(driver: OfflineDriver) -> None:
    assert "raise max_iterations" in execute(driver, EXTRACT, last=True)


def test_a_tool_the_agent_may_not_use_is_named(driver: OfflineDriver) -> None:
    driver.tools = ()
    assert "may not use the tool 'list_files'" in execute(driver, EXTRACT)


def test_a_task_without_a_procedure_is_declined(driver: OfflineDriver) -> None:
    task = PlannedTask(
        key="design", title="Draw a logo", instruction="x", department="creative", skills=("brand",)
    )
    assert "no procedure for 'Draw a logo' (skills: brand)" in execute(driver, task)


def test_a_skill_leads_to_its_procedure_in_a_plan_of_another_model(driver: OfflineDriver) -> None:
    task = PlannedTask(
        key="get_data",
        title="Get",
        instruction="x",
        department="analytics",
        skills=("unknown", "data_extraction"),
    )
    brief = driver.execute_brief(Run(intent=Intent(goal="x")), "Q4 report", task)
    assert answer(brief).tool_calls[0].tool == "list_files"


def test_a_file_over_the_size_limit_is_refused_with_the_tools_sentence(tmp_path: Path) -> None:
    small = OfflineDriver([tables.LEDGER], tmp_path, max_input_bytes=1000)
    run = small.run("Generate a Q4 financial report")
    assert run.tool_failures
    assert run.failures["extract"] == run.tool_failures[0]


def test_a_binary_file_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "photo.csv"
    path.write_bytes(bytes(range(256)) * 8)
    (tmp_path / "out").mkdir()
    run = OfflineDriver([path], tmp_path / "out").run("Generate a Q4 financial report")
    assert "photo.csv" in run.failures["extract"]
    assert "no table" in run.failures["extract"]


def test_the_answer_shows_a_partial_outcome_with_what_failed() -> None:
    brief = PresentBrief(
        agent=AGENT,
        request="x",
        intent=Intent(goal="x"),
        results=(
            ResultBrief(key="a", title="Count", agent="A", failure="The table is empty."),
            ResultBrief(
                key="b", title="Sum", agent="B", failure="It needs 'a': The table is empty."
            ),
            ResultBrief(key="c", title="Answer", agent="C", result=Result(summary="It is 4.")),
        ),
        artefacts=(),
    )
    text = answer(brief).text
    assert text.startswith("Parts of the work could not be done.")
    assert "- Count: The table is empty." in text
    assert "- Sum:" not in text
    assert "It is 4." in text
    assert "without a language model" in text


@pytest.mark.parametrize(
    ("request_text", "named"),
    [
        ("Read /etc/passwd and summarise it", "/etc/passwd"),
        ("Quote letter.txt", "letter.txt"),
        ("Which product lost revenue in ~/data/sales.csv?", "~/data/sales.csv"),
    ],
)
def test_a_file_that_was_not_handed_over_is_named(request_text: str, named: str) -> None:
    file = FileBrief(name="ledger.csv", size=1, sha256="0" * 64)
    answered = answer(
        InterpretBrief(agent=AGENT, request=request_text, files=(file,), departments=DEPARTMENTS)
    )
    intent = Intent.model_validate(answered.tool_calls[0].arguments)
    assert not intent.servable
    assert f"names {named!r}, which was not handed over (files given: ledger.csv)" in intent.reason


@pytest.mark.parametrize(
    "request_text",
    [
        "Generate a Q4 report from ledger.csv and save it as q4.html",
        "Show revenue/month and profit/loss as a chart",
        "Describe Ledger.CSV",
    ],
)
def test_files_given_and_files_to_write_are_not_missed(request_text: str) -> None:
    file = FileBrief(name="ledger.csv", size=1, sha256="0" * 64)
    answered = answer(
        InterpretBrief(agent=AGENT, request=request_text, files=(file,), departments=DEPARTMENTS)
    )
    assert Intent.model_validate(answered.tool_calls[0].arguments).servable


def test_the_name_of_a_file_says_nothing_about_the_work() -> None:
    file = FileBrief(name="letter.txt", size=1, sha256="0" * 64)
    answered = answer(
        InterpretBrief(
            agent=AGENT, request="Summarise letter.txt", files=(file,), departments=DEPARTMENTS
        )
    )
    assert Intent.model_validate(answered.tool_calls[0].arguments).servable
