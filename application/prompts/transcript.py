"""Transcript: a task's finished exchanges as alternating messages, long ago ones shortened."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import cast

from pydantic import JsonValue

from application.prompts.shortening import cut, shorten
from application.prompts.values import Block, Message, Text, ToolResult, ToolUse
from application.prompts.wording import GO_ON, data
from domain.effect import ModelAnswer, ToolAnswer, ToolCall
from domain.task import Step

RECENT_MESSAGES = 5
"""Messages at the end that stay whole whatever the compression."""

_ODD_IN_NAME = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A model's answer with what came of its tool calls.

    Attributes:
        outcomes: the steps of its tool calls, by call id.
    """

    answer: ModelAnswer
    rejection: str | None
    outcomes: dict[str, Step] = field(default_factory=dict)

    @property
    def visible(self) -> bool:
        """Whether the answer makes a message: an empty one does not, providers refuse it."""
        return bool(self.answer.tool_calls or self.answer.text.strip())


def exchanges(steps: Iterable[Step]) -> list[Exchange]:
    """Put the outcomes of tool calls to the answers that asked for them.

    A model call that failed for good leaves nothing behind.

    Raises:
        LookupError: a tool was used that the latest answer did not ask for.
    """
    found: list[Exchange] = []
    for step in steps:
        if step.call is not None:
            call_id = step.call.call_id
            if not found or call_id not in [call.call_id for call in found[-1].answer.tool_calls]:
                raise LookupError(f"no model asked for the tool call {call_id!r}")
            found[-1].outcomes[call_id] = step
        elif isinstance(step.answer, ModelAnswer):
            found.append(Exchange(step.answer, step.rejection))
    return found


def transcript(opening: str, steps: Iterable[Step], limit: int | None) -> tuple[Message, ...]:
    """Write what was said after an opening.

    Args:
        limit: characters that older tool calls and results may have; None leaves all whole.

    Raises:
        LookupError: a tool call has no outcome yet, or a tool was used that nobody asked for.
    """
    found = exchanges(steps)
    messages = [Message("user", (Text(opening),))]
    numbers = count(1)
    left = sum(exchange.visible for exchange in found)
    for exchange in found:
        # Counted from the end: the reply is message 2 * left - 1, the answer the one before it.
        said = _said(exchange, numbers, limit if 2 * left > RECENT_MESSAGES else None)
        calls = [block for block in said if isinstance(block, ToolUse)]
        replies = _replies(exchange, calls, limit if 2 * left - 1 > RECENT_MESSAGES else None)
        if exchange.visible:
            messages += [Message("assistant", said), Message("user", replies)]
            left -= 1
        else:
            messages[-1] = add(messages[-1], *replies)
    return tuple(messages)


def add(message: Message, *blocks: Block) -> Message:
    """Add blocks to the end of a message."""
    return replace(message, blocks=(*message.blocks, *blocks))


def _said(exchange: Exchange, numbers: count[int], limit: int | None) -> tuple[Block, ...]:
    text = exchange.answer.text.strip()
    words = [Text(text if limit is None else cut(text, limit))] if text else []
    calls = [
        ToolUse(
            call_id=f"call_{next(numbers)}",
            tool=_ODD_IN_NAME.sub("_", call.tool),
            arguments=cast("dict[str, JsonValue]", _within(dict(call.arguments), limit)),
        )
        for call in exchange.answer.tool_calls
    ]
    return (*words, *calls)


def _replies(exchange: Exchange, uses: Sequence[ToolUse], limit: int | None) -> tuple[Block, ...]:
    results = [
        _result(use.call_id, call, exchange, limit)
        for use, call in zip(uses, exchange.answer.tool_calls, strict=True)
    ]
    return (*results, *_words(exchange))


def _result(call_id: str, call: ToolCall, exchange: Exchange, limit: int | None) -> ToolResult:
    step = exchange.outcomes.get(call.call_id)
    if step is None:
        if exchange.rejection is None:
            raise LookupError(f"the tool call {call.call_id!r} has no outcome yet")
        return ToolResult(call_id, _rejected(exchange.rejection), failed=True)
    if isinstance(step.answer, ToolAnswer):
        content = _within(step.answer.content, limit)
        return ToolResult(call_id, data(f"result of {call.tool}", content))
    message = step.failure.message if step.failure else "failed"
    content = _within(message, limit)
    return ToolResult(call_id, data(f"failure of {call.tool}", content), failed=True)


def _words(exchange: Exchange) -> Sequence[Text]:
    """Say what no tool result says: why an answer without open calls was rejected."""
    calls = exchange.answer.tool_calls
    if exchange.rejection is None:
        return () if calls else (Text(GO_ON),)
    told = any(call.call_id not in exchange.outcomes for call in calls)
    return () if told else (Text(_rejected(exchange.rejection)),)


def _rejected(reason: str) -> str:
    return f"Not accepted: {reason}"


def _within(value: JsonValue, limit: int | None) -> JsonValue:
    return value if limit is None else shorten(value, limit)
