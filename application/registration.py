"""Registration: agents join, change, pause and leave, one by one or by a whole roster."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import RLock
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from pydantic import ValidationError

from application.directory import OrganisationFold, fold_organisation
from application.errors import (
    BadRequestError,
    ConflictError,
    InactiveAgentError,
    NotFoundError,
)
from application.ports import Clock, Entry, EventLog, IdFactory
from domain.agent import Agent, AgentCapabilities, AgentIdentity, Handle, Level, Post
from domain.conversation import USER
from domain.event import SYSTEM, Envelope
from domain.organisation import (
    ORGANISATION_ID,
    Department,
    DuplicateAgentIdError,
    Organisation,
    RosterVersion,
)
from domain.value import NonEmptyText, Value

if TYPE_CHECKING:
    from eventsourcing.domain import Aggregate

T = TypeVar("T")

MAX_DECISIONS = 8
"""How often a command is decided anew because somebody else was faster."""

_CHANGING = RLock()
"""Threads of one process wait for each other; other processes are met by deciding anew."""


class Member(Value):
    """An agent as a roster describes it."""

    handle: Handle
    display_name: NonEmptyText
    post: Post
    capabilities: AgentCapabilities


class Roster(Value):
    """Who shall belong to the organisation, and how it is divided."""

    name: NonEmptyText
    members: tuple[Member, ...]
    departments: tuple[Department, ...]

    @property
    def sha256(self) -> str:
        """Hash of what the roster says; the order of its members does not count."""
        content = self.model_dump(mode="json")
        content["members"].sort(key=lambda member: member["handle"])
        text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def version(self) -> RosterVersion:
        """What the log says of the roster when it comes into force."""
        return RosterVersion(name=self.name, sha256=self.sha256)


class Team(Value):
    """Agents that come along with a department of their own, beside those of the roster."""

    name: NonEmptyText
    department: Department
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Adoption:
    """What bringing a roster into force did, in numbers of agents."""

    registered: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0


def adopt_roster(log: EventLog, ids: IdFactory, clock: Clock, roster: Roster) -> Adoption:
    """Bring a roster into force in one append; the one in force costs one look and no event.

    Who is not on it any more leaves, unless a command of its own registered or last changed them.
    A paused agent stays paused.

    Raises:
        ConflictError: others keep changing the organisation.
        UnavailableError: the database cannot be used.
    """
    version = roster.version
    return _decide(lambda: _adopt(log, ids, clock, roster, version))


def register_agent(
    log: EventLog, ids: IdFactory, clock: Clock, member: Member, *, agent_id: UUID | None = None
) -> UUID:
    """Let an agent join that is on no roster.

    Args:
        agent_id: its id; a new one by default.

    Raises:
        BadRequestError: its post contradicts its level.
        DuplicateAgentIdError: an agent with this id is, or was, registered.
        DuplicateAgentNameError: an agent with this handle is registered already.
        NotFoundError: its department or supervisor does not exist.
    """
    _check_post(member.handle, member.post)
    identity = _identity(agent_id or ids.new(), member, clock)

    def register() -> UUID:
        organisation = _load_organisation(log) or Organisation.found(clock.now())
        _check_surroundings(member.post, organisation)
        if agent_id is not None and _was_registered(log, agent_id):
            raise DuplicateAgentIdError(agent_id)
        organisation.enrol({member.handle: identity.agent_id}, clock.now())
        agent = Agent.register(identity, member.post, member.capabilities)
        _append(log, ids, USER, (organisation, agent))
        return identity.agent_id

    return _decide(register)


def install_team(log: EventLog, ids: IdFactory, clock: Clock, team: Team) -> int:
    """Let the agents of a team join in one append, with a department of their own.

    They stay whatever roster is adopted later; who is a member already is left as it is.

    Returns:
        How many joined.

    Raises:
        BadRequestError: a post contradicts its level.
        NotFoundError: a supervisor does not exist.
    """
    for member in team.members:
        _check_post(member.handle, member.post)

    def install() -> int:
        organisation = _load_organisation(log) or Organisation.found(clock.now())
        now = clock.now()
        organisation.open_department(team.department, now)
        joining = [member for member in team.members if member.handle not in organisation.agents]
        agents = [
            Agent.register(_identity(ids.new(), member, clock), member.post, member.capabilities)
            for member in joining
        ]
        organisation.enrol({agent.handle: agent.id for agent in agents}, now)
        for member in joining:
            _check_surroundings(member.post, organisation)
        _append(log, ids, USER, (organisation, *agents))
        return len(agents)

    return _decide(install)


def change_agent(log: EventLog, ids: IdFactory, clock: Clock, member: Member) -> None:
    """Give the agent of this handle another name, post or other capabilities.

    Raises:
        BadRequestError: its post contradicts its level.
        NotFoundError: nobody has this handle, or its department or supervisor does not exist.
    """
    _check_post(member.handle, member.post)

    def change() -> None:
        organisation, agent = _load_member(log, member.handle)
        _check_surroundings(member.post, organisation)
        agent.change(member.display_name, member.post, member.capabilities, clock.now())
        _append(log, ids, USER, (agent,))

    _decide(change)


def activate_agent(log: EventLog, ids: IdFactory, clock: Clock, handle: str) -> None:
    """Let an agent take work again.

    Raises:
        NotFoundError: nobody has this handle.
        TransitionError: it is active already.
    """

    def activate() -> None:
        _, agent = _load_member(log, handle)
        agent.activate(clock.now())
        _append(log, ids, USER, (agent,))

    _decide(activate)


def deactivate_agent(log: EventLog, ids: IdFactory, clock: Clock, handle: str, reason: str) -> None:
    """Let an agent take no work until it is activated.

    Raises:
        NotFoundError: nobody has this handle.
        TransitionError: it is inactive already.
    """

    def deactivate() -> None:
        _, agent = _load_member(log, handle)
        agent.deactivate(reason, clock.now())
        _append(log, ids, USER, (agent,))

    _decide(deactivate)


def remove_agent(log: EventLog, ids: IdFactory, clock: Clock, handle: str, reason: str) -> None:
    """Take an agent out of the organisation and free its handle; its history stays.

    Raises:
        NotFoundError: nobody has this handle.
    """

    def remove() -> None:
        organisation, agent = _load_member(log, handle)
        organisation.dismiss((handle,), clock.now())
        agent.remove(reason, clock.now())
        _append(log, ids, USER, (organisation, agent))

    _decide(remove)


def put_in_charge(log: EventLog, ids: IdFactory, clock: Clock, handle: str) -> None:
    """Let input that names no agent go to this one; who is in charge stays so.

    Raises:
        NotFoundError: nobody has this handle.
        InactiveAgentError: it takes no work.
    """

    def switch() -> None:
        organisation, agent = _load_member(log, handle)
        if not agent.active:
            raise InactiveAgentError(handle)
        organisation.put_in_charge(handle, clock.now())
        _append(log, ids, USER, (organisation,))

    _decide(switch)


def _decide(command: Callable[[], T]) -> T:
    with _CHANGING:
        for _ in range(MAX_DECISIONS - 1):
            try:
                return command()
            except ConflictError:
                continue
        return command()


def _adopt(
    log: EventLog, ids: IdFactory, clock: Clock, roster: Roster, version: RosterVersion
) -> Adoption:
    organisation = _load_organisation(log)
    if organisation is not None and organisation.roster == version:
        return Adoption(unchanged=len(roster.members))
    fold = fold_organisation(log)
    now = clock.now()
    organisation = fold.organisation or Organisation.found(now)
    changed = _change_members(fold, roster, clock)
    removed = _remove_vanished(fold, roster, clock)
    organisation.dismiss(tuple(agent.handle for agent in removed), now)
    present = set(organisation.agents)
    joining = [member for member in roster.members if member.handle not in present]
    registered = [
        Agent.register(_identity(ids.new(), member, clock), member.post, member.capabilities)
        for member in joining
    ]
    organisation.enrol({agent.handle: agent.id for agent in registered}, now)
    organisation.adopt(version, roster.departments, now)
    _append(log, ids, SYSTEM, (organisation, *registered, *changed, *removed))
    unchanged = len(roster.members) - len(registered) - len(changed)
    return Adoption(len(registered), len(changed), len(removed), unchanged)


def _change_members(fold: OrganisationFold, roster: Roster, clock: Clock) -> list[Agent]:
    members = fold.members
    present = [member for member in roster.members if member.handle in members]
    for member in present:
        members[member.handle].change(
            member.display_name, member.post, member.capabilities, clock.now()
        )
    agents = (members[member.handle] for member in present)
    return [agent for agent in agents if agent.pending_events]


def _remove_vanished(fold: OrganisationFold, roster: Roster, clock: Clock) -> list[Agent]:
    staying = {member.handle for member in roster.members}
    vanished = [
        agent
        for handle, agent in fold.members.items()
        if handle not in staying and fold.came_by_roster(agent)
    ]
    for agent in vanished:
        agent.remove(f"not on the roster {roster.name!r}", clock.now())
    return vanished


def _load_organisation(log: EventLog) -> Organisation | None:
    try:
        return log.load(Organisation, ORGANISATION_ID)
    except NotFoundError:
        return None


def _was_registered(log: EventLog, agent_id: UUID) -> bool:
    """Tell whether there is or was an agent with this id: an agent that left keeps its own."""
    try:
        log.load(Agent, agent_id)
    except NotFoundError:
        return False
    return True


def _load_member(log: EventLog, handle: str) -> tuple[Organisation, Agent]:
    organisation = _load_organisation(log)
    if organisation is None or handle not in organisation.agents:
        raise NotFoundError("agent", handle, "`hansard agents list` lists those there are.")
    return organisation, log.load(Agent, organisation.agents[handle])


def _identity(agent_id: UUID, member: Member, clock: Clock) -> AgentIdentity:
    try:
        return AgentIdentity(
            agent_id=agent_id,
            handle=member.handle,
            display_name=member.display_name,
            created_at=clock.now(),
        )
    except ValidationError as error:
        raise BadRequestError(
            f"The agent {member.handle!r} cannot be registered: {error}"
        ) from error


def _check_post(handle: str, post: Post) -> None:
    needs_department = post.level in (Level.DIRECTOR, Level.SPECIALIST)
    if needs_department != (post.department is not None):
        needed = "must name" if needs_department else "cannot have"
        raise BadRequestError(
            f"Agent {handle!r} of level {post.level.value} {needed} a department."
        )
    needs_supervisor = post.level is not Level.PERSONAL
    if needs_supervisor != (post.supervisor is not None):
        needed = "must name" if needs_supervisor else "cannot have"
        raise BadRequestError(
            f"Agent {handle!r} of level {post.level.value} {needed} a supervisor."
        )


def _check_surroundings(post: Post, organisation: Organisation) -> None:
    keys = [department.key for department in organisation.departments]
    if post.department is not None and post.department not in keys:
        known = ", ".join(keys) or "none yet"
        raise NotFoundError("department", post.department, f"The departments are {known}.")
    if post.supervisor is not None and post.supervisor not in organisation.agents:
        raise NotFoundError("agent", post.supervisor, "A supervisor must be registered first.")


def _append(log: EventLog, ids: IdFactory, actor: str, aggregates: Sequence[Aggregate]) -> None:
    """Append what is pending, as one command: all correlated, all following from the first."""
    events = [event for aggregate in aggregates for event in aggregate.collect_events()]
    correlation_id, first_id = ids.new(), ids.new()
    entries = [
        Entry(
            event,
            Envelope(
                event_id=ids.new() if number else first_id,
                actor=actor,
                correlation_id=correlation_id,
                causation_id=first_id if number else None,
            ),
        )
        for number, event in enumerate(events)
    ]
    if entries:
        log.append(entries)
