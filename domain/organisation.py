"""Organisation: which agents there are under which handle, and the roster that says so."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from domain.agent import Handle
from domain.errors import DomainError
from domain.value import NonEmptyText, Value

ORGANISATION_ID = UUID("019a0000-0000-7000-8000-000000000001")
"""Stream of the one organisation that a log holds."""


class Department(Value):
    """A department and the agent that directs it.

    Attributes:
        key: short name, for example `finance`.
        label: name to show.
    """

    key: NonEmptyText
    label: NonEmptyText
    director: Handle


class RosterVersion(Value):
    """Which roster is in force: its name, and the hash that tells whether it changed."""

    name: NonEmptyText
    sha256: NonEmptyText


class DuplicateAgentIdError(DomainError):
    """An agent with this id is registered already."""

    def __init__(self, agent_id: UUID) -> None:
        self.agent_id = agent_id
        super().__init__(f"An agent with the id {str(agent_id)!r} is registered already.")


class DuplicateAgentNameError(DomainError):
    """An agent with this handle is registered already."""

    def __init__(self, handle: str) -> None:
        self.handle = handle
        super().__init__(f"An agent named {handle!r} is registered already; choose another handle.")


class Organisation(Aggregate):
    """Aggregate that keeps handles and ids unique across all agents."""

    TOPIC = "organisation"

    class Event(Aggregate.Event):
        """An event of the organisation."""

    class Created(Aggregate.Created):
        """The organisation exists; it has no members yet."""

        TOPIC = "organisation.founded"

    class AgentsEnrolled(Aggregate.Event):
        """Handles were given to agents that joined."""

        TOPIC = "organisation.agents_enrolled"
        agents: dict[str, UUID]

    class AgentsDismissed(Aggregate.Event):
        """Handles became free because their agents left."""

        TOPIC = "organisation.agents_dismissed"
        handles: tuple[str, ...]

    class RosterAdopted(Aggregate.Event):
        """A roster came into force, with its departments."""

        TOPIC = "organisation.roster_adopted"
        roster: RosterVersion
        departments: tuple[Department, ...]

    @event(Created)
    def __init__(self) -> None:
        self.agents: dict[str, UUID] = {}
        self.departments: tuple[Department, ...] = ()
        self.roster: RosterVersion | None = None

    @classmethod
    def found(cls, at: datetime) -> Organisation:
        """Found the organisation."""
        return cls._create(cls.Created, id=ORGANISATION_ID, timestamp=at)

    def enrol(self, agents: dict[str, UUID], at: datetime) -> None:
        """Give handles to agents.

        Args:
            agents: agent id by handle.

        Raises:
            DuplicateAgentNameError: a handle is taken.
            DuplicateAgentIdError: an id is taken.
        """
        taken_ids = set(self.agents.values())
        for handle, agent_id in agents.items():
            if handle in self.agents:
                raise DuplicateAgentNameError(handle)
            if agent_id in taken_ids:
                raise DuplicateAgentIdError(agent_id)
            taken_ids.add(agent_id)
        if agents:
            self._enrolled(agents=agents, timestamp=at)

    def dismiss(self, handles: tuple[str, ...], at: datetime) -> None:
        """Free the handles of agents that left."""
        present = tuple(handle for handle in dict.fromkeys(handles) if handle in self.agents)
        if present:
            self._dismissed(handles=present, timestamp=at)

    def adopt(
        self, roster: RosterVersion, departments: tuple[Department, ...], at: datetime
    ) -> None:
        """Bring a roster into force; the one in force changes nothing."""
        if (self.roster, self.departments) != (roster, departments):
            self._adopted(roster=roster, departments=departments, timestamp=at)

    @event(AgentsEnrolled)
    def _enrolled(self, agents: dict[str, UUID], timestamp: datetime) -> None:
        self.agents.update(agents)

    @event(AgentsDismissed)
    def _dismissed(self, handles: tuple[str, ...], timestamp: datetime) -> None:
        for handle in handles:
            del self.agents[handle]

    @event(RosterAdopted)
    def _adopted(
        self,
        roster: RosterVersion,
        departments: tuple[Department, ...],
        timestamp: datetime,
    ) -> None:
        self.roster = roster
        self.departments = departments
