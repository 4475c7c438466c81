"""Prompts: what a language model is sent for a brief, as plain values and pure functions."""

from application.prompts.composing import compose
from application.prompts.fitting import compose_within
from application.prompts.values import Block, Message, Prompt, Text, ToolResult, ToolUse

__all__ = [
    "Block",
    "Message",
    "Prompt",
    "Text",
    "ToolResult",
    "ToolUse",
    "compose",
    "compose_within",
]
