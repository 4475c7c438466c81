"""Parts: tasks with their terms, of which patterns are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict, Unpack

from pydantic import JsonValue

from domain.guardrail import Guardrail
from domain.planning import PlannedTask
from domain.priority import Priority
from domain.routing import Routing
from domain.value import Value
from domain.workflow import ANY, Assembly, OnError, Procedure, Terms, Workflow

PLANNED = "planned"
"""What a procedure is called by which each planned task is done."""


class Pattern(Value):
    """A procedure, and those by which its tasks are done in turn.

    Attributes:
        nested: by the keys of the tasks on the way to them, joined by full stops.
    """

    procedure: Procedure
    nested: dict[str, Procedure] = {}


class Conditions(Value):
    """The terms of a task, and how several do it, where several do."""

    terms: Terms = Terms()
    pattern: Pattern | None = None


class Part(Value):
    """A task of a procedure, and the terms it is done under."""

    task: PlannedTask
    conditions: Conditions | None = None


class TermsOptions(TypedDict, total=False):
    """What may be said of a task by keyword; see `Terms`."""

    agent: str | None
    instructions: str
    tool: str | None
    arguments: dict[str, JsonValue]
    tools: tuple[str, ...] | None
    input_schema: dict[str, JsonValue] | None
    output_schema: dict[str, JsonValue] | None
    outputs: tuple[str, ...]
    on_error: OnError
    retries: int
    default: dict[str, JsonValue] | None
    handoffs: tuple[str, ...]
    guardrails: tuple[Guardrail, ...]
    approval: bool
    model: str | None
    context_from: tuple[str, ...]
    priority: Priority
    pattern: Pattern | None


class TeamOptions(TypedDict, total=False):
    """Among whom the tasks of a procedure are given out, and how; see `Procedure`."""

    team: tuple[str, ...]
    routing: Routing | None
    max_parallel: int | None


def task(
    key: str,
    instruction: str,
    *,
    title: str | None = None,
    department: str | None = None,
    skills: Sequence[str] = (),
    depends_on: Sequence[str] = (),
    **terms: Unpack[TermsOptions],
) -> Part:
    """Describe one task.

    Args:
        key: name within its procedure, by which others refer to its result.
        instruction: what to do; may hold references such as `{{extract.summary}}`.
        title: a few words; by default the key.
        department: key of the department that shall do it, where no agent or team is named.
        depends_on: keys of the tasks whose results it needs.
        terms: under which it is done; see `Terms`, and `pattern`, by which several do it.
    """
    planned = PlannedTask(
        key=key,
        title=title or key.replace("_", " ").capitalize(),
        instruction=instruction,
        department=department,
        skills=tuple(skills),
        depends_on=tuple(depends_on),
    )
    return Part(task=planned, conditions=conditions(**terms) if terms else None)


def conditions(**options: Unpack[TermsOptions]) -> Conditions:
    """Say under which terms tasks are done that are planned later.

    Args:
        options: see `Terms`; `pattern` says how several do each of the tasks.
    """
    named = {name: value for name, value in options.items() if name != "pattern"}
    return Conditions(terms=Terms.model_validate(named), pattern=options.get("pattern"))


def instances(part: Part, count: int) -> tuple[Part, ...]:
    """Describe a task several times, under its key and a number, to be spread over a team."""
    return tuple(
        part.model_copy(
            update={
                "task": part.task.model_copy(
                    update={
                        "key": f"{part.task.key}_{number}",
                        "title": f"{part.task.title} ({number} of {count})",
                    }
                )
            }
        )
        for number in range(1, count + 1)
    )


def role(
    agent: str,
    key: str,
    instruction: str,
    *,
    outputs: Sequence[str] = (),
    title: str | None = None,
    instructions: str = "",
    tools: Sequence[str] | None = None,
    output_schema: dict[str, JsonValue] | None = None,
) -> Part:
    """Describe what one role of a team contributes.

    Args:
        agent: handle of the agent in that role.
        instruction: what to do this time.
        outputs: names of the files that it hands in.
        instructions: how the agent goes about its role, whatever the task.
        tools: the only tools that it may use, of those it may use at all.
    """
    return task(
        key,
        instruction,
        title=title,
        agent=agent,
        outputs=tuple(outputs),
        instructions=instructions,
        tools=None if tools is None else tuple(tools),
        output_schema=output_schema,
    )


def workflow(
    name: str,
    pattern: Pattern,
    *,
    goal: str | None = None,
    inputs: Mapping[str, JsonValue] | None = None,
    description: str = "",
    version: str = "1",
) -> Workflow:
    """Give a pattern a name, so that it can be run.

    Args:
        goal: the request, where the user says nothing else; may hold `{{input.name}}`.
        inputs: what `{{input.name}}` stands for; an input that is None must be given at each run.
        description: what it is good for.
    """
    return Workflow(
        name=name,
        version=version,
        description=description,
        procedure=pattern.procedure,
        procedures=pattern.nested,
        inputs=dict(inputs or {}),
        goal=goal,
    )


def after(part: Part, keys: Sequence[str]) -> Part:
    """Let a task need the results of others, by their keys."""
    depends_on = tuple(dict.fromkeys((*part.task.depends_on, *keys)))
    planned = part.task.model_copy(update={"depends_on": depends_on})
    return part.model_copy(update={"task": planned})


def given(
    pattern: str, parts: Sequence[Part], assembly: Assembly, **options: Unpack[TeamOptions]
) -> Pattern:
    """Make a pattern of tasks that are known beforehand."""
    return filled(Procedure(pattern=pattern, assembly=assembly, **options), parts)


def filled(procedure: Procedure, parts: Sequence[Part], work: Conditions | None = None) -> Pattern:
    """Put tasks and terms into a procedure, and what is nested in them beside it."""
    conditions = {part.task.key: part.conditions for part in parts if part.conditions is not None}
    if work is not None:
        conditions[ANY] = work
    terms: dict[str, Terms] = {}
    nested: dict[str, Procedure] = {}
    for key, given in conditions.items():
        terms[key] = given.terms
        if given.pattern is not None:
            name = PLANNED if key == ANY else key
            terms[key] = given.terms.model_copy(update={"procedure": name})
            nested[name] = _renamed(given.pattern.procedure, name)
            for inner, its in given.pattern.nested.items():
                nested[f"{name}.{inner}"] = _renamed(its, name)
    tasks = tuple(part.task for part in parts)
    filled = procedure.model_copy(update={"tasks": tasks, "terms": terms})
    return Pattern(procedure=filled, nested=nested)


def _renamed(procedure: Procedure, under: str) -> Procedure:
    """Name what a procedure's tasks are done by as it is called from one level further out."""
    terms = {
        key: each.model_copy(update={"procedure": f"{under}.{each.procedure}"})
        if each.procedure
        else each
        for key, each in procedure.terms.items()
    }
    return procedure.model_copy(update={"terms": terms})
