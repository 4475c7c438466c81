"""Agents join, change, pause and leave; a roster comes into force once, in one append."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from uuid import UUID

import pytest

from application.directory import fold_organisation, load_directory
from application.errors import BadRequestError, ConflictError, NotFoundError
from application.registration import (
    MAX_DECISIONS,
    Adoption,
    Member,
    Roster,
    activate_agent,
    adopt_roster,
    change_agent,
    deactivate_agent,
    register_agent,
    remove_agent,
)
from domain.agent import AgentCapabilities, Level, Post
from domain.errors import TransitionError
from domain.event import SYSTEM
from domain.organisation import (
    Department,
    DuplicateAgentIdError,
    DuplicateAgentNameError,
)
from tests.support.histories import Ids, SteppingClock
from tests.support.in_memory_log import InMemoryEventLog

NOVA = Post(level=Level.PERSONAL, department=None, supervisor=None)
MASTERMIND = Post(level=Level.ORCHESTRATOR, department=None, supervisor="NOVA_001")
DIRECTOR = Post(level=Level.DIRECTOR, department="finance", supervisor="MM_001")
SPECIALIST = Post(level=Level.SPECIALIST, department="finance", supervisor="DIR_FINANCE")
FINANCE = Department(key="finance", label="Finance", director="DIR_FINANCE")


def member(handle: str, post: Post = SPECIALIST, *skills: str, name: str = "Bob") -> Member:
    capabilities = AgentCapabilities(skills=skills, tools=("query_table",))
    return Member(handle=handle, display_name=name, post=post, capabilities=capabilities)


LEADERS = (member("NOVA_001", NOVA), member("MM_001", MASTERMIND), member("DIR_FINANCE", DIRECTOR))


def roster(*specialists: Member, name: str = "Test 1") -> Roster:
    return Roster(name=name, members=(*LEADERS, *specialists), departments=(FINANCE,))


class Registry:
    """The use cases on a log in memory."""

    def __init__(self) -> None:
        self.log = InMemoryEventLog()
        self.ids, self.clock = Ids(), SteppingClock()

    def adopt(self, roster: Roster) -> Adoption:
        return adopt_roster(self.log, self.ids, self.clock, roster)

    def register(self, newcomer: Member, agent_id: UUID | None = None) -> UUID:
        return register_agent(self.log, self.ids, self.clock, newcomer, agent_id=agent_id)

    def change(self, changed: Member) -> None:
        change_agent(self.log, self.ids, self.clock, changed)

    def activate(self, handle: str) -> None:
        activate_agent(self.log, self.ids, self.clock, handle)

    def deactivate(self, handle: str) -> None:
        deactivate_agent(self.log, self.ids, self.clock, handle, "on leave")

    def remove(self, handle: str) -> None:
        remove_agent(self.log, self.ids, self.clock, handle, "retired")

    def new_types(self, since: int) -> Counter[str]:
        return Counter(recorded.type for recorded in self.log.events[since:])


@pytest.fixture
def registry() -> Registry:
    return Registry()


def test_the_first_roster_registers_everybody_in_one_append(registry: Registry) -> None:
    assert registry.adopt(roster(member("FIN_001"))) == Adoption(registered=4)
    assert registry.log.appends == 1
    assert [recorded.type for recorded in registry.log.events] == [
        "organisation.founded",
        "organisation.agents_enrolled",
        "organisation.roster_adopted",
        *["agent.registered"] * 4,
    ]


def test_the_events_of_a_command_belong_together_and_follow_from_the_first(
    registry: Registry,
) -> None:
    registry.adopt(roster(member("FIN_001")))
    envelopes = [recorded.envelope for recorded in registry.log.events]
    first = envelopes[0]
    assert first.causation_id is None
    assert {envelope.causation_id for envelope in envelopes[1:]} == {first.event_id}
    assert {(envelope.actor, envelope.session_id) for envelope in envelopes} == {(SYSTEM, None)}
    assert len({envelope.correlation_id for envelope in envelopes}) == 1
    assert len({envelope.event_id for envelope in envelopes}) == len(envelopes)


def test_the_roster_in_force_changes_nothing(registry: Registry) -> None:
    registry.adopt(roster(member("FIN_001")))
    before = len(registry.log.events)
    reordered = Roster(
        name="Test 1",
        members=tuple(reversed(roster(member("FIN_001")).members)),
        departments=(FINANCE,),
    )
    assert registry.adopt(roster(member("FIN_001"))) == Adoption(unchanged=4)
    assert registry.adopt(reordered) == Adoption(unchanged=4)
    assert len(registry.log.events) == before


def test_a_changed_roster_appends_its_changes_alone(registry: Registry) -> None:
    registry.adopt(roster(member("FIN_001"), member("FIN_002"), member("FIN_003")))
    before = len(registry.log.events)
    new = roster(member("FIN_001"), member("FIN_002", SPECIALIST, "tax"), member("FIN_004"))
    assert registry.adopt(new) == Adoption(registered=1, changed=1, removed=1, unchanged=4)
    assert registry.new_types(before) == {
        "organisation.agents_dismissed": 1,
        "organisation.agents_enrolled": 1,
        "organisation.roster_adopted": 1,
        "agent.registered": 1,
        "agent.changed": 1,
        "agent.removed": 1,
    }
    directory = load_directory(registry.log)
    assert [agent.handle for agent in directory.specialists_of("finance")] == [
        "FIN_001",
        "FIN_002",
        "FIN_004",
    ]
    assert directory.agent("FIN_002").capabilities.skills == ("tax",)


def test_who_vanished_and_returns_is_registered_anew(registry: Registry) -> None:
    registry.adopt(roster(member("FIN_001")))
    first = load_directory(registry.log).agent("FIN_001").id
    registry.adopt(roster())
    assert registry.adopt(roster(member("FIN_001"))) == Adoption(registered=1, unchanged=3)
    second = load_directory(registry.log).agent("FIN_001")
    assert second.id != first
    assert fold_organisation(registry.log).agents[first].removed


def test_a_roster_leaves_alone_whom_a_command_of_its_own_registered(registry: Registry) -> None:
    registry.adopt(roster(member("FIN_001")))
    registry.register(member("FIN_900"))
    assert registry.adopt(roster(name="Test 2")).removed == 1
    assert set(load_directory(registry.log).agents) >= {"FIN_900"}
    assert "FIN_001" not in load_directory(registry.log).agents


def test_a_roster_leaves_a_paused_agent_paused(registry: Registry) -> None:
    registry.adopt(roster(member("FIN_001")))
    registry.deactivate("FIN_001")
    registry.adopt(roster(member("FIN_001", SPECIALIST, "tax")))
    agent = load_directory(registry.log).agent("FIN_001")
    assert (agent.active, agent.capabilities.skills) == (False, ("tax",))


def test_two_that_adopt_the_same_roster_at_once_register_everybody_once(
    registry: Registry,
) -> None:
    other = Registry()
    other.log, other.ids = registry.log, Ids(1000)
    rivals = [lambda: other.adopt(roster(member("FIN_001")))]
    results: list[Adoption] = []

    def be_faster() -> None:
        if rivals:
            results.append(rivals.pop()())

    registry.log.before_append = be_faster
    results.append(registry.adopt(roster(member("FIN_001"))))
    assert results == [Adoption(registered=4), Adoption(unchanged=4)]
    assert registry.new_types(0)["agent.registered"] == 4


def test_two_different_rosters_at_once_come_into_force_one_after_the_other(
    registry: Registry,
) -> None:
    registry.adopt(roster())
    other = Registry()
    other.log, other.ids = registry.log, Ids(1000)
    rivals = [lambda: other.adopt(roster(member("FIN_001"), name="Theirs"))]

    def be_faster() -> None:
        if rivals:
            rivals.pop()()

    registry.log.before_append = be_faster
    registry.adopt(roster(member("FIN_002"), name="Ours"))
    directory = load_directory(registry.log)
    assert directory.roster is not None
    assert directory.roster.name == "Ours"
    assert [agent.handle for agent in directory.specialists_of("finance")] == ["FIN_002"]


def test_a_command_gives_up_when_others_keep_changing_the_organisation(registry: Registry) -> None:
    tries = []

    def conflict() -> None:
        tries.append(1)
        raise ConflictError("somebody was faster")

    registry.log.before_append = conflict
    with pytest.raises(ConflictError):
        registry.adopt(roster())
    assert len(tries) == MAX_DECISIONS


def test_a_taken_handle_and_a_taken_id_are_different_errors(registry: Registry) -> None:
    registry.adopt(roster(member("FIN_001")))
    taken = load_directory(registry.log).agent("FIN_001").id
    with pytest.raises(DuplicateAgentNameError, match="'FIN_001' is registered already"):
        registry.register(member("FIN_001"))
    with pytest.raises(DuplicateAgentIdError, match=str(taken)):
        registry.register(member("FIN_002"), agent_id=taken)


def test_an_id_once_used_is_never_given_again(registry: Registry) -> None:
    registry.adopt(roster(member("FIN_001")))
    gone = load_directory(registry.log).agent("FIN_001").id
    registry.remove("FIN_001")
    with pytest.raises(DuplicateAgentIdError):
        registry.register(member("FIN_002"), agent_id=gone)


@pytest.mark.parametrize(
    ("post", "fault"),
    [
        (Post(level=Level.SPECIALIST, department=None, supervisor="MM_001"), "must name a dep"),
        (Post(level=Level.PERSONAL, department="finance", supervisor=None), "cannot have a dep"),
        (Post(level=Level.SPECIALIST, department="finance", supervisor=None), "must name a sup"),
        (Post(level=Level.PERSONAL, department=None, supervisor="MM_001"), "cannot have a sup"),
    ],
)
def test_a_post_that_contradicts_its_level_is_refused(
    registry: Registry, post: Post, fault: str
) -> None:
    registry.adopt(roster())
    with pytest.raises(BadRequestError, match=fault):
        registry.register(member("FIN_009", post))


def test_a_department_and_a_supervisor_must_exist(registry: Registry) -> None:
    registry.adopt(roster())
    nowhere = SPECIALIST.model_copy(update={"department": "magic"})
    under_nobody = SPECIALIST.model_copy(update={"supervisor": "DIR_MAGIC"})
    with pytest.raises(NotFoundError, match=r"department 'magic'.*finance"):
        registry.register(member("FIN_009", nowhere))
    with pytest.raises(NotFoundError, match="agent 'DIR_MAGIC'"):
        registry.register(member("FIN_009", under_nobody))


def test_an_agent_can_be_registered_before_any_roster(registry: Registry) -> None:
    registry.register(member("NOVA_001", NOVA))
    assert load_directory(registry.log).personal.handle == "NOVA_001"
    assert registry.adopt(roster()) == Adoption(registered=2, unchanged=1)


def test_an_agent_can_be_paused_and_taken_back(registry: Registry) -> None:
    registry.adopt(roster(member("FIN_001")))
    registry.deactivate("FIN_001")
    assert load_directory(registry.log).specialists_of("finance") == ()
    with pytest.raises(TransitionError, match="inactive"):
        registry.deactivate("FIN_001")
    registry.activate("FIN_001")
    assert load_directory(registry.log).agent("FIN_001").active
    with pytest.raises(TransitionError, match="active"):
        registry.activate("FIN_001")


def test_a_removed_agent_frees_its_handle_and_is_unknown(registry: Registry) -> None:
    registry.adopt(roster(member("FIN_001")))
    registry.remove("FIN_001")
    for command in (registry.activate, registry.deactivate, registry.remove):
        with pytest.raises(NotFoundError, match="agent 'FIN_001'"):
            command("FIN_001")
    registry.register(member("FIN_001"))
    assert load_directory(registry.log).agent("FIN_001").active


def test_an_agent_can_be_changed_and_the_same_again_changes_nothing(registry: Registry) -> None:
    registry.adopt(roster(member("FIN_001")))
    registry.change(member("FIN_001", SPECIALIST, "tax", name="Tina"))
    before = len(registry.log.events)
    registry.change(member("FIN_001", SPECIALIST, "tax", name="Tina"))
    assert len(registry.log.events) == before
    agent = load_directory(registry.log).agent("FIN_001")
    assert (agent.identity.display_name, agent.capabilities.skills) == ("Tina", ("tax",))


def test_versions_of_every_stream_have_no_gaps(registry: Registry) -> None:
    registry.adopt(roster(member("FIN_001")))
    registry.deactivate("FIN_001")
    registry.adopt(roster(member("FIN_002")))
    streams: dict[UUID, list[int]] = {}
    for recorded in registry.log.events:
        event = recorded.event
        streams.setdefault(event.originator_id, []).append(event.originator_version)
    for versions in streams.values():
        assert versions[0] == 1
        assert all(later == earlier + 1 for earlier, later in pairwise(versions))
