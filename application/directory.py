"""Directory: the organisation as it stood at a position, to look agents up in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast
from uuid import UUID

from application.errors import NotFoundError
from application.ports import EventReader
from domain.agent import Agent, AgentCapabilities, Level
from domain.event import RecordedEvent
from domain.organisation import Department, Halt, Organisation, RosterVersion
from domain.routing import Profile

EVENT_TYPES = (
    "agent.registered",
    "agent.changed",
    "agent.activated",
    "agent.deactivated",
    "agent.removed",
    "organisation.founded",
    "organisation.agents_enrolled",
    "organisation.agents_dismissed",
    "organisation.roster_adopted",
    "organisation.agent_put_in_charge",
    "organisation.department_opened",
    "organisation.halted",
    "organisation.released",
)


@dataclass(frozen=True)
class Directory:
    """Who belongs to the organisation; it never changes, and nobody may change what it holds.

    Attributes:
        position: position of the log up to which it was folded.
        departments: in the order of the roster.
        agents: all members by handle, in order of registration, active or not.
        roster: which roster is in force; None before the first.
        halt: why all work stands still; None while it goes on.
        in_charge: handle of the agent that was put in charge; None before the first.
        changed_at: position of the newest event that it was folded from; 0 for none.
    """

    position: int
    departments: tuple[Department, ...]
    agents: Mapping[str, Agent]
    roster: RosterVersion | None
    halt: Halt | None = None
    in_charge: str | None = None
    changed_at: int = 0

    def standing_at(self, position: int) -> Directory:
        """Say the same of a later position, up to which nothing has changed.

        What was looked up once is shared.
        """
        for name, attribute in vars(Directory).items():
            if isinstance(attribute, cached_property):
                getattr(self, name)
        same = copy(self)
        object.__setattr__(same, "position", position)
        return same

    def agent(self, handle: str) -> Agent:
        """Find a member by handle.

        Raises:
            NotFoundError: nobody has this handle.
        """
        agent = self.agents.get(handle)
        if agent is None:
            raise NotFoundError("agent", handle, "`hansard agents list` lists those there are.")
        return agent

    def agent_by_id(self, agent_id: UUID) -> Agent:
        """Find a member by id.

        Raises:
            NotFoundError: nobody has this id.
        """
        agent = self._by_id.get(agent_id)
        if agent is None:
            raise NotFoundError("agent", agent_id, "`hansard agents list` lists those there are.")
        return agent

    def department(self, key: str) -> Department:
        """Find a department.

        Raises:
            NotFoundError: there is no such department.
        """
        for department in self.departments:
            if department.key == key:
                return department
        known = ", ".join(department.key for department in self.departments) or "none yet"
        raise NotFoundError("department", key, f"The departments are {known}.")

    @property
    def personal(self) -> Agent:
        """The personal agent (Nova), active or not.

        Raises:
            NotFoundError: no roster was adopted yet.
        """
        return self._only(Level.PERSONAL)

    @property
    def orchestrator(self) -> Agent:
        """The orchestrator (MasterMind), active or not.

        Raises:
            NotFoundError: no roster was adopted yet.
        """
        return self._only(Level.ORCHESTRATOR)

    @property
    def agent_in_charge(self) -> Agent:
        """Who takes input that names no agent, active or not: Nova, unless another was chosen.

        Raises:
            NotFoundError: no roster was adopted yet.
        """
        return self.personal if self.in_charge is None else self.agent(self.in_charge)

    @cached_property
    def derived(self) -> dict[type, Any]:
        """What was made of it, by its type, so that those who look at it share that as well."""
        return {}

    @cached_property
    def levels(self) -> dict[str, Level]:
        """Level of every member by handle."""
        return {handle: agent.post.level for handle, agent in self.agents.items()}

    def director_of(self, department: str) -> Agent:
        """Find who directs a department, active or not.

        Raises:
            NotFoundError: there is no such department.
        """
        return self.agent(self.department(department).director)

    def specialists_of(self, department: str) -> tuple[Agent, ...]:
        """List the active specialists of a department, in order of handle."""
        return self._specialists.get(department, ())

    def with_skill(self, skill: str) -> tuple[Agent, ...]:
        """List the active specialists with a skill, in order of handle."""
        return self._by_skill.get(skill, ())

    def skills_of(self, department: str) -> tuple[str, ...]:
        """List the skills that the active specialists of a department have together, sorted."""
        return tuple(sorted(self.abilities_of(department)))

    def abilities_of(self, department: str) -> frozenset[str]:
        """Give the skills that the active specialists of a department have together."""
        return self._abilities.get(department, frozenset())

    def profiles_of(self, department: str) -> tuple[Profile, ...]:
        """Say what is known of the active specialists of a department, in order of handle."""
        return self._profiles.get(department, ())

    def profile_of(self, handle: str) -> Profile:
        """Say what is known of a member, active or not.

        Raises:
            NotFoundError: nobody has this handle.
        """
        return self._every_profile.get(handle) or _profile(self.agent(handle))

    @cached_property
    def department_profiles(self) -> dict[str, Profile]:
        """What is known of the departments whose director is active, by handle of the director."""
        return {
            director.handle: Profile(
                agent_id=director.id,
                handle=director.handle,
                skills=self.skills_of(department.key),
                words=f"{department.label} {director.capabilities.description}",
            )
            for department in self.departments
            if (director := self.agent(department.director)).active
        }

    @cached_property
    def department_members(self) -> dict[str, tuple[str, ...]]:
        """Handles of the active specialists of each department, by handle of the director."""
        return {
            department.director: tuple(
                agent.handle for agent in self.specialists_of(department.key)
            )
            for department in self.departments
        }

    def count(self, level: Level | None = None, *, active: bool | None = None) -> int:
        """Count members, all or those of a level, all or only the active or the inactive ones."""
        return sum(
            level in (None, agent.post.level) and active in (None, agent.active)
            for agent in self.agents.values()
        )

    def adapted(self, capabilities: Mapping[str, AgentCapabilities]) -> Directory:
        """Give members, by handle, other capabilities than they are registered with.

        Raises:
            NotFoundError: nobody has one of the handles.
        """
        if not capabilities:
            return self
        agents = dict(self.agents)
        for handle, own in capabilities.items():
            agents[handle] = copy(self.agent(handle))
            agents[handle].capabilities = own
        return replace(self, agents=agents)

    def _only(self, level: Level) -> Agent:
        for agent in self.agents.values():
            if agent.post.level is level:
                return agent
        raise NotFoundError("agent of level", level.value, "Adopt a roster first.")

    @cached_property
    def _every_profile(self) -> dict[str, Profile]:
        return {handle: _profile(agent) for handle, agent in self.agents.items()}

    @cached_property
    def _by_id(self) -> dict[UUID, Agent]:
        return {agent.id: agent for agent in self.agents.values()}

    @cached_property
    def _specialists(self) -> dict[str, tuple[Agent, ...]]:
        return self._grouped(lambda agent: (agent.post.department or "",))

    @cached_property
    def _by_skill(self) -> dict[str, tuple[Agent, ...]]:
        return self._grouped(lambda agent: dict.fromkeys(agent.capabilities.skills))

    @cached_property
    def _abilities(self) -> dict[str, frozenset[str]]:
        return {
            department: frozenset(skill for agent in agents for skill in agent.capabilities.skills)
            for department, agents in self._specialists.items()
        }

    @cached_property
    def _profiles(self) -> dict[str, tuple[Profile, ...]]:
        return {
            department: tuple(map(_profile, agents))
            for department, agents in self._specialists.items()
        }

    def _grouped(self, keys: Callable[[Agent], Iterable[str]]) -> dict[str, tuple[Agent, ...]]:
        groups: dict[str, list[Agent]] = {}
        for handle in sorted(self.agents):
            agent = self.agents[handle]
            if agent.active and agent.post.level is Level.SPECIALIST:
                for key in keys(agent):
                    groups.setdefault(key, []).append(agent)
        return {key: tuple(agents) for key, agents in groups.items()}


def _profile(agent: Agent) -> Profile:
    return Profile(
        agent_id=agent.id,
        handle=agent.handle,
        skills=agent.capabilities.skills,
        words=agent.capabilities.description,
        patterns=agent.capabilities.patterns,
    )


class OrganisationFold:
    """The organisation's aggregates, rebuilt from its events.

    Attributes:
        organisation: None before it was founded.
        agents: every agent there ever was, by id.
    """

    def __init__(self) -> None:
        self.position = 0
        self.changed_at = 0
        self.organisation: Organisation | None = None
        self.agents: dict[UUID, Agent] = {}
        self._adoptions: set[UUID] = set()
        self._origins: dict[UUID, UUID] = {}

    def evolve(self, recorded: RecordedEvent) -> None:
        """Take in the next event of the organisation or of an agent."""
        stream = recorded.event.originator_id
        event: Any = recorded.event
        if recorded.type.startswith("organisation."):
            self.organisation = cast("Organisation", event.mutate(self.organisation))
        else:
            self.agents[stream] = cast("Agent", event.mutate(self.agents.get(stream)))
        correlation = recorded.envelope.correlation_id
        if recorded.type == "organisation.roster_adopted":
            self._adoptions.add(correlation)
        if recorded.type in ("agent.registered", "agent.changed"):
            self._origins[stream] = correlation
        self.position = self.changed_at = recorded.position

    @property
    def members(self) -> dict[str, Agent]:
        """Agents that belong to the organisation now, by handle."""
        return {agent.handle: agent for agent in self.agents.values() if not agent.removed}

    def came_by_roster(self, agent: Agent) -> bool:
        """Tell whether a roster, and not a command of its own, brought or last changed an agent."""
        return self._origins[agent.id] in self._adoptions


def fold_organisation(log: EventReader, until: int | None = None) -> OrganisationFold:
    """Rebuild all agents and the organisation as they were at a position (None: now)."""
    fold = OrganisationFold()
    position = log.last_position() if until is None else until
    for recorded in log.read(until=position, types=EVENT_TYPES):
        fold.evolve(recorded)
    fold.position = position
    return fold


def load_directory(log: EventReader, until: int | None = None) -> Directory:
    """Look at the organisation as it was at a position.

    Args:
        until: position of the log; None for now.

    Raises:
        UnavailableError: the database cannot be used.
    """
    fold = fold_organisation(log, until)
    organisation = fold.organisation
    return Directory(
        position=fold.position,
        departments=organisation.departments if organisation else (),
        agents=fold.members,
        roster=organisation.roster if organisation else None,
        halt=organisation.halt if organisation else None,
        in_charge=organisation.in_charge if organisation else None,
        changed_at=fold.changed_at,
    )
