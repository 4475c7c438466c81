"""Loader: a roster file in, the organisation it describes out."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from application.registration import Member, Roster
from domain.agent import AgentCapabilities, Level, Post
from domain.organisation import Department
from infrastructure.roster.checking import check_entry
from infrastructure.roster.document import read_document
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


def _read(path: Path, known_tools: Collection[str]) -> RosterEntry:
    document = read_document(path)
    entry = check_entry(document, known_tools)
    if entry is None:
        raise RosterError(path, document.problems)
    return entry


def _members(entry: RosterEntry) -> Iterator[Member]:
    personal, orchestrator = entry.personal_agent, entry.orchestrator
    yield _member(entry, personal, Post(level=Level.PERSONAL, department=None, supervisor=None))
    post = Post(level=Level.ORCHESTRATOR, department=None, supervisor=personal.id)
    yield _member(entry, orchestrator, post)
    for key, department in entry.departments.items():
        director = department.director
        post = Post(level=Level.DIRECTOR, department=key, supervisor=orchestrator.id)
        yield _member(entry, director, post, f"Directs the department {department.label}.")
        post = Post(level=Level.SPECIALIST, department=key, supervisor=director.id)
        for specialist in department.specialists:
            yield _member(entry, specialist, post, specialist.speciality)


def _member(entry: RosterEntry, agent: AgentEntry, post: Post, description: str = "") -> Member:
    level = (entry.levels or {}).get(post.level, LevelEntry())
    granted = (grant.tool for grant in entry.grants or () if _reaches(grant, agent, post))
    return Member(
        handle=agent.id,
        display_name=agent.name,
        post=post,
        capabilities=AgentCapabilities(
            description=agent.description or description,
            skills=tuple(dict.fromkeys(agent.skills)),
            tools=tuple(sorted({*level.tools, *granted, *agent.tools})),
            max_reasoning_turns=level.max_reasoning_turns,
            max_memory_turns=level.max_memory_turns,
        ),
    )


def _reaches(grant: GrantEntry, agent: AgentEntry, post: Post) -> bool:
    if post.level is not Level.SPECIALIST:
        return False
    return post.department in grant.departments or not set(grant.skills).isdisjoint(agent.skills)
