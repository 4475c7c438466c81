"""Shards: each worker has its share, says so in the log, and is fenced off when it lost one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from application.errors import FencedError
from application.ports import Entry
from domain.event import Envelope
from domain.session import Session
from domain.shard import SHARDS, Shard, shard_id
from tests.support.office import Office, charter, office
from tests.support.working import LockTable, shards_of


def tenures(desk: Office) -> dict[int, str | None]:
    """Tell by the log who has which shard."""
    found = {}
    for number in range(SHARDS):
        shard = desk.log.load(Shard, shard_id(number))
        found[number] = shard.tenure.worker if shard.tenure else None
    return found


def an_append(desk: Office, fence: Any) -> None:
    """Append something under a fence."""
    ids = desk.ids
    session = Session.open(ids.new(), charter(), ids.new(), ids.new(), desk.clock.now())
    entries = [
        Entry(event, Envelope(ids.new(), "USER", session.id, session_id=session.id))
        for event in session.collect_events()
    ]
    asyncio.run(desk.log.append_async(entries, fence))


def test_one_worker_takes_all_and_the_log_says_who_has_them() -> None:
    desk = office()
    shards = shards_of(desk, LockTable(), "ada")

    assert shards.look() == 0
    assert set(shards.epochs) == set(range(SHARDS))
    assert set(tenures(desk).values()) == {"ada"}


def test_workers_share_fairly_as_they_come_and_go() -> None:
    desk, table = office(), LockTable()
    workers = [shards_of(desk, table, name) for name in ("ada", "bob", "eve")]
    workers[0].look()
    for each in workers[1:]:
        each.look()
    for _ in range(2):
        for each in workers:
            surplus = each.look()
            each.give_back(sorted(each.epochs)[:surplus], "others share the work")
    for each in workers:
        each.look()
    assert sorted(len(each.epochs) for each in workers) == [21, 21, 22]
    assert len(set().union(*(each.epochs for each in workers))) == SHARDS

    workers[1].locks.break_off()  # type: ignore[attr-defined]  # it is the one of the test
    for each in (workers[0], workers[2]):
        each.look()
    assert [len(workers[0].epochs), len(workers[2].epochs)] == [32, 32]
    assert set(tenures(desk).values()) == {"ada", "eve"}


def test_who_lost_a_shard_to_another_worker_cannot_append_under_it() -> None:
    desk, table = office(), LockTable()
    paused, other = shards_of(desk, table, "paused"), shards_of(desk, table, "other")
    paused.look()
    fence = paused.fence(7)
    an_append(desk, fence)

    paused.locks.break_off()  # type: ignore[attr-defined]  # it is the one of the test
    other.look()
    with pytest.raises(FencedError):
        an_append(desk, fence)
    an_append(desk, other.fence(7))


def test_a_connection_that_broke_costs_nothing_when_nobody_came() -> None:
    desk = office()
    shards = shards_of(desk, LockTable())
    shards.look()
    before, position = dict(shards.epochs), desk.log.last_position()

    shards.locks.break_off()  # type: ignore[attr-defined]  # it is the one of the test
    shards.look()
    assert shards.epochs == before
    assert desk.log.last_position() == position


def test_giving_back_is_recorded_and_fences_too() -> None:
    desk, table = office(), LockTable()
    shards = shards_of(desk, table)
    shards.look()
    fence = shards.fence(3)
    shards.give_back([3], "others share the work")

    assert tenures(desk)[3] is None
    assert shards.fence(3) is None
    assert 3 not in table.holders
    with pytest.raises(FencedError):
        an_append(desk, fence)
