"""Answers: a model's structured answer, parsed and held against its schema."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

from pydantic import ValidationError

from application.briefs import (
    SUBMIT_ASSESSMENT,
    SUBMIT_BID,
    SUBMIT_CHOICE,
    SUBMIT_INTENT,
    SUBMIT_PLAN,
    SUBMIT_RESULT,
    SUBMIT_SCORES,
    SUBMIT_VERDICT,
    Assessment,
    Bid,
    Choice,
    Scores,
    Submission,
    Verdict,
)
from domain.effect import ModelAnswer
from domain.planning import Plan, PlanError, check_plan
from domain.session import Intent
from domain.value import Value

CUT_OFF = "max_tokens"
"""Stop reason of an answer that reached the output limit."""

V = TypeVar("V", bound=Value)


class AnswerError(Exception):
    """The model's answer cannot be accepted; the message tells the model why."""


def read_intent(answer: ModelAnswer) -> Intent:
    """Read the intent out of Nova's answer.

    Raises:
        AnswerError: the answer holds no valid intent.
    """
    intent = _read(answer, SUBMIT_INTENT, Intent)
    if not intent.servable and not intent.reason.strip():
        raise AnswerError("An intent that is not servable needs a reason.")
    return intent


def read_plan(
    answer: ModelAnswer,
    departments: Mapping[str, Collection[str]] | None,
    known: Collection[str] = (),
) -> Plan:
    """Read the plan out of a coordinator's answer and hold it against the rules.

    Args:
        departments: skills of each department by its key; None where a team does the tasks.
        known: keys of the tasks that the plan is to be added to.

    Raises:
        AnswerError: the answer holds no valid plan.
    """
    plan = _read(answer, SUBMIT_PLAN, Plan)
    try:
        check_plan(plan, departments, known)
    except PlanError as error:
        raise AnswerError(str(error)) from error
    return plan


def read_submission(answer: ModelAnswer) -> Submission | None:
    """Read a specialist's submission; None while it still wants to use tools.

    Plain text without any tool call counts as a finished result.

    Raises:
        AnswerError: the submission is invalid, or the answer is empty.
    """
    if any(call.tool == SUBMIT_RESULT for call in answer.tool_calls):
        return _read(answer, SUBMIT_RESULT, Submission)
    if answer.tool_calls:
        return None
    if not answer.text.strip():
        raise AnswerError(f"The answer is empty; use a tool or call {SUBMIT_RESULT}.")
    if answer.stop_reason == CUT_OFF:
        raise AnswerError(f"The answer was cut off; call {SUBMIT_RESULT} with a shorter summary.")
    return Submission(done=True, summary=answer.text)


def read_verdict(answer: ModelAnswer) -> Verdict:
    """Read whether something is accepted.

    Raises:
        AnswerError: the answer holds no valid verdict.
    """
    return _read(answer, SUBMIT_VERDICT, Verdict)


def read_choice(answer: ModelAnswer, handles: Collection[str]) -> Choice:
    """Read whom a model chose.

    Args:
        handles: of the candidates, one of which is chosen, or nobody.

    Raises:
        AnswerError: the answer holds no valid choice.
    """
    choice = _read(answer, SUBMIT_CHOICE, Choice)
    if choice.agent is not None and choice.agent not in handles:
        raise AnswerError(
            f"{choice.agent!r} is no candidate; choose one of {', '.join(handles)}, or null."
        )
    return choice


def read_bid(answer: ModelAnswer) -> Bid:
    """Read what an agent offers for a task.

    Raises:
        AnswerError: the answer holds no valid bid.
    """
    return _read(answer, SUBMIT_BID, Bid)


def read_scores(answer: ModelAnswer, keys: Collection[str]) -> Scores:
    """Read how good results are.

    Args:
        keys: of the tasks whose results were compared; each has a score, and nothing else has.

    Raises:
        AnswerError: the answer holds no valid scores.
    """
    scores = _read(answer, SUBMIT_SCORES, Scores)
    if set(scores.scores) != set(keys):
        raise AnswerError(f"Give one score for each of {', '.join(keys)}, and for nothing else.")
    return scores


def read_assessment(answer: ModelAnswer) -> Assessment:
    """Read how supervised work stands.

    Raises:
        AnswerError: the answer holds no valid assessment.
    """
    return _read(answer, SUBMIT_ASSESSMENT, Assessment)


def read_text(answer: ModelAnswer) -> str:
    """Read plain text.

    Raises:
        AnswerError: the answer is empty.
    """
    if not answer.text.strip():
        raise AnswerError("The answer is empty; answer in Markdown.")
    return answer.text


def _read(answer: ModelAnswer, tool: str, kind: type[V]) -> V:
    call = next((call for call in answer.tool_calls if call.tool == tool), None)
    if call is None:
        raise AnswerError(f"The answer does not call {tool}; call it once with all its arguments.")
    try:
        return kind.model_validate(call.arguments)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, detail['loc'])) or 'arguments'}: {detail['msg']}"
            for detail in error.errors()[:5]
        )
        raise AnswerError(f"The arguments of {tool} are invalid: {problems}.") from error
