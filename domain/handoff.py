"""Handoff: an agent asks another one, by name, to go on with its task."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from uuid import UUID

from domain.priority import Priority
from domain.value import NonEmptyText, NonEmptyWords, Value, Words


class HandoffVerdicts(StrEnum):
    """Who says whether a handoff is accepted: the model of the target, or rules."""

    MODEL = "model"
    RULES = "rules"


class Handoff(Value):
    """A request to take over a task; the target accepts or rejects it.

    Attributes:
        effect_id: the model's answer in which the handoff was asked for.
        request: what the target shall do.
        context: what it has to know; untrusted when a model wrote it.
    """

    handoff_id: UUID
    effect_id: UUID
    from_agent: NonEmptyText
    to_agent: NonEmptyText
    request: NonEmptyWords
    context: Words = ""
    priority: Priority = Priority.NORMAL


def handoff_problem(
    target: str,
    holder: str,
    declared: Collection[str],
    active: Collection[str],
    left: int | None,
) -> str | None:
    """Say why a task must not be handed to an agent; None when it may be asked.

    Args:
        declared: handles of the only agents that the task may be handed to.
        active: handles of those who take work.
        left: how often the task may still be handed off; None for no limit.
    """
    others = [handle for handle in declared if handle != holder and handle in active]
    known = f"it may be handed to {', '.join(others)}" if others else "it may be handed to nobody"
    if left is not None and left <= 0:
        return "The task was handed off as often as the policy allows: go on with it yourself."
    if target == holder:
        return f"The task lies with {holder!r} already; {known}."
    if target not in declared:
        return f"{target!r} is no declared target of the task: {known}."
    if target not in active:
        return f"{target!r} takes no work now: {known}."
    return None


def verdict_by_rules(
    target: str, has: Collection[str], wanted: Collection[str]
) -> tuple[bool, str]:
    """Tell whether an agent accepts a task, by its skills.

    Args:
        has: skills of the agent.
        wanted: skills that the task asks for, most important first.

    Returns:
        Whether it does, and why.
    """
    fitting = [skill for skill in wanted if skill in set(has)]
    if wanted and not fitting:
        return False, f"{target} has none of the skills that it takes: {', '.join(wanted)}."
    why = f"has the skills {', '.join(fitting)}" if fitting else "is asked for no special skill"
    return True, f"{target} {why}."
