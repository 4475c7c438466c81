"""Messages: a prompt in the words of the Messages API."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypedDict

from application.prompts import Block, Message, Prompt, Text, ToolUse

if TYPE_CHECKING:
    from anthropic.types import (
        CacheControlEphemeralParam,
        MessageParam,
        TextBlockParam,
        ToolChoiceParam,
        ToolParam,
        ToolResultBlockParam,
        ToolUseBlockParam,
    )

    BlockParam = TextBlockParam | ToolUseBlockParam | ToolResultBlockParam


class Parameters(TypedDict, total=False):
    """What a call says beside its transport.

    Sampling parameters, prefilled answers and settings of thinking are left out: current models
    refuse them, or some values of them. Thinking is not sent back either; the API allows that and
    its blocks would bind the record to one model and one uncompressed transcript.
    https://platform.claude.com/docs/en/models/sonnet-5-5/migration-guide
    """

    model: str
    max_tokens: int
    system: list[TextBlockParam]
    messages: list[MessageParam]
    tools: list[ToolParam]
    tool_choice: ToolChoiceParam


FORCIBLE = re.compile(r"^claude-((haiku|sonnet|opus)-4-\d|(sonnet|opus)-5(-\d{8})?$|haiku-5-5)")
"""Models that can be made to use a tool; Sonnet 5.5, Opus 5.5 and later ones refuse the request.

Whoever is not listed is only told to, since a missed tool costs one more call and a refused
request the task. https://platform.claude.com/docs/en/models/opus-5-5/whats-new-opus-5-5
"""


def to_parameters(prompt: Prompt, model: str, max_tokens: int) -> Parameters:
    """Say a prompt in the API's words, with marks up to where it may be cached.

    Tools, system text and messages form one prefix in this order. The marks stand after the
    tools, which agents share, after the system text, and, while tools are being used, after the
    last message, which the next call repeats.
    """
    parameters = Parameters(
        model=model,
        max_tokens=max_tokens,
        system=[{"type": "text", "text": prompt.system, "cache_control": _cached()}],
        messages=[_message(message) for message in prompt.messages],
    )
    if prompt.tools:
        parameters["tools"] = [
            {
                "name": tool.name,
                "description": tool.description,
                "input_schema": {"type": "object", **tool.parameters},
            }
            for tool in prompt.tools
        ]
        parameters["tools"][-1]["cache_control"] = _cached()
        parameters["tool_choice"] = _tool_choice(prompt.required_tool, model)
    if prompt.tools and prompt.required_tool is None:
        last = [_block(block) for block in prompt.messages[-1].blocks]
        last[-1]["cache_control"] = _cached()
        parameters["messages"][-1] = {"role": "user", "content": last}
    return parameters


def _tool_choice(required: str | None, model: str) -> ToolChoiceParam:
    if required is not None and FORCIBLE.match(model):
        return {"type": "tool", "name": required, "disable_parallel_tool_use": True}
    return {"type": "auto"}


def _message(message: Message) -> MessageParam:
    content = [_block(block) for block in message.blocks]
    if message.role == "user":
        return {"role": "user", "content": content}
    return {"role": "assistant", "content": content}


def _block(block: Block) -> BlockParam:
    if isinstance(block, Text):
        return {"type": "text", "text": block.text}
    if isinstance(block, ToolUse):
        return {
            "type": "tool_use",
            "id": block.call_id,
            "name": block.tool,
            "input": dict(block.arguments),
        }
    result: ToolResultBlockParam = {
        "type": "tool_result",
        "tool_use_id": block.call_id,
        "content": block.text,
    }
    if block.failed:
        result["is_error"] = True
    return result


def _cached() -> CacheControlEphemeralParam:
    return {"type": "ephemeral"}
