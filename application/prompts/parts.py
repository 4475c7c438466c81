"""Parts: what prompts of several purposes are made of, as short as their measure asks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import JsonValue

from application.briefs import AgentBrief, DepartmentBrief, FileBrief, ResultBrief, ToolBrief
from application.prompts import wording
from application.prompts.shortening import shorten, size
from application.prompts.wording import data
from domain.handoff import Handoff
from domain.planning import PlannedTask
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


def lines(*parts: str) -> str:
    """Join parts, each on its own line; empty ones are left out."""
    return "\n".join(part for part in parts if part)


def system(instruction: str, agent: AgentBrief, *more: str) -> str:
    """Write the system text of an agent for a purpose."""
    skills = f" Skills: {', '.join(agent.skills)}." if agent.skills else ""
    description = f" {agent.description.strip()}" if agent.description.strip() else ""
    identity = f"You are {agent.display_name} ({agent.handle}).{description}{skills}"
    return lines(wording.DATA_RULE, instruction, *more, identity)


def departments(found: tuple[DepartmentBrief, ...], measure: Measure) -> str:
    """List departments."""
    return lines(
        "Departments:",
        *(
            f"- {department.key} ({department.label})"
            + (f": {', '.join(department.skills)}" if measure.skills else "")
            for department in found
        ),
    )


def agents(heading: str, found: tuple[AgentBrief, ...], measure: Measure) -> str:
    """List agents; nothing when there are none."""
    if not found:
        return ""
    return lines(
        heading,
        *(
            f"- {agent.handle} ({agent.display_name})"
            + (f": {', '.join(agent.skills)}" if agent.skills and measure.skills else "")
            for agent in found
        ),
    )


def goal(request: str, intent: Intent | None, measure: Measure) -> tuple[str, ...]:
    """Tell the user's words and what they were understood to mean."""
    if intent is None:
        return (f"Request: {request}",)
    said = (f"Request: {request}",) if measure.details else ()
    return (*said, f"Goal: {intent.goal}", f"Language: {intent.language}")


def files(found: tuple[FileBrief, ...]) -> str:
    """List the input files."""
    listed: list[JsonValue] = [{"name": file.name, "size_bytes": file.size} for file in found]
    return data("input files", listed) if listed else "There are no input files."


def task(found: PlannedTask) -> str:
    """Tell what a task asks for, as material: whoever reads it judges it and does not do it."""
    told: dict[str, JsonValue] = {"title": found.title, "instruction": found.instruction}
    if found.skills:
        told["skills"] = list(found.skills)
    return data(f"task {found.key}", told)


def result(found: ResultBrief, measure: Measure, *, with_findings: bool) -> str:
    """Tell how another task ended; `with_findings` adds its structured findings."""
    told: dict[str, JsonValue] = {"title": found.title}
    if found.result is None:
        told["failure"] = found.failure or "not done"
        if found.found:
            told["found by then"] = found.found
    else:
        told["summary"] = found.result.summary
        told["files"] = [artefact.path for artefact in found.result.artefacts]
    whole = told | {"data": found.result.data} if with_findings and found.result else told
    label = f"task {found.key} by {found.agent}"
    if measure.result is None:
        return data(label, whole)
    shortened = shorten(whole, measure.result)
    if not measure.details:
        shortened = min(shorten(told, measure.result), shortened, key=size)
    return data(label, shortened)


def handed(handoff: Handoff, measure: Measure) -> str:
    """Tell what came with a handoff."""
    told: dict[str, JsonValue] = {
        "request": handoff.request,
        "context": handoff.context,
        "priority": handoff.priority.value,
    }
    return within(f"handoff by {handoff.from_agent}", told, measure)


def within(label: str, value: JsonValue, measure: Measure) -> str:
    """Mark a value as material, no longer than the result of another task may be."""
    return data(label, value if measure.result is None else shorten(value, measure.result))


@cache
def submit(name: str, kind: type[Value]) -> ToolBrief:
    """Describe the tool by which a model hands a value in; its docstring says what it is."""
    schema = kind.model_json_schema()
    description = str(schema.pop("description"))
    _strip_titles(schema)
    return ToolBrief(name=name, description=description, parameters=schema)


def narrowed(tool: ToolBrief, part: str, schema: dict[str, Any]) -> ToolBrief:
    """Describe a tool one of whose arguments is held to a schema of its own."""
    properties = dict(tool.parameters["properties"])  # type: ignore[arg-type]  # an object's
    properties[part] = schema
    return tool.model_copy(update={"parameters": {**tool.parameters, "properties": properties}})


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
