"""Loader: a roster file in, the organisation it describes out."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

from application.registration import Member, Roster
from application.skills_of_tools import skills_of
from domain.agent import AgentCapabilities, Level, Post
from domain.organisation import Department
from infrastructure.roster.checking import check_entry
from infrastructure.roster.document import read_roster
from infrastructure.roster.entries import AgentEntry, GrantEntry, LevelEntry, RosterEntry
from infrastructure.roster.problems import RosterError

PACKAGED_ROSTER = Path(__file__).parent / "roster.yaml"


def load_roster(path: Path | None, known_tools: Collection[str]) -> Roster:
    """Read a roster.

    Args:
        path: a YAML file of the user's; None for the packaged one.
        known_tools: names of the tools there are.

    Raises:
        RosterError: the file cannot be used; it lists every problem with line and column.
    """
    path = PACKAGED_ROSTER if path is None else path
    entry = _read(path, known_tools)
    if entry.levels is None and entry.grants is None:
        packaged = _read(PACKAGED_ROSTER, known_tools)
        entry = entry.model_copy(update={"levels": packaged.levels, "grants": packaged.grants})
    return Roster(
        name=" ".join(part for part in (entry.name or path.stem, entry.version) if part),
        members=tuple(_members(entry)),
        departments=tuple(
            Department(key=key, label=department.label, director=department.director.id)
            for key, department in entry.departments.items()
        ),
    )


@cache
def packaged_entry() -> RosterEntry:
    """Read the packaged roster, whose levels and grants hold where others say nothing."""
    entry = check_entry(read_roster(PACKAGED_ROSTER), None)
    if entry is None:
        raise RosterError(PACKAGED_ROSTER, [], "it is broken; install Hansard again")
    return entry


def _read(path: Path, known_tools: Collection[str]) -> RosterEntry:
    document = read_roster(path)
    entry = check_entry(document, known_tools)
    if entry is None:
        raise RosterError(path, document.problems)
    return entry


def _members(entry: RosterEntry) -> Iterator[Member]:
    personal, orchestrator = entry.personal_agent, entry.orchestrator
    yield to_member(entry, personal, Post(level=Level.PERSONAL, department=None, supervisor=None))
    post = Post(level=Level.ORCHESTRATOR, department=None, supervisor=personal.id)
    yield to_member(entry, orchestrator, post)
    for key, department in entry.departments.items():
        director = department.director
        post = Post(level=Level.DIRECTOR, department=key, supervisor=orchestrator.id)
        yield to_member(entry, director, post, f"Directs the department {department.label}.")
        post = Post(level=Level.SPECIALIST, department=key, supervisor=director.id)
        for specialist in department.specialists:
            yield to_member(entry, specialist, post, specialist.speciality)


def to_member(entry: RosterEntry, agent: AgentEntry, post: Post, description: str = "") -> Member:
    """Complete an agent with what its level, skills and department give it.

    Who has no skills of its own has those that its own tools stand for. They give it no tools.
    """
    level = (entry.levels or {}).get(post.level, LevelEntry())
    granted = (grant.tool for grant in entry.grants or () if _reaches(grant, agent, post))
    return Member(
        handle=agent.id,
        display_name=agent.name,
        post=post,
        capabilities=AgentCapabilities(
            description=agent.description or description,
            skills=tuple(dict.fromkeys(agent.skills)) or skills_of(agent.tools),
            tools=tuple(sorted({*level.tools, *granted, *agent.tools})),
            max_reasoning_turns=level.max_reasoning_turns,
            max_memory_turns=level.max_memory_turns,
            patterns=agent.patterns,
        ),
    )


def _reaches(grant: GrantEntry, agent: AgentEntry, post: Post) -> bool:
    if post.level is not Level.SPECIALIST:
        return False
    return post.department in grant.departments or not set(grant.skills).isdisjoint(agent.skills)
