"""Guarding: before and after an agent and its tools; stop, ask, amend; recorded and replayed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import JsonValue

from application.fold import SessionFold
from application.orchestration.guarding import GuardrailFunction, Objection, Passing
from domain.effect import ToolAnswer
from domain.guardrail import Guardrail, Reaction, Stage
from domain.policy import Policy
from domain.session import SessionStatus
from domain.workflow import Terms
from tests.support.approvals import agree_to_all, amend, grant, reject, waiting
from tests.support.office import IMPATIENT, Office
from tests.support.replaying import verified
from tests.support.scripted import Replies, ScriptedToolbox, submit, use
from tests.support.workflow_runs import crew, run_task, the_task

CARD = r"\b\d{4}( ?\d{4}){3}\b"
CARDS: dict[str, JsonValue] = {"must_not_match": [CARD], "replacement": "[card]"}
SCRIPT: dict[str, Replies] = {
    "FIN_007": [
        use("query_table", sql="SELECT '4111 1111 1111 1111'"),
        submit("Paid by 4111 1111 1111 1111.", paid=True),
    ]
}


def guardrail(
    stage: Stage,
    kind: str = "pattern",
    reaction: Reaction = Reaction.STOP,
    parameters: Mapping[str, Any] = CARDS,
    name: str = "cards",
) -> Guardrail:
    return Guardrail(
        name=name, stage=stage, kind=kind, reaction=reaction, parameters=dict(parameters)
    )


def run(
    it: Office, *guardrails: Guardrail, policy: Policy = IMPATIENT, **terms: Any
) -> SessionFold:
    return run_task(it, Terms(agent="FIN_007", guardrails=guardrails, **terms), policy)


def check_stopped(it: Office, fold: SessionFold, said: str) -> None:
    assert fold.session.status is SessionStatus.FAILED
    assert fold.session.failure is not None
    assert said in fold.session.failure.message
    assert len(it.events("task.guardrail_tripped")) == 1
    assert verified(it.log, fold.session_id).is_verified


@pytest.mark.parametrize("stage", list(Stage))
def test_a_guardrail_stops_work_wherever_it_stands(stage: Stage) -> None:
    it = crew(SCRIPT)

    fold = run(it, guardrail(stage))

    check_stopped(it, fold, "Guardrail 'cards' stopped it: What must not occur does")
    assert len(it.toolbox.requests) == (stage in (Stage.AFTER_TOOL, Stage.AFTER_AGENT))


@pytest.mark.parametrize("stage", list(Stage))
def test_a_guardrail_amends_what_passes_and_nobody_behind_it_sees_more(stage: Stage) -> None:
    it = crew(SCRIPT)

    fold = run(it, guardrail(stage, reaction=Reaction.AMEND))

    assert fold.session.status is SessionStatus.COMPLETED
    first, last = it.model.requests[0].brief, it.model.requests[-1].brief
    assert first.purpose == last.purpose == "execute"
    [tool] = it.toolbox.requests
    [used] = [step for step in last.steps if step.call is not None]
    assert isinstance(used.answer, ToolAnswer)
    seen = {
        Stage.BEFORE_AGENT: first.task.instruction,
        Stage.BEFORE_TOOL: tool.call.arguments["sql"],
        Stage.AFTER_TOOL: str(used.answer.content),
        Stage.AFTER_AGENT: fold.session.answer,
    }
    assert "[card]" in str(seen[stage])
    assert "1111" not in str(seen[stage])
    assert verified(it.log, fold.session_id).is_verified


@pytest.mark.parametrize("stage", list(Stage))
def test_a_guardrail_asks_and_goes_on_by_the_word(stage: Stage) -> None:
    for answered, status in ((grant, SessionStatus.COMPLETED), (reject, SessionStatus.FAILED)):
        it = crew(SCRIPT)
        fold = run(it, guardrail(stage, reaction=Reaction.ASK))
        [asked] = waiting(it)
        assert asked.request.trip is not None
        assert asked.request.trip.stage is stage

        answered(it, asked)
        fold = it.resume(fold.session_id)

        assert fold.session.status is status
        assert verified(it.log, fold.session_id).is_verified


def test_a_human_puts_something_else_in_the_place_of_what_a_guardrail_asked_about() -> None:
    it = crew(SCRIPT)
    fold = run(it, guardrail(Stage.AFTER_TOOL, reaction=Reaction.ASK))
    [asked] = waiting(it)

    amend(it, asked, content="a card, said ada")
    fold = it.resume(fold.session_id)

    [used] = [step for step in the_task(fold).steps if step.call is not None]
    assert isinstance(used.answer, ToolAnswer)
    assert used.answer.content == "a card, said ada"
    assert fold.session.status is SessionStatus.COMPLETED
    assert verified(it.log, fold.session_id).is_verified


def test_only_allowed_tools_pass() -> None:
    it = crew(SCRIPT)

    fold = run(
        it, guardrail(Stage.BEFORE_TOOL, "allowed_tools", parameters={"tools": ["read_file"]})
    )

    check_stopped(it, fold, "query_table is none of the allowed tools: read_file.")


def test_a_schema_holds_results_and_fills_in_its_defaults() -> None:
    schema: dict[str, JsonValue] = {
        "type": "object",
        "required": ["paid", "currency"],
        "properties": {"paid": {"type": "boolean"}, "currency": {"default": "EUR"}},
    }
    for reaction in (Reaction.STOP, Reaction.AMEND):
        it = crew(SCRIPT)
        rule = guardrail(Stage.AFTER_AGENT, "schema", reaction, {"schema": schema})
        fold = run(it, rule)
        if reaction is Reaction.STOP:
            check_stopped(it, fold, "It does not fit the schema")
        else:
            result = the_task(fold).result
            assert result is not None
            assert result.data == {"paid": True, "currency": "EUR"}
            assert verified(it.log, fold.session_id).is_verified


def test_a_budget_stops_before_the_next_tool() -> None:
    it = crew(SCRIPT)

    fold = run(it, guardrail(Stage.BEFORE_TOOL, "budget", parameters={"tokens": 11}))

    check_stopped(it, fold, "12 tokens are spent, 11 may be.")


def test_a_function_of_the_embedding_program_is_asked_once_and_replayed_from_the_record() -> None:
    asked: list[Passing] = []

    def no_cards(passing: Passing, options: Mapping[str, JsonValue]) -> Objection | None:
        asked.append(passing)
        content = passing.content
        assert isinstance(content, dict)
        return Objection("A card.", {**content, "summary": f"Paid by {options['mask']}."})

    it = crew(SCRIPT)
    it.functions["no_cards"] = no_cards
    rule = guardrail(
        Stage.AFTER_AGENT,
        "function",
        Reaction.AMEND,
        {"function": "no_cards", "options": {"mask": "***"}},
    )

    fold = run(it, rule)

    assert fold.session.answer == "Paid by ***."
    assert [each.stage for each in asked] == [Stage.AFTER_AGENT]
    [trip] = the_task(fold).trips
    assert trip.outside
    assert verified(it.log, fold.session_id).is_verified
    assert len(asked) == 1


def test_a_function_that_passes_leaves_no_trace() -> None:
    it = crew(SCRIPT)
    it.functions["fine"] = lambda *_: None

    fold = run(it, guardrail(Stage.BEFORE_TOOL, "function", parameters={"function": "fine"}))

    assert fold.session.status is SessionStatus.COMPLETED
    assert not it.events("task.guardrail_tripped")
    assert verified(it.log, fold.session_id).is_verified


def broken(_passing: Passing, _options: Mapping[str, JsonValue]) -> None:
    raise RuntimeError("no network")


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (None, "No function 'mine' is registered; known: none."),
        (broken, "Function 'mine' failed: RuntimeError: no network"),
    ],
)
def test_a_function_that_cannot_say_anything_stops(
    function: GuardrailFunction | None, said: str
) -> None:
    it = crew(SCRIPT)
    if function is not None:
        it.functions["mine"] = function

    fold = run(it, guardrail(Stage.BEFORE_TOOL, "function", parameters={"function": "mine"}))

    check_stopped(it, fold, said)


def test_guardrails_of_the_policy_hold_for_every_task() -> None:
    it = crew(SCRIPT)
    rule = guardrail(Stage.AFTER_AGENT, reaction=Reaction.AMEND)

    fold = run(it, policy=IMPATIENT.model_copy(update={"guardrails": (rule,)}))

    assert fold.session.answer == "Paid by [card]."


def test_a_task_that_a_tool_does_alone_is_guarded_too() -> None:
    it = crew(SCRIPT)
    it.toolbox = ScriptedToolbox({"query_table": ToolAnswer(content={"card": "4111111111111111"})})
    rule = guardrail(Stage.AFTER_TOOL, reaction=Reaction.AMEND)

    fold = run(it, rule, tool="query_table", arguments={"sql": "SELECT 1"})

    result = the_task(fold).result
    assert result is not None
    assert result.data == {"card": "[card]"}
    assert verified(it.log, fold.session_id).is_verified


def test_terms_may_ask_for_approval_before_a_task_begins() -> None:
    """D10: approval before a risky step of a workflow."""
    it = crew(SCRIPT)
    fold = run(it, approval=True)
    [asked] = waiting(it)

    assert asked.request.rule == "terms of the task"
    assert agree_to_all(it, fold).session.status is SessionStatus.COMPLETED
    assert verified(it.log, fold.session_id).is_verified
