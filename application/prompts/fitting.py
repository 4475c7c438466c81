"""Fitting: a prompt that is compressed until it holds no more than it should."""

from __future__ import annotations

from application.briefs import Brief
from application.prompts.composing import MEASURES, compose
from application.prompts.values import Block, Prompt, Text, ToolUse
from application.prompts.wording import json_text
from domain.budget import CHARACTERS_PER_TOKEN


def compose_within(brief: Brief, compression: int, max_tokens: int | None) -> Prompt:
    """Compose the prompt of a brief, compressed further while it is over a limit.

    The strictest compression is sent even where it is over the limit: the provider knows better
    than an estimate whether it is too long.

    Args:
        compression: the least that is wanted.
        max_tokens: None for no limit.
    """
    prompt = compose(brief, compression)
    while (
        max_tokens is not None
        and compression < len(MEASURES) - 1
        and estimated_tokens(prompt) > max_tokens
    ):
        compression += 1
        prompt = compose(brief, compression)
    return prompt


def estimated_tokens(prompt: Prompt) -> int:
    """Estimate the tokens of a prompt by its characters."""
    characters = len(prompt.system)
    characters += sum(_length(block) for message in prompt.messages for block in message.blocks)
    for tool in prompt.tools:
        characters += len(tool.name) + len(tool.description) + len(json_text(tool.parameters))
    return characters // CHARACTERS_PER_TOKEN


def _length(block: Block) -> int:
    if isinstance(block, Text):
        return len(block.text)
    if isinstance(block, ToolUse):
        return len(block.tool) + len(json_text(block.arguments))
    return len(block.text)
