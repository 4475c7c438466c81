"""Answers: structured answers of models are accepted only when they keep their schema."""

from __future__ import annotations

from typing import Any

import pytest

from application.briefs import Submission
from application.orchestration.answers import (
    AnswerError,
    read_intent,
    read_plan,
    read_submission,
)
from domain.session import Intent
from tests.support.office import Q4_PLAN
from tests.support.scripted import answer, call, intend, propose, submit, use

DEPARTMENTS = {
    "analytics": ("metrics", "charts"),
    "creative": (),
    "finance": ("statements", "reporting"),
}


def test_an_intent_is_read_from_its_tool_call() -> None:
    assert read_intent(intend("A report", language="de")) == Intent(goal="A report", language="de")


def test_other_calls_and_words_beside_it_do_not_matter() -> None:
    wish = intend("A report").tool_calls[0]

    assert read_intent(answer(call("query_table"), wish, text="Well.")).goal == "A report"


def test_the_first_of_two_intents_counts() -> None:
    first, second = intend("One").tool_calls[0], intend("Two").tool_calls[0]

    assert read_intent(answer(first, second)).goal == "One"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({}, "goal: Field required"),
        ({"goal": " "}, "goal: String should have at least 1 character"),
        ({"goal": "A report", "mood": "good"}, "mood: Extra inputs are not permitted"),
        ({"goal": "A report", "servable": "perhaps"}, "servable: Input should be a valid boolean"),
    ],
)
def test_an_invalid_intent_is_refused_with_its_problems(
    arguments: dict[str, Any], problem: str
) -> None:
    with pytest.raises(AnswerError) as caught:
        read_intent(use("submit_intent", **arguments))

    assert str(caught.value).startswith("The arguments of submit_intent are invalid: ")
    assert problem in str(caught.value)


def test_an_intent_that_is_not_servable_needs_a_reason() -> None:
    with pytest.raises(AnswerError, match="needs a reason"):
        read_intent(intend("A flight", servable=False, reason=" "))


def test_an_answer_without_the_call_is_refused() -> None:
    with pytest.raises(AnswerError, match="does not call submit_intent; call it once"):
        read_intent(answer(text="You want a report."))


def test_a_valid_plan_is_read() -> None:
    assert read_plan(propose(Q4_PLAN), DEPARTMENTS) == Q4_PLAN


def test_a_plan_is_held_against_the_rules_of_the_house() -> None:
    with pytest.raises(AnswerError, match="unknown department 'creative'; the departments are"):
        read_plan(propose(Q4_PLAN), {"analytics": ("metrics",), "finance": ("statements",)})


def test_no_more_than_five_problems_are_told_at_once() -> None:
    tasks: list[Any] = [{"key": "Not a key"} for _ in range(4)]

    with pytest.raises(AnswerError) as caught:
        read_plan(use("submit_plan", tasks=tasks, complexity=2, reason="So."), DEPARTMENTS)

    assert str(caught.value).count(": ") == 1 + 5
    assert "tasks.0.key: " in str(caught.value)


def test_a_submission_is_read_whatever_else_is_called() -> None:
    wish = submit("Done.", total=1).tool_calls[0]

    assert read_submission(answer(call("query_table"), wish)) == Submission(
        done=True, summary="Done.", data={"total": 1}
    )


def test_plain_words_are_a_finished_result() -> None:
    assert read_submission(answer(text="It is 60.")) == Submission(done=True, summary="It is 60.")


def test_who_wants_to_use_tools_has_not_submitted_yet() -> None:
    assert read_submission(answer(call("query_table"), text="Let me look.")) is None


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_answer_is_refused(text: str) -> None:
    with pytest.raises(AnswerError, match="is empty; use a tool or call submit_result"):
        read_submission(answer(text=text))


def test_words_that_were_cut_off_are_no_result() -> None:
    cut = answer(text="Revenue is").model_copy(update={"stop_reason": "max_tokens"})

    with pytest.raises(AnswerError, match="was cut off; call submit_result with a shorter"):
        read_submission(cut)


def test_an_invalid_submission_is_refused() -> None:
    with pytest.raises(AnswerError, match="submit_result are invalid: summary: Field required"):
        read_submission(use("submit_result", done=True))
