"""Requests: what a model or a tool was asked, in a form in which two askings can be compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest
from typing import Any

from pydantic import JsonValue

from application.briefs import Brief
from application.fold import SessionFold
from application.prompts.shortening import cut
from domain.effect import ModelAnswer, ToolAnswer, ToolCall
from domain.task import Step, Task

Request = dict[str, JsonValue]

LONGEST = 300
"""Characters of a value that are shown."""

_ABSENT = object()

_NOT_SAID = {"usage", "cost_usd", "duration_ms", "model"}
"""What is recorded of an answer and nobody is told later."""


def model_request(model: str, brief: Brief, compression: int) -> Request:
    """Say what a model is asked: all that its answer can depend on, and no ids.

    Ids of tasks, effects and tool calls, and what earlier answers took, differ from run to run
    and are no part of what is said. Tool calls of one answer end in any order; they stand in the
    order in which they were asked for.
    """
    said = brief.model_dump(mode="json", exclude={"task_id", "steps"})
    if "tools" in said:  # they have names, and their order follows from them
        said["tools"] = {tool["name"]: tool for tool in said["tools"]}
    return {"model": model, "compression": compression, **said, "steps": _steps(brief.steps)}


def tool_request(agent: str, call: ToolCall, task: Task, fold: SessionFold) -> Request:
    """Say what a tool is asked, and what it finds.

    A tool may read what its own task wrote before, and what the tasks that this one builds on
    have written: the same call finds the same only where these files are the same.
    """
    return {
        "agent": agent,
        "task": task.assignment.key,
        "tool": call.tool,
        "arguments": dict(call.arguments),
        "files": [list(found) for found in sorted(set(_found(task, fold)))],
    }


def digest(request: Request) -> str:
    """Hash a request by SHA-256, in hex, over its one form: two are the same when they are it."""
    canonical = json.dumps(request, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def differences(one: JsonValue, other: JsonValue) -> list[tuple[str, str | None, str | None]]:
    """Name the fields in which two requests differ, with both values as JSON that can be shown.

    A list of names or numbers is one value. None stands for what is not there.
    """
    return [(path, _shown(left), _shown(right)) for path, left, right in _walk("", one, other)]


def _walk(path: str, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, dict) and isinstance(other, dict):
        for name in dict.fromkeys((*one, *other)):
            inner = f"{path}.{name}" if path else str(name)
            yield from _walk(inner, one.get(name, _ABSENT), other.get(name, _ABSENT))
    elif isinstance(one, list) and isinstance(other, list) and _has_parts([*one, *other]):
        for number, (left, right) in enumerate(zip_longest(one, other, fillvalue=_ABSENT)):
            yield from _walk(f"{path}[{number}]", left, right)
    elif one != other:
        yield path, one, other


def _has_parts(values: list[Any]) -> bool:
    return any(isinstance(value, dict | list) for value in values)


def _shown(value: Any) -> str | None:
    if value is _ABSENT:
        return None
    return cut(json.dumps(value, ensure_ascii=False), LONGEST)


def _steps(steps: Iterable[Step]) -> list[JsonValue]:
    """Write steps down, each answer of a model before the outcomes of its tool calls."""
    listed: list[JsonValue] = []
    outcomes: list[tuple[int, JsonValue]] = []
    places: dict[str, int] = {}
    for step in steps:
        if step.call is None:
            listed += _in_order(outcomes)
            outcomes = []
            calls = step.answer.tool_calls if isinstance(step.answer, ModelAnswer) else ()
            places = {call.call_id: number for number, call in enumerate(calls)}
            listed.append(_step(step))
        else:
            outcomes.append((places.get(step.call.call_id, len(places)), _step(step)))
    return listed + _in_order(outcomes)


def _in_order(outcomes: list[tuple[int, JsonValue]]) -> list[JsonValue]:
    return [outcome for _, outcome in sorted(outcomes, key=lambda placed: placed[0])]


def _step(step: Step) -> JsonValue:
    said: dict[str, Any] = step.model_dump(mode="json", exclude={"effect_id"})
    if isinstance(step.answer, ModelAnswer | ToolAnswer):
        said["answer"] = {
            name: value for name, value in said["answer"].items() if name not in _NOT_SAID
        }
        for number, call in enumerate(said["answer"].get("tool_calls", ())):
            call["call_id"] = f"call_{number}"
    if step.call is not None:
        del said["call"]["call_id"]
    return said


def _found(task: Task, fold: SessionFold) -> Iterator[tuple[str, str]]:
    latest = max((number for number, step in enumerate(task.steps) if step.purpose), default=0)
    yield from _written(task.steps[:latest])
    for needed in _ancestors(task, fold).values():
        yield from _written(needed.steps)


def _written(steps: Iterable[Step]) -> Iterator[tuple[str, str]]:
    for step in steps:
        if isinstance(step.answer, ToolAnswer):
            for artefact in step.answer.artefacts:
                yield artefact.path, artefact.sha256


def _ancestors(task: Task, fold: SessionFold) -> Mapping[Any, Task]:
    found: dict[Any, Task] = {}
    waiting = list(task.assignment.depends_on)
    while waiting:
        task_id = waiting.pop()
        if task_id not in found:
            found[task_id] = fold.task(task_id)
            waiting += found[task_id].assignment.depends_on
    return found
