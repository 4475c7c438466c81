"""Directories: the organisation at any position, without asking the log each time."""

from __future__ import annotations

import asyncio
from contextlib import closing

from application.directories import Directories
from application.directory import load_directory
from application.registration import deactivate_agent
from tests.support.in_memory_log import InMemoryEventLog
from tests.support.office import office, staffed_log
from tests.support.scripted import CountingIds, SteadyClock


def deactivate(log: InMemoryEventLog) -> None:
    deactivate_agent(log, CountingIds(start=5_000_000), SteadyClock(), "FIN_007", "on leave")


def test_at_each_position_it_says_what_the_log_says() -> None:
    log = staffed_log()
    before = log.last_position()
    deactivate(log)
    after = log.last_position()

    async def look() -> None:
        with closing(Directories(log)) as directories:
            for position in (after, before, after):
                found = await directories.at(position)
                told = load_directory(log, position)
                assert found.position == told.position == position
                assert found.agent("FIN_007").active is told.agent("FIN_007").active

    asyncio.run(look())


def test_a_change_is_seen_by_who_asks_for_now_or_for_a_later_position() -> None:
    log = staffed_log()

    async def look() -> list[bool]:
        with closing(Directories(log)) as directories:
            first = await directories.now()
            deactivate(log)
            stale = await directories.recent()
            later = await directories.at(log.last_position())
            return [each.agent("FIN_007").active for each in (first, stale, later)]

    assert asyncio.run(look()) == [True, True, False]


def test_sessions_share_what_was_looked_up() -> None:
    desk = office()
    first, second = desk.run(), desk.run()
    sessions = desk.sessions

    async def look() -> tuple[object, object]:
        one = await sessions.directories.at(first.opened_position)
        other = await sessions.directories.at(second.opened_position)
        assert (one.position, other.position) == (first.opened_position, second.opened_position)
        return one.derived, other.derived

    one, other = asyncio.run(look())
    assert one is other
