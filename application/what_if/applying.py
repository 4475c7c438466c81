"""Applying: what a change makes of the charter and the capabilities that a session has."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any

from pydantic import JsonValue, ValidationError

from application.directory import Directory
from application.errors import BadRequestError
from application.prompts.shortening import cut
from application.what_if.changes import (
    CapabilitiesChange,
    ChangeView,
    ModelChange,
    PolicyChange,
    PromptChange,
)
from domain.agent import AgentCapabilities
from domain.policy import Policy
from domain.session import Charter

LONGEST = 60
ROUTING = "routing"
NUMBERS = ("integer", "number")
VERSION = "version"
"""Field of a policy that follows from the others."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a session goes on with.

    Attributes:
        directory: the organisation with the capabilities that the session knows.
        capabilities: by handle, in place of those in the organisation.
        tools: names of all tools.
        change: what was done otherwise, once something was.
    """

    charter: Charter
    directory: Directory
    capabilities: Mapping[str, AgentCapabilities]
    tools: Collection[str]
    change: ChangeView | None = None


@singledispatch
def apply(change: Any, setup: Setup) -> Setup:
    """Change one thing.

    Raises:
        BadRequestError: it cannot be changed so, or is so already.
        NotFoundError: nobody has the handle.
    """
    raise NotImplementedError(f"no way is known to apply {change!r}")


@apply.register
def _(change: PolicyChange, setup: Setup) -> Setup:
    policy = setup.charter.policy
    fields = [name for name in Policy.model_fields if name != VERSION]
    if change.field not in fields:
        raise BadRequestError(
            f"The policy has no field {change.field!r} to change; it has {', '.join(fields)}."
        )
    before = getattr(policy, change.field)
    try:
        changed = Policy.model_validate(policy.model_dump() | {change.field: change.value})
    except ValidationError as error:
        raise BadRequestError(
            f"{change.field} cannot be {str(change.value)!r}; give {_range(change.field)}."
        ) from error
    after = getattr(changed, change.field)
    view = _view("policy", f"policy {change.field}", before, after)
    version = f"{policy.version}+{change.field}={after}"
    policy = changed.model_copy(update={VERSION: version})
    charter = setup.charter.model_copy(update={"policy": policy})
    return replace(setup, charter=charter, change=view)


@apply.register
def _(change: ModelChange, setup: Setup) -> Setup:
    models = setup.charter.models
    if change.role not in models:
        raise BadRequestError(
            f"There is no role {change.role!r}; the roles are {', '.join(models)}."
        )
    name = change.model.strip()
    if not name or any(sign.isspace() for sign in name):
        raise BadRequestError(
            f"{change.model!r} is no name of a model; give one, such as 'offline'."
        )
    view = _view("model", f"model of the {change.role} role", models[change.role], name)
    charter = setup.charter.model_copy(update={"models": models | {change.role: name}})
    return replace(setup, charter=charter, change=view)


@apply.register
def _(change: CapabilitiesChange, setup: Setup) -> Setup:
    before = setup.directory.agent(change.agent).capabilities
    skills = _chosen(
        f"skill of {change.agent}",
        before.skills,
        change.skills,
        change.add_skills,
        change.remove_skills,
    )
    tools = _chosen(
        f"tool of {change.agent}",
        before.tools,
        change.tools,
        change.add_tools,
        change.remove_tools,
    )
    for tool in tools:
        if tool not in setup.tools:
            known = ", ".join(sorted(setup.tools))
            raise BadRequestError(f"There is no tool {tool!r}; the tools are {known}.")
    turns = change.max_reasoning_turns
    if turns is not None and turns < 1:
        raise BadRequestError(f"max_reasoning_turns cannot be {turns}; give a number from 1.")
    after = before.model_copy(
        update={
            "skills": skills,
            "tools": tools,
            "max_reasoning_turns": turns or before.max_reasoning_turns,
        }
    )
    was, will = before.model_dump(mode="json"), after.model_dump(mode="json")
    differing = {name for name in was if was[name] != will[name]}
    view = _view(
        "capabilities",
        f"capabilities of {change.agent}",
        {name: was[name] for name in was if name in differing},
        {name: will[name] for name in will if name in differing},
    )
    return replace(setup, capabilities={**setup.capabilities, change.agent: after}, change=view)


@apply.register
def _(change: PromptChange, setup: Setup) -> Setup:
    before = setup.directory.agent(change.agent).capabilities
    after = before.model_copy(update={"description": change.description.strip()})
    view = _view("prompt", f"description of {change.agent}", before.description, after.description)
    return replace(setup, capabilities={**setup.capabilities, change.agent: after}, change=view)


def require_another(name: str, before: JsonValue, after: JsonValue) -> None:
    """Make sure that a change changes something.

    Raises:
        BadRequestError: it does not.
    """
    if before == after:
        is_ = "are as wanted" if isinstance(after, dict) else f"is {cut(repr(after), LONGEST)}"
        raise BadRequestError(f"The {name} {is_} already; give another.")


def _view(kind: Any, name: str, before: JsonValue, after: JsonValue) -> ChangeView:
    require_another(name, before, after)
    return ChangeView(kind=kind, name=name, before=before, after=after)


def _chosen(
    kind: str,
    before: tuple[str, ...],
    chosen: tuple[str, ...] | None,
    added: tuple[str, ...],
    removed: tuple[str, ...],
) -> tuple[str, ...]:
    """Choose what an agent has: these, or those it has with some more and without others."""
    if chosen is not None and (added or removed):
        raise BadRequestError(
            f"All are given ({', '.join(chosen)}) and single ones beside them; each {kind} is said"
            " one way or the other."
        )
    for name in added:
        if not name.strip():
            raise BadRequestError(f"An empty name is no {kind}.")
        if name.strip() in before:
            raise BadRequestError(f"{name!r} cannot be added: it is a {kind} already.")
    for name in removed:
        if name not in before:
            raise BadRequestError(
                f"{name!r} cannot be taken away: it is no {kind}; there are"
                f" {', '.join(before) or 'none'}."
            )
    if chosen is not None:
        return tuple(dict.fromkeys(name.strip() for name in chosen if name.strip()))
    kept = (name for name in before if name not in removed)
    return tuple(dict.fromkeys((*kept, *(name.strip() for name in added))))


def _range(field: str) -> str:
    """Say what a field of the policy takes."""
    if field == ROUTING:
        return "a strategy, or several with their weights, such as 'rules:0.6,similarity:0.4'"
    schema = Policy.model_json_schema()["properties"][field]
    if schema.get("type") not in NUMBERS:
        return "a value that it can take"
    kind = "a whole number" if schema["type"] == "integer" else "a number"
    if "exclusiveMinimum" in schema:
        return f"{kind} over {schema['exclusiveMinimum']:g}"
    least = f" from {schema['minimum']:g}" if "minimum" in schema else ""
    most = f" to {schema['maximum']:g}" if "maximum" in schema else ""
    return f"{kind}{least}{most}"
