"""Organisation: which agents there are under which handle, and the roster that says so."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from domain.agent import Handle
from domain.errors import DomainError
from domain.value import NonEmptyText, NonEmptyWords, Value, Words

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


class Halt(Value):
    """Why all work stands still, and who said so.

    Attributes:
        by: name of the person.
    """

    by: NonEmptyText
    reason: NonEmptyWords


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

    class DepartmentOpened(Aggregate.Event):
        """A department came beside those of the roster, and stays when another one is adopted."""

        TOPIC = "organisation.department_opened"
        department: Department

    class AgentPutInCharge(Aggregate.Event):
        """Input that names no agent goes to this one from now on."""

        TOPIC = "organisation.agent_put_in_charge"
        handle: str

    class Halted(Aggregate.Event):
        """All work stops: no process begins anything until the organisation is released."""

        TOPIC = "organisation.halted"
        halt: Halt

    class Released(Aggregate.Event):
        """Work may go on."""

        TOPIC = "organisation.released"
        by: NonEmptyText
        reason: Words

    @event(Created)
    def __init__(self) -> None:
        self.agents: dict[str, UUID] = {}
        self.departments: tuple[Department, ...] = ()
        self.opened: tuple[Department, ...] = ()
        self.roster: RosterVersion | None = None
        self.in_charge: str | None = None
        self.halt: Halt | None = None

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
        if (self.roster, self.departments) != (roster, self._with_opened(departments)):
            self._adopted(roster=roster, departments=departments, timestamp=at)

    def open_department(self, department: Department, at: datetime) -> None:
        """Let there be a department beside those of the roster; one of its key stays."""
        if department.key not in {each.key for each in self.departments}:
            self._department_opened(department=department, timestamp=at)

    def _with_opened(self, departments: tuple[Department, ...]) -> tuple[Department, ...]:
        keys = {department.key for department in departments}
        return (*departments, *(each for each in self.opened if each.key not in keys))

    def put_in_charge(self, handle: str, at: datetime) -> None:
        """Give input that names no agent to a member; who is in charge stays so."""
        if self.in_charge != handle:
            self._put_in_charge(handle=handle, timestamp=at)

    def stop_all(self, halt: Halt, at: datetime) -> None:
        """Stop all work; a halt in force stays."""
        if self.halt is None:
            self._halted(halt=halt, timestamp=at)

    def release(self, by: str, reason: str, at: datetime) -> None:
        """Let work go on; without a halt nothing changes."""
        if self.halt is not None:
            self._released(by=by, reason=reason, timestamp=at)

    @event(DepartmentOpened)
    def _department_opened(self, department: Department, timestamp: datetime) -> None:
        self.opened = (*self.opened, department)
        self.departments = (*self.departments, department)

    @event(AgentPutInCharge)
    def _put_in_charge(self, handle: str, timestamp: datetime) -> None:
        self.in_charge = handle

    @event(Halted)
    def _halted(self, halt: Halt, timestamp: datetime) -> None:
        self.halt = halt

    @event(Released)
    def _released(self, by: str, reason: str, timestamp: datetime) -> None:
        self.halt = None

    @event(AgentsEnrolled)
    def _enrolled(self, agents: dict[str, UUID], timestamp: datetime) -> None:
        self.agents.update(agents)

    @event(AgentsDismissed)
    def _dismissed(self, handles: tuple[str, ...], timestamp: datetime) -> None:
        for handle in handles:
            del self.agents[handle]
        if self.in_charge in handles:
            self.in_charge = None

    @event(RosterAdopted)
    def _adopted(
        self,
        roster: RosterVersion,
        departments: tuple[Department, ...],
        timestamp: datetime,
    ) -> None:
        self.roster = roster
        self.departments = self._with_opened(departments)
