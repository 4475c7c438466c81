"""OfflineModel: answers every brief by deterministic rules, at no cost and without a network."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from application.briefs import (
    SUBMIT_ASSESSMENT,
    SUBMIT_BID,
    SUBMIT_CHOICE,
    SUBMIT_INTENT,
    SUBMIT_PLAN,
    SUBMIT_SCORES,
    SUBMIT_VERDICT,
    AssembleBrief,
    Brief,
    ExecuteBrief,
    PresentBrief,
)
from application.ports import ModelRequest
from domain.effect import ModelAnswer, ToolCall
from domain.value import Value
from infrastructure.models.offline.assembling import assemble
from infrastructure.models.offline.checking import judge, monitor, validate
from infrastructure.models.offline.choosing import bid, choose, consider
from infrastructure.models.offline.plans import interpret, plan
from infrastructure.models.offline.present import present
from infrastructure.models.offline.procedures import procedure_for
from infrastructure.models.offline.teamwork import recover
from infrastructure.models.offline.work import next_calls

MODEL_NAME = "offline"

STRUCTURED: dict[str, tuple[str, Callable[[Any], Value]]] = {
    "interpret": (SUBMIT_INTENT, interpret),
    "decompose": (SUBMIT_PLAN, plan),
    "route": (SUBMIT_CHOICE, choose),
    "bid": (SUBMIT_BID, bid),
    "consider": (SUBMIT_VERDICT, consider),
    "validate": (SUBMIT_VERDICT, validate),
    "judge": (SUBMIT_SCORES, judge),
    "monitor": (SUBMIT_ASSESSMENT, monitor),
    "recover": (SUBMIT_PLAN, recover),
}
"""Purposes that are answered by one value: the tool that submits it, and the rules."""


class OfflineModel:
    """Rules that answer in place of a language model.

    The answer is a pure function of the brief: the same brief gives the same answer, and nothing
    is kept between calls.
    """

    async def answer(self, request: ModelRequest) -> ModelAnswer:
        """Answer one call."""
        brief = request.brief
        if isinstance(brief, PresentBrief):
            return _answer(text=present(brief))
        if isinstance(brief, AssembleBrief):
            return _answer(text=assemble(brief))
        return _answer(tool_calls=_decide(brief))


def _decide(brief: Brief) -> tuple[ToolCall, ...]:
    if isinstance(brief, ExecuteBrief):
        return next_calls(procedure_for(brief), brief)
    tool, rules = STRUCTURED[brief.purpose]
    return (_submit(tool, rules(brief)),)


def _submit(tool: str, value: Value) -> ToolCall:
    return ToolCall(call_id="call_1", tool=tool, arguments=value.model_dump(mode="json"))


def _answer(text: str = "", tool_calls: tuple[ToolCall, ...] = ()) -> ModelAnswer:
    return ModelAnswer(
        model=MODEL_NAME,
        text=text,
        tool_calls=tool_calls,
        stop_reason="tool_use" if tool_calls else "end_turn",
        cost_usd=Decimal(0),
    )
