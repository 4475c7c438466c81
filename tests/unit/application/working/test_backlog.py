"""Backlog: what is to be run is what was opened, has not ended and is not on hold."""

from __future__ import annotations

import asyncio

from application.halting import Halting
from application.working.backlog import Backlog
from application.working.worker import read_backlog
from domain.priority import Priority
from domain.shard import SHARDS, shard_of
from tests.support.office import Office, charter, office


def backlog_of(desk: Office) -> Backlog:
    return read_backlog(desk.log)


def test_a_submitted_session_is_to_be_run_until_it_has_ended() -> None:
    desk = office()
    session_id = asyncio.run(desk.sessions.submit(charter()))
    assert session_id in backlog_of(desk)

    desk.resume(session_id)
    assert session_id not in backlog_of(desk)
    assert backlog_of(desk).position == desk.log.last_position()


def test_a_paused_session_waits_and_goes_on_when_it_is_let() -> None:
    desk = office()
    session_id = asyncio.run(desk.sessions.submit(charter()))
    asyncio.run(desk.sessions.pause(session_id, "the ledger is wrong"))
    assert session_id not in backlog_of(desk)

    asyncio.run(desk.sessions.let_go_on(session_id))
    assert session_id in backlog_of(desk)


def test_priority_goes_before_age() -> None:
    desk = office()
    given = (None, Priority.LOW, Priority.URGENT, Priority.NORMAL, Priority.HIGH)
    session_ids = [
        asyncio.run(desk.sessions.submit(charter().model_copy(update={"priority": each})))
        for each in given
    ]

    backlog = backlog_of(desk)
    turns = sorted(turn for number in range(SHARDS) for turn in backlog.of_shard(number))
    order = [given[session_ids.index(turn.session_id)] for turn in turns]
    assert order == [Priority.URGENT, Priority.HIGH, None, Priority.NORMAL, Priority.LOW]
    assert all(turn in backlog.of_shard(shard_of(turn.session_id)) for turn in turns)


def test_a_halt_holds_until_the_release() -> None:
    desk = office()
    halting = Halting(desk.log, desk.clock, desk.ids, desk.lease)
    halting.halt("ada", "wrong invoices")
    assert backlog_of(desk).halt is not None
    halting.release("ada")
    assert backlog_of(desk).halt is None
