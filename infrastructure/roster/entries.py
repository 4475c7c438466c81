"""Entries: the shape of a roster file."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, ValidationInfo

from domain.agent import Handle, Level
from domain.value import NonEmptyText, Value

DepartmentKey = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")]


def _known(tool: str, info: ValidationInfo) -> str:
    """Hold a tool against the names in the context `known_tools`; without them all are good."""
    known: Any = (info.context or {}).get("known_tools")
    if known is not None and tool not in known:
        close = get_close_matches(tool, known, n=1)
        advice = f"did you mean {close[0]!r}?" if close else f"the tools are {listed(known)}"
        raise ValueError(f"unknown tool {tool!r}; {advice}")
    return tool


def listed(names: Any) -> str:
    """List names for a sentence."""
    return ", ".join(sorted(names))


Tool = Annotated[NonEmptyText, AfterValidator(_known)]


class LevelEntry(Value):
    """What every agent of a level may do and spend; see `AgentCapabilities`."""

    tools: tuple[Tool, ...] = ()
    max_reasoning_turns: Annotated[int, Field(ge=1, le=100)] = 5
    max_memory_turns: Annotated[int, Field(ge=0, le=10_000)] = 50


class GrantEntry(Value):
    """A tool for specialists with one of the skills or in one of the departments."""

    tool: Tool
    skills: tuple[NonEmptyText, ...] = ()
    departments: tuple[NonEmptyText, ...] = ()


class AgentEntry(Value):
    """An agent; `tools` come on top of what its level, skills and department give it.

    Attributes:
        patterns: see `AgentCapabilities`.
    """

    id: Handle
    name: NonEmptyText
    description: str = ""
    skills: tuple[NonEmptyText, ...] = ()
    tools: tuple[Tool, ...] = ()
    patterns: tuple[NonEmptyText, ...] = ()


class PersonalAgentEntry(AgentEntry):
    """The agent the user talks to."""

    level: Literal["L-1"] = "L-1"


class OrchestratorEntry(AgentEntry):
    """The agent that plans."""

    level: Literal["L0"] = "L0"


class DirectorEntry(AgentEntry):
    """The agent that directs a department."""

    level: Literal["L1"] = "L1"


class SpecialistEntry(AgentEntry):
    """An agent that does the work."""

    level: Literal["L2"] = "L2"
    speciality: str = ""


class DepartmentEntry(Value):
    """A department with its people."""

    label: NonEmptyText
    director: DirectorEntry
    specialists: tuple[SpecialistEntry, ...] = ()


class RosterEntry(Value):
    """A whole roster; without `levels` and `grants` it gets those of the packaged one."""

    name: NonEmptyText | None = None
    version: NonEmptyText | None = None
    levels: dict[Level, LevelEntry] | None = None
    grants: tuple[GrantEntry, ...] | None = None
    personal_agent: PersonalAgentEntry
    orchestrator: OrchestratorEntry
    departments: Annotated[dict[DepartmentKey, DepartmentEntry], Field(min_length=1)]


PLACES: tuple[tuple[tuple[str, ...], type[BaseModel]], ...] = (
    (("personal_agent",), PersonalAgentEntry),
    (("orchestrator",), OrchestratorEntry),
    (("departments", "*", "director"), DirectorEntry),
    (("departments", "*", "specialists", "*"), SpecialistEntry),
    (("departments", "*"), DepartmentEntry),
    (("grants", "*"), GrantEntry),
    (("levels", "*"), LevelEntry),
)


def entry_at(place: tuple[str | int, ...]) -> type[BaseModel]:
    """Tell which kind of entry stands at a path of a roster file."""
    for pattern, entry in PLACES:
        steps = place[: len(pattern)]
        if len(steps) == len(pattern) and all(
            wanted in ("*", step) for wanted, step in zip(pattern, steps, strict=True)
        ):
            return entry
    return RosterEntry
