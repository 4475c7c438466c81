"""Salvaging: what a task had found by the time it failed."""

from __future__ import annotations

from collections.abc import Iterator

from application.orchestration.outcomes import artefacts_of
from application.prompts.shortening import cut, shorten
from application.prompts.wording import json_text
from domain.effect import Failure, ModelAnswer, ToolAnswer
from domain.task import Task

MOST_ANSWERS = 5
LONGEST_ANSWER = 300
LONGEST_TEXT = 2_000
"""Answers of tools that are told, characters of each, and characters of what the agent said."""


def with_what_was_found(failure: Failure, task: Task) -> Failure:
    """Add to a failure what its task had found: words, answers of tools, and files.

    What a task in it had found stays, where the task did nothing itself.
    """
    found = "\n".join((*_said(task), *_answered(task)))
    return failure.model_copy(
        update={
            "found": found or failure.found,
            "artefacts": artefacts_of(task) or failure.artefacts,
        }
    )


def _said(task: Task) -> Iterator[str]:
    """Give the latest words of an agent, where there are any."""
    for step in reversed(task.steps):
        answer = step.answer
        if step.purpose == "execute" and isinstance(answer, ModelAnswer) and answer.text.strip():
            yield cut(answer.text.strip(), LONGEST_TEXT)
            return


def _answered(task: Task) -> list[str]:
    """List the latest answers of tools, oldest first."""
    told = [
        f"- {step.call.tool}: {json_text(shorten(step.answer.content, LONGEST_ANSWER))}"
        for step in task.steps
        if step.call is not None and isinstance(step.answer, ToolAnswer)
    ]
    return told[-MOST_ANSWERS:]
