"""The terms of a workflow's tasks are kept: arguments, schemas, outputs, errors, turns."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import JsonValue

from application.fold import SessionFold
from application.views import session_view
from domain import patterns as p
from domain.effect import Failure, FailureKind, ToolAnswer
from domain.patterns import Pattern
from domain.priority import Priority
from domain.session import SessionStatus
from domain.task import TaskStatus
from domain.workflow import AssemblyStrategy, OnError, Planning
from tests.support.office import Office, office
from tests.support.pattern_stories import NO, plan, planned, run, text, verdict
from tests.support.replaying import verified
from tests.support.scripted import Replies, submit

ROWS: dict[str, JsonValue] = {
    "type": "object",
    "required": ["rows"],
    "properties": {"rows": {"type": "integer"}},
}


def do(
    pattern: Pattern,
    script: dict[str, Replies] | None = None,
    tools: dict[str, ToolAnswer | Failure] | None = None,
) -> tuple[Office, SessionFold]:
    it = office(script or {}, tools)
    fold = run(it, p.workflow("w", pattern, inputs={"x": 1}))
    assert verified(it.log, fold.session_id).differences == ()
    return it, fold


def reasons(it: Office) -> list[str]:
    rejected: list[Any] = it.events("task.answer_rejected")
    return [each.event.reason for each in rejected]


def status(fold: SessionFold) -> dict[str, TaskStatus]:
    return {task.assignment.key: task.status for task in fold.tasks[1:]}


def test_a_reference_without_a_value_fails_its_task_before_anything_is_asked() -> None:
    chain = p.chain(
        p.task("a", "Do a.", agent="ANA_006"),
        p.task("b", "Do b with {{a.data.rows}}.", agent="ANA_003"),
    )
    it, fold = do(chain, {"a": [submit("Done.", row=1)]})
    assert fold.session.answer == (
        "Task 'b' cannot begin: {{a.data.rows}} has no value: 'a.data' has 'row'."
    )
    assert [each.envelope.actor for each in it.events("task.model_called")] == ["ANA_006"]
    assert fold.session.failure is not None
    assert fold.session.failure.kind is FailureKind.BAD_INPUT


def test_arguments_that_do_not_fit_their_schema_fail_the_task() -> None:
    """D3: input validation."""
    task = p.task(
        "a", "Do.", agent="ANA_007", tool="draw_chart", arguments={"rows": "x"}, input_schema=ROWS
    )
    it, fold = do(p.chain(task))
    assert fold.session.answer.startswith(
        "The arguments of task 'a' do not fit its input schema: rows:"
    )
    assert it.toolbox.requests == []


def test_data_that_do_not_fit_the_output_schema_are_turned_down_twice_at_most() -> None:
    task = p.task("a", "Do.", agent="ANA_006", output_schema=ROWS)
    it, fold = do(p.chain(task), {"a": [submit("Done.", rows="many")]})
    assert fold.session.status is SessionStatus.FAILED
    assert len(reasons(it)) == 3
    assert "do not fit the output schema: rows:" in fold.session.answer


def test_a_tool_whose_answer_lacks_what_was_asked_for_fails_the_task() -> None:
    task = p.task(
        "a", "Do.", agent="ANA_006", tool="query_table", arguments={"sql": "1"}, outputs=("x.csv",)
    )
    _, fold = do(p.chain(task))
    assert fold.session.answer == "The result lacks the files x.csv; handed in: none."


def test_a_tool_that_fails_is_tried_again_as_often_as_the_terms_say() -> None:
    """D3: per-step error policy retry."""
    broken = Failure(kind=FailureKind.BAD_INPUT, message="No such column.")
    task = p.task(
        "a",
        "Do.",
        agent="ANA_006",
        tool="query_table",
        arguments={"sql": "1"},
        on_error=OnError.RETRY,
        retries=2,
    )
    it, fold = do(p.chain(task), tools={"query_table": broken})
    assert len(it.events("task.reopened")) == 2
    assert len(it.toolbox.requests) == 3
    assert fold.session.answer == "No such column."


def test_a_skipped_task_hands_its_default_on() -> None:
    """D3: per-step error policy skip with default."""
    chain = p.chain(
        p.task("a", "Do.", agent="ANA_006", on_error=OnError.SKIP, default={"rows": 0}),
        p.task("b", "Do with {{a.data.rows}}.", agent="ANA_003"),
    )
    it, fold = do(chain, {"a": [NO], "b": [submit("Fine.")]})
    assert status(fold) == {"a": TaskStatus.SKIPPED, "b": TaskStatus.COMPLETED}
    (asked,) = it.model.asked("b")
    brief: Any = asked.brief
    assert brief.task.instruction == "Do with 0."
    assert fold.session.answer == "Fine."


def test_a_failed_task_fails_the_chain_and_what_follows_never_begins() -> None:
    """D3: per-step error policy fail-chain."""
    chain = p.chain(
        p.task("a", "Do.", agent="ANA_006"), p.task("b", "Do {{a.summary}}.", agent="ANA_003")
    )
    it, fold = do(chain, {"a": [NO]})
    assert status(fold) == {"a": TaskStatus.FAILED, "b": TaskStatus.FAILED}
    assert fold.session.answer == "It cannot be done."
    assert it.model.asked("b") == []


def test_a_nested_procedure_is_retried_as_a_whole() -> None:
    inner = p.chain(p.task("x", "Do x.", agent="ANA_006"), p.task("y", "Do y.", agent="ANA_003"))
    outer = p.chain(p.task("a", "Do.", pattern=inner, on_error=OnError.RETRY, retries=1))
    it, fold = do(outer, {"x": [submit("X.")], "y": [NO]})
    assert len(it.events("task.reopened")) == 1
    assert [task.assignment.key for task in fold.tasks] == ["request", "a", "x", "y", "x", "y"]
    assert fold.session.answer == "It cannot be done."


def test_only_so_many_tasks_are_under_way_and_the_most_urgent_begin_first() -> None:
    """D7: priorities and the graph of dependencies decide what begins."""
    parallel = p.parallel(
        p.task("slow", "Do.", agent="ANA_006", priority=Priority.LOW),
        p.task("after", "Do.", agent="ANA_003", depends_on=("soon",), priority=Priority.URGENT),
        p.task("plain", "Do.", agent="ANA_004"),
        p.task("soon", "Do.", agent="ANA_005", priority=Priority.HIGH),
        max_parallel=1,
    )
    keys = ("slow", "after", "plain", "soon")
    it, fold = do(parallel, {key: [submit(f"{key}.")] for key in keys})
    started: list[Any] = it.events("task.started")
    begun = [fold.task(each.event.originator_id).assignment.key for each in started]
    assert begun == ["request", "soon", "after", "plain", "slow"][-4:]
    figures = session_view(fold).tasks[0].parallelism
    assert figures is not None
    assert (figures.peak, figures.tasks) == (1, 4)


def test_each_result_of_a_worker_is_validated_before_it_counts() -> None:
    """D1: validate each result."""
    workers = p.master_worker(
        p.task("a", "Do a."),
        workers=("ANA_003",),
        validator="FIN_005",
        strategy=AssemblyStrategy.CONCATENATE,
    )
    script: dict[str, Replies] = {
        "a": [submit("Short."), submit("Long.")],
        "validate": [verdict(accepted=False, reason="Too short."), verdict(accepted=True)],
    }
    it, fold = do(workers, script)
    assert reasons(it) == ["Too short."]
    assert fold.session.answer == "Long."
    assert len(it.model.asked("validate")) == 2


def test_a_worker_whose_results_are_never_accepted_fails_with_the_reason() -> None:
    workers = p.master_worker(p.task("a", "Do a."), workers=("ANA_003",), validator="FIN_005")
    script: dict[str, Replies] = {
        "a": [submit("Short.")],
        "validate": [verdict(accepted=False, reason="Too short.")],
    }
    it, fold = do(workers, script)
    assert fold.session.status is SessionStatus.FAILED
    assert "Too short." in fold.session.answer
    assert reasons(it) == ["Too short."] * 3


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (
            plan(planned("a", "b", department="finance"), planned("b", "a", department="finance")),
            "in a circle",
        ),
        (plan(*(planned(f"t{number}") for number in range(21))), "21 tasks; at most 20"),
        (plan(planned("a", department="no_such")), "the unknown department 'no_such'"),
    ],
)
def test_a_plan_that_breaks_a_rule_is_turned_down_with_the_reason(bad: Any, said: str) -> None:
    """B21: cycles, oversized plans and unknown departments are rejected and recorded."""
    good = plan(planned("a", department="finance", skills=("reporting",)))
    script: dict[str, Replies] = {
        "decompose": [bad, good],
        "a": [submit("Done.")],
        "assemble": [text("Done.")],
    }
    it, fold = do(p.coordinator(), script)
    (reason,) = reasons(it)
    assert said in reason
    assert fold.session.status is SessionStatus.COMPLETED


def test_a_plan_by_rules_that_breaks_a_rule_is_told_with_the_reason() -> None:
    """B21: decomposition by rules."""
    long = "\n".join(f"- write report {number}" for number in range(25))
    inner = p.coordinator(planning=Planning.RULES)
    _, fold = do(p.chain(p.task("all", long, pattern=inner)))
    assert fold.session.answer == (
        "The plan that the rules made is rejected: The plan has 25 tasks; at most 20 are allowed."
    )


def test_a_plan_by_rules_without_any_department_that_fits_is_nobodys() -> None:
    inner = p.coordinator(planning=Planning.RULES)
    _, fold = do(p.chain(p.task("all", "Hum a tune.", pattern=inner)))
    assert fold.session.answer == "No word of the request names a skill that a department has."


def test_braces_in_a_request_or_a_plan_are_no_references() -> None:
    workers = p.master_worker(workers=("ANA_003",), strategy=AssemblyStrategy.CONCATENATE)
    odd = planned("a").model_copy(update={"instruction": "Print {{input.x}}."})
    it, fold = do(workers, {"decompose": [plan(odd)], "a": [submit("Done.")]})
    assert fold.session.status is SessionStatus.COMPLETED
    brief: Any = it.model.asked("a")[0].brief
    assert brief.task.instruction == "Print {{input.x}}."


def test_a_task_is_told_of_the_work_of_agents_that_it_does_not_depend_on() -> None:
    """E6: context from other agents."""
    chain = p.chain(
        p.task("a", "Do.", agent="ANA_006"),
        p.task("b", "Do.", agent="ANA_003"),
        p.task("c", "Do.", agent="ANA_004", context_from=("ANA_006", "ANA_003")),
    )
    it, _ = do(chain, {key: [submit(f"{key}.")] for key in "abc"})
    brief: Any = it.model.asked("c")[0].brief
    assert [each.key for each in brief.dependencies] == ["b", "a"]
