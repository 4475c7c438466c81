"""Composing: the prompt of a brief, stable parts first, as short as its compression asks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from pydantic import JsonValue

from application.briefs import (
    SUBMIT_INTENT,
    SUBMIT_PLAN,
    SUBMIT_RESULT,
    AgentBrief,
    Brief,
    DecomposeBrief,
    DepartmentBrief,
    ExecuteBrief,
    FileBrief,
    InterpretBrief,
    PresentBrief,
    ResultBrief,
    Submission,
    ToolBrief,
)
from application.prompts import wording
from application.prompts.shortening import shorten, size
from application.prompts.transcript import add, transcript
from application.prompts.values import Prompt, Text
from application.prompts.wording import data
from domain.planning import Plan
from domain.session import Intent
from domain.value import Value


@dataclass(frozen=True, slots=True)
class Measure:
    """How much of what a prompt may hold; None means all.

    Attributes:
        exchange: characters of an older tool call or result.
        result: characters of the result of another task.
        skills: whether the departments' skills are listed.
        details: whether the structured findings of other tasks are there, and the user's own
            words where the goal stands for them.
    """

    exchange: int | None
    result: int | None
    skills: bool
    details: bool


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
    measure = MEASURES[min(compression, len(MEASURES) - 1)]
    if isinstance(brief, InterpretBrief):
        return _interpret(brief, measure)
    if isinstance(brief, DecomposeBrief):
        return _decompose(brief, measure)
    if isinstance(brief, ExecuteBrief):
        return _execute(brief, measure)
    return _present(brief, measure)


def _interpret(brief: InterpretBrief, measure: Measure) -> Prompt:
    departments = _departments(brief.departments, measure)
    opening = _lines(f"Request: {brief.request}", _files(brief.files))
    return Prompt(
        system=_system(wording.INTERPRET, brief.agent, departments),
        messages=transcript(opening, brief.steps, measure.exchange),
        tools=(_submit(SUBMIT_INTENT, Intent),),
        required_tool=SUBMIT_INTENT,
    )


def _decompose(brief: DecomposeBrief, measure: Measure) -> Prompt:
    departments = _departments(brief.departments, measure)
    opening = _lines(*_goal(brief.request, brief.intent, measure), _files(brief.files))
    return Prompt(
        system=_system(wording.DECOMPOSE, brief.agent, departments),
        messages=transcript(opening, brief.steps, measure.exchange),
        tools=(_submit(SUBMIT_PLAN, Plan),),
        required_tool=SUBMIT_PLAN,
    )


def _execute(brief: ExecuteBrief, measure: Measure) -> Prompt:
    opening = _lines(
        *_goal(brief.request, brief.intent, measure),
        _files(brief.files),
        *(_result(result, measure, with_findings=True) for result in brief.dependencies),
        f"Your task {brief.task.key}: {brief.task.title}",
        brief.task.instruction,
    )
    messages = transcript(opening, brief.steps, measure.exchange)
    submit = _submit(SUBMIT_RESULT, Submission)
    if not brief.last:
        tools, required = (*brief.tools, submit), None
    else:
        # Not every model can be made to use a tool; with one on offer none strays.
        messages = (*messages[:-1], add(messages[-1], Text(wording.LAST_CALL)))
        tools, required = (submit,), SUBMIT_RESULT
    return Prompt(
        system=_system(wording.EXECUTE, brief.agent),
        messages=messages,
        tools=tools,
        required_tool=required,
    )


def _present(brief: PresentBrief, measure: Measure) -> Prompt:
    files: list[JsonValue] = [
        {"path": artefact.path, "title": artefact.title} for artefact in brief.artefacts
    ]
    opening = _lines(
        *_goal(brief.request, brief.intent, measure),
        *(_result(result, measure, with_findings=False) for result in brief.results),
        data("files for the user", files),
    )
    return Prompt(
        system=_system(wording.PRESENT, brief.agent),
        messages=transcript(opening, brief.steps, measure.exchange),
        tools=(),
        required_tool=None,
    )


def _system(instruction: str, agent: AgentBrief, *more: str) -> str:
    skills = f" Skills: {', '.join(agent.skills)}." if agent.skills else ""
    description = f" {agent.description.strip()}" if agent.description.strip() else ""
    identity = f"You are {agent.display_name} ({agent.handle}).{description}{skills}"
    return _lines(wording.DATA_RULE, instruction, *more, identity)


def _departments(departments: tuple[DepartmentBrief, ...], measure: Measure) -> str:
    return _lines(
        "Departments:",
        *(
            f"- {department.key} ({department.label})"
            + (f": {', '.join(department.skills)}" if measure.skills else "")
            for department in departments
        ),
    )


def _goal(request: str, intent: Intent, measure: Measure) -> tuple[str, ...]:
    said = (f"Request: {request}",) if measure.details else ()
    return (*said, f"Goal: {intent.goal}", f"Language: {intent.language}")


def _files(files: tuple[FileBrief, ...]) -> str:
    listed: list[JsonValue] = [{"name": file.name, "size_bytes": file.size} for file in files]
    return data("input files", listed) if listed else "There are no input files."


def _result(result: ResultBrief, measure: Measure, *, with_findings: bool) -> str:
    """Tell how another task ended; `with_findings` adds its structured findings."""
    told: dict[str, JsonValue] = {"title": result.title}
    if result.result is None:
        told["failure"] = result.failure or "not done"
    else:
        told["summary"] = result.result.summary
        told["files"] = [artefact.path for artefact in result.result.artefacts]
    whole = told | {"data": result.result.data} if with_findings and result.result else told
    label = f"task {result.key} by {result.agent}"
    if measure.result is None:
        return data(label, whole)
    shortened = shorten(whole, measure.result)
    if not measure.details:
        shortened = min(shorten(told, measure.result), shortened, key=size)
    return data(label, shortened)


def _lines(*parts: str) -> str:
    return "\n".join(parts)


@cache
def _submit(name: str, kind: type[Value]) -> ToolBrief:
    """Describe the tool by which a model hands a value in; its docstring says what it is."""
    schema = kind.model_json_schema()
    description = str(schema.pop("description"))
    _strip_titles(schema)
    return ToolBrief(name=name, description=description, parameters=schema)


def _strip_titles(schema: JsonValue) -> None:
    """Drop the titles pydantic derives from names; a property called title is no text."""
    if isinstance(schema, dict):
        if isinstance(schema.get("title"), str):
            del schema["title"]
        for part in schema.values():
            _strip_titles(part)
    elif isinstance(schema, list):
        for part in schema:
            _strip_titles(part)
