"""Composing: the prompt of a brief, stable parts first, as short as its compression asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import JsonValue

from application.briefs import (
    HAND_OFF,
    SUBMIT_INTENT,
    SUBMIT_PLAN,
    SUBMIT_RESULT,
    Brief,
    DecomposeBrief,
    ExecuteBrief,
    HandoffWish,
    InterpretBrief,
    PresentBrief,
    Submission,
    ToolBrief,
)
from application.prompts import coordinating, parts, wording
from application.prompts.parts import Measure
from application.prompts.transcript import add, transcript
from application.prompts.values import Prompt, Text
from application.prompts.wording import data
from domain.planning import Plan
from domain.session import Intent

MEASURES = (
    Measure(exchange=None, result=None, skills=True, details=True),
    Measure(exchange=2000, result=8000, skills=False, details=True),
    Measure(exchange=500, result=2000, skills=False, details=True),
    Measure(exchange=120, result=500, skills=False, details=False),
)
"""By compression; a higher one is like the last."""


def compose(brief: Brief, compression: int = 0) -> Prompt:
    """Compose the prompt of a brief; the same brief always gives the same prompt.

    Args:
        compression: 0 sends all there is; each more makes the prompt shorter, never longer.

    Raises:
        LookupError: the brief's steps are no finished exchanges.
    """
    return _COMPOSERS[brief.purpose](brief, MEASURES[min(compression, len(MEASURES) - 1)])


def _interpret(brief: InterpretBrief, measure: Measure) -> Prompt:
    departments = parts.departments(brief.departments, measure)
    opening = parts.lines(f"Request: {brief.request}", parts.files(brief.files))
    return Prompt(
        system=parts.system(wording.INTERPRET, brief.agent, departments),
        messages=transcript(opening, brief.steps, measure.exchange),
        tools=(parts.submit(SUBMIT_INTENT, Intent),),
        required_tool=SUBMIT_INTENT,
    )


def _decompose(brief: DecomposeBrief, measure: Measure) -> Prompt:
    opening = parts.lines(
        *parts.goal(brief.request, brief.intent, measure),
        parts.files(brief.files),
        *(parts.result(result, measure, with_findings=True) for result in brief.dependencies),
        f"The task to cut up: {brief.task.title}\n{brief.task.instruction}" if brief.task else "",
    )
    if brief.team:
        instruction, doers = (
            wording.DECOMPOSE_FOR_TEAM,
            parts.agents("Team:", brief.team, measure),
        )
    else:
        instruction, doers = wording.DECOMPOSE, parts.departments(brief.departments, measure)
    return Prompt(
        system=parts.system(instruction, brief.agent, doers),
        messages=transcript(opening, brief.steps, measure.exchange),
        tools=(parts.submit(SUBMIT_PLAN, Plan),),
        required_tool=SUBMIT_PLAN,
    )


def _execute(brief: ExecuteBrief, measure: Measure) -> Prompt:
    opening = parts.lines(
        *parts.goal(brief.request, brief.intent, measure),
        parts.files(brief.files),
        *(parts.result(result, measure, with_findings=True) for result in brief.dependencies),
        *_surroundings(brief, measure),
        f"Your task {brief.task.key}: {brief.task.title}",
        brief.task.instruction,
        *([] if brief.budget is None else [wording.BUDGET.format(tokens=brief.budget)]),
    )
    messages = transcript(opening, brief.steps, measure.exchange)
    submit = _submission(brief)
    if not brief.last:
        tools, required = (*brief.tools, *_hand_off(brief), submit), None
    else:
        # Not every model can be made to use a tool; with one on offer none strays.
        messages = (*messages[:-1], add(messages[-1], Text(wording.LAST_CALL)))
        tools, required = (submit,), SUBMIT_RESULT
    return Prompt(
        system=parts.system(wording.EXECUTE, brief.agent, *_role(brief, measure)),
        messages=messages,
        tools=tools,
        required_tool=required,
    )


def _role(brief: ExecuteBrief, measure: Measure) -> list[str]:
    """Say what the terms ask of the agent; whoever wrote the workflow may give instructions."""
    terms = brief.terms
    said = []
    if terms is not None and terms.instructions:
        said.append(f"Your role: {terms.instructions}")
    if terms is not None and terms.outputs:
        said.append(f"Leave these files, by these names: {', '.join(terms.outputs)}.")
    if brief.handoffs:
        said += [wording.HAND_OFF, parts.agents("They are:", brief.handoffs, measure)]
    return said


def _surroundings(brief: ExecuteBrief, measure: Measure) -> list[str]:
    """Tell the arguments of the task and the handoff, both made of what others said."""
    said = []
    if brief.terms is not None and brief.terms.arguments:
        said.append(parts.within("arguments", dict(brief.terms.arguments), measure))
    if brief.handoff is not None:
        said.append(parts.handed(brief.handoff, measure))
    return said


def _submission(brief: ExecuteBrief) -> ToolBrief:
    submit = parts.submit(SUBMIT_RESULT, Submission)
    schema = brief.terms.output_schema if brief.terms is not None else None
    return submit if schema is None else parts.narrowed(submit, "data", schema)


def _hand_off(brief: ExecuteBrief) -> tuple[ToolBrief, ...]:
    """Describe the tool that hands the task off, with the declared targets only."""
    if not brief.handoffs:
        return ()
    targets: list[JsonValue] = [agent.handle for agent in brief.handoffs]
    tool = parts.submit(HAND_OFF, HandoffWish)
    return (parts.narrowed(tool, "target", {"type": "string", "enum": targets}),)


def _present(brief: PresentBrief, measure: Measure) -> Prompt:
    files: list[JsonValue] = [
        {"path": artefact.path, "title": artefact.title} for artefact in brief.artefacts
    ]
    opening = parts.lines(
        *parts.goal(brief.request, brief.intent, measure),
        *(parts.result(result, measure, with_findings=False) for result in brief.results),
        data("files for the user", files),
    )
    return Prompt(
        system=parts.system(wording.PRESENT, brief.agent),
        messages=transcript(opening, brief.steps, measure.exchange),
        tools=(),
        required_tool=None,
    )


_COMPOSERS: dict[str, Callable[[Any, Measure], Prompt]] = {
    "interpret": _interpret,
    "decompose": _decompose,
    "execute": _execute,
    "present": _present,
    **coordinating.COMPOSERS,
}
"""By purpose."""
