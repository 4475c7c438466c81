"""Describing: tells a model what a tool takes and answers, and what was wrong with its wish."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

from pydantic import ValidationError

from application.briefs import ToolBrief
from domain.value import Value

_SHOWN = 60


@cache
def describe(name: str, arguments: type[Value], answer: type[Value]) -> ToolBrief:
    """Describe one tool from the models of its arguments and of its answer."""
    purpose = inspect.cleandoc(arguments.__doc__ or name)
    answers = inspect.cleandoc(answer.__doc__ or "").split("\n\n")[0]
    return ToolBrief(
        name=name,
        description=f"{' '.join(purpose.split())} Answers: {' '.join(answers.split())}",
        parameters=_schema(arguments),
    )


def _schema(arguments: type[Value]) -> dict[str, Any]:
    schema = arguments.model_json_schema()
    properties = {name: _plain(part) for name, part in schema.get("properties", {}).items()}
    return {
        "type": "object",
        "properties": properties,
        "required": schema.get("required", []),
        "additionalProperties": False,
    }


def _plain(part: Any) -> Any:
    """Leave out what says nothing to a model: titles, and `null` beside the real type."""
    if isinstance(part, list):
        return [_plain(item) for item in part]
    if not isinstance(part, dict):
        return part
    plain = {key: _plain(value) for key, value in part.items() if key != "title"}
    choices = [choice for choice in plain.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        plain = {key: value for key, value in plain.items() if key not in {"anyOf", "default"}}
        return {**choices[0], **plain}
    return plain


def explain(tool: str, error: ValidationError) -> str:
    """Say in one sentence what is wrong with the arguments of a call."""
    problems = []
    for problem in error.errors(include_url=False):
        place = ".".join(str(part) for part in problem["loc"]) or "arguments"
        given = repr(problem["input"])
        told = "" if problem["type"] == "missing" else f" (given: {given[:_SHOWN]})"
        problems.append(f"{place}: {problem['msg']}{told}")
    return f"The arguments of {tool} are wrong: {'; '.join(problems)}."
