"""Setting: what decisions depend on beside the fold."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from application.directory import Directory
from application.orchestration.guarding import Consult, consult_function
from domain.agent import Level


@dataclass(frozen=True)
class Setting:
    """The organisation as it was when the session opened, as far as decisions depend on it.

    Attributes:
        personal: handle of the personal agent (Nova).
        orchestrator: handle of the orchestrator (MasterMind).
        departments: skills of each department by its key.
        levels: level of every agent by handle.
        turns: model calls that each agent may spend on one task, by handle.
        supervisors: whom each agent reports to, by handle; None for Nova.
        active: handles of those who take work.
        directors: handles of the active directors, in the order of their departments.
        specialists: handles of the active specialists of a department, by its director's.
        posts: key of the department that each agent belongs to, by handle.
        skills: of every agent, by handle.
        consult: tells whether a guardrail trips that a function decides on; the one thing here
            that comes from outside, and its answer is recorded.
    """

    personal: str
    orchestrator: str
    departments: Mapping[str, Collection[str]]
    levels: Mapping[str, Level]
    turns: Mapping[str, int]
    supervisors: Mapping[str, str | None] = field(default_factory=dict)
    active: Collection[str] = ()
    directors: Sequence[str] = ()
    specialists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    posts: Mapping[str, str | None] = field(default_factory=dict)
    skills: Mapping[str, Collection[str]] = field(default_factory=dict)
    consult: Consult = field(default_factory=lambda: consult_function({}))

    @classmethod
    def of(cls, directory: Directory) -> Setting:
        """Take from the organisation what decisions depend on; sessions share it."""
        known: Setting | None = directory.derived.get(cls)
        if known is None:
            known = directory.derived[cls] = cls._made_of(directory)
        return known

    @classmethod
    def _made_of(cls, directory: Directory) -> Setting:
        return cls(
            personal=directory.personal.handle,
            orchestrator=directory.orchestrator.handle,
            departments={
                department.key: directory.skills_of(department.key)
                for department in directory.departments
            },
            levels=directory.levels,
            turns={
                handle: agent.capabilities.max_reasoning_turns
                for handle, agent in directory.agents.items()
            },
            supervisors={
                handle: agent.post.supervisor for handle, agent in directory.agents.items()
            },
            active=frozenset(handle for handle, agent in directory.agents.items() if agent.active),
            directors=tuple(directory.department_profiles),
            specialists=directory.department_members,
            posts={handle: agent.post.department for handle, agent in directory.agents.items()},
            skills={
                handle: agent.capabilities.skills for handle, agent in directory.agents.items()
            },
        )
