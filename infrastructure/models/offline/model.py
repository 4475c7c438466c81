"""OfflineModel: answers every brief by deterministic rules, at no cost and without a network."""

from __future__ import annotations

from decimal import Decimal

from application.briefs import (
    SUBMIT_INTENT,
    SUBMIT_PLAN,
    DecomposeBrief,
    ExecuteBrief,
    InterpretBrief,
    PresentBrief,
)
from application.ports import ModelRequest
from domain.effect import ModelAnswer, ToolCall
from domain.value import Value
from infrastructure.models.offline.plans import interpret, plan
from infrastructure.models.offline.present import present
from infrastructure.models.offline.procedures import procedure_for
from infrastructure.models.offline.work import next_calls

MODEL_NAME = "offline"


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
        return _answer(tool_calls=_decide(brief))


def _decide(brief: InterpretBrief | DecomposeBrief | ExecuteBrief) -> tuple[ToolCall, ...]:
    if isinstance(brief, InterpretBrief):
        return (_submit(SUBMIT_INTENT, interpret(brief)),)
    if isinstance(brief, DecomposeBrief):
        return (_submit(SUBMIT_PLAN, plan(brief)),)
    return next_calls(procedure_for(brief), brief)


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
