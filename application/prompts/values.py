"""Prompt: the messages and tools of one model call, in no provider's format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from application.briefs import ToolBrief


@dataclass(frozen=True, slots=True)
class Text:
    """Words of either side."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool call as the model made it.

    Attributes:
        call_id: names the call within the prompt; numbered anew, so that answers of several
            providers can stand in one transcript.
    """

    call_id: str
    tool: str
    arguments: dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came of a tool call; `failed` when it could not be done or was not accepted."""

    call_id: str
    text: str
    failed: bool = False


Block = Text | ToolUse | ToolResult


@dataclass(frozen=True, slots=True)
class Message:
    """One turn; the tool results of a user's message come before its words."""

    role: Literal["user", "assistant"]
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Prompt:
    """One model call.

    Attributes:
        system: the instructions, the same for every call of an agent for a purpose.
        messages: user and assistant in turn; the first and the last are the user's. What was
            sent once stays as it was in later calls of the same task, so that providers can
            cache it; only compression changes it.
        tools: in a fixed order.
        required_tool: the tool the model must answer with; None leaves it free.
    """

    system: str
    messages: tuple[Message, ...]
    tools: tuple[ToolBrief, ...]
    required_tool: str | None
