"""Rosters come into force once, however many processes bring them at the same time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from application.directory import load_directory
from application.registration import Adoption, Roster, adopt_roster
from infrastructure.roster import load_roster
from infrastructure.system import SystemClock, Uuid7Factory
from tests.support.read_side import ReadSide, open_read_side

TOOLS = (
    "draw_chart",
    "evaluate_expression",
    "list_files",
    "profile_table",
    "query_table",
    "read_file",
    "read_shared_values",
    "search_past_conversations",
    "share_value",
    "write_document",
)


@pytest.fixture
def read_side(database_url: str) -> Iterator[ReadSide]:
    with open_read_side(database_url) as read_side:
        yield read_side


def adopt_together(database_url: str, rosters: list[Roster]) -> list[Adoption]:
    """Let as many processes' worth of connections adopt, all starting at the same moment."""
    start = Barrier(len(rosters))

    def adopt(roster: Roster) -> Adoption:
        with open_read_side(database_url) as own:
            own.log.last_position()
            start.wait()
            return adopt_roster(own.log, Uuid7Factory(), SystemClock(), roster)

    with ThreadPoolExecutor(len(rosters)) as threads:
        return list(threads.map(adopt, rosters))


def test_of_many_that_adopt_the_packaged_roster_one_registers_everybody(
    read_side: ReadSide, database_url: str
) -> None:
    roster = load_roster(None, TOOLS)
    adoptions = Counter(adopt_together(database_url, [roster] * 4))
    assert adoptions == {Adoption(registered=119): 1, Adoption(unchanged=119): 3}
    types = Counter(recorded.type for recorded in read_side.log.read())
    assert types == {
        "organisation.founded": 1,
        "organisation.agents_enrolled": 1,
        "organisation.roster_adopted": 1,
        "agent.registered": 119,
    }
    assert load_directory(read_side.log).count() == 119


def test_different_rosters_at_once_leave_the_organisation_of_one_of_them(
    read_side: ReadSide, database_url: str
) -> None:
    whole = load_roster(None, TOOLS)
    smaller = whole.model_copy(update={"name": "Smaller", "members": whole.members[:-3]})
    adopt_together(database_url, [whole, smaller, whole, smaller])
    directory = load_directory(read_side.log)
    assert directory.roster in (whole.version, smaller.version)
    winner = whole if directory.roster == whole.version else smaller
    assert set(directory.agents) == {member.handle for member in winner.members}


def test_a_directory_read_from_the_database_equals_the_roster(read_side: ReadSide) -> None:
    roster = load_roster(None, TOOLS)
    adopt_roster(read_side.log, Uuid7Factory(), SystemClock(), roster)
    directory = load_directory(read_side.log)
    assert directory.departments == roster.departments
    for member in roster.members:
        agent = directory.agent(member.handle)
        assert (agent.post, agent.capabilities) == (member.post, member.capabilities)
