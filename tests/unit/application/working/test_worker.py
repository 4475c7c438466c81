"""Worker: what was left to workers is done once, by whoever has its shard."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from application.halting import Halting
from application.working import worker as module
from application.working.worker import Worker
from domain.priority import Priority
from domain.session import SessionStatus
from tests.support.office import Office, charter, office
from tests.support.working import LockTable, worker_of

PATIENCE_S = 20.0


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the others more often than a real worker."""
    monkeypatch.setattr(module, "LOOK_S", 0.01)
    monkeypatch.setattr(module, "FIRST_WAIT_S", 0.01)


def status(desk: Office, session_id: UUID) -> SessionStatus:
    return desk.sessions.fold(session_id).session.status


def work(desk: Office, do: Callable[[], Awaitable[Any]], *workers: Worker) -> None:
    """Let workers work while something is done."""

    async def main() -> None:
        stop = asyncio.Event()
        running = [asyncio.create_task(each.run(stop)) for each in workers]
        try:
            async with asyncio.timeout(PATIENCE_S):
                await do()
        finally:
            stop.set()
            await asyncio.gather(*running)

    asyncio.run(main())


async def until(condition: Callable[[], bool]) -> None:
    """Let the others go on until something holds."""
    while not condition():  # noqa: ASYNC110 - any condition, of any thread
        await asyncio.sleep(0.005)


def ended(desk: Office, count: int) -> Callable[[], bool]:
    """Tell when so many sessions have ended."""
    return lambda: len(list(desk.log.read(types=("session.completed", "session.failed")))) >= count


def test_what_was_submitted_before_and_meanwhile_is_done() -> None:
    desk = office()
    first = asyncio.run(desk.sessions.submit(charter()))
    submitted = [first]

    async def submit_another() -> None:
        await until(ended(desk, 1))
        submitted.append(await desk.sessions.submit(charter()))
        await until(ended(desk, 2))

    work(desk, submit_another, worker_of(desk, LockTable()))
    assert [status(desk, each) for each in submitted] == [SessionStatus.COMPLETED] * 2
    assert not desk.events("session.resumed")  # they were begun, not taken up again


def test_several_workers_do_each_session_once() -> None:
    """A19: thread-safe sharing of work."""
    desk, table = office(), LockTable()
    for _ in range(12):
        asyncio.run(desk.sessions.submit(charter()))
    workers = [worker_of(desk, table, concurrency=2) for _ in range(3)]

    work(desk, lambda: until(ended(desk, 12)), *workers)
    assert len(desk.events("session.completed")) == 12
    assert len(desk.events("task.completed")) == 12 * 5
    assert not table.holders


def test_the_urgent_go_first_where_not_all_can_go_at_once() -> None:
    desk = office()
    given = (Priority.LOW, Priority.NORMAL, Priority.URGENT)
    submitted = {
        asyncio.run(desk.sessions.submit(charter().model_copy(update={"priority": each}))): each
        for each in given
    }

    work(desk, lambda: until(ended(desk, 3)), worker_of(desk, LockTable(), concurrency=1))
    order = [submitted[each.session_id] for each in desk.events("session.completed")]  # type: ignore[index]
    assert order == [Priority.URGENT, Priority.NORMAL, Priority.LOW]


def test_a_worker_that_ends_lets_what_runs_come_to_rest_and_another_goes_on() -> None:
    desk, table = office(), LockTable()
    session_id = asyncio.run(desk.sessions.submit(charter()))
    desk.model.pause_s["metrics"] = 0.2
    asked = desk.model.asked

    work(desk, lambda: until(lambda: bool(asked("metrics"))), worker_of(desk, table))
    assert status(desk, session_id) is SessionStatus.RUNNING
    assert not table.holders

    work(desk, lambda: until(ended(desk, 1)), worker_of(desk, table))
    assert status(desk, session_id) is SessionStatus.COMPLETED
    assert len(desk.events("session.resumed")) == 1
    asked_for = Counter(request.effect_id for request in desk.model.requests)
    assert set(asked_for.values()) == {1}  # what had begun was finished, and is not done again


def test_a_session_that_somebody_else_runs_is_left_to_them() -> None:
    desk = office()

    async def run_it_here() -> None:
        desk.model.pause_s["interpret"] = 0.1
        fold = await desk.sessions.run(charter(), desk.heard.append)
        assert fold.session.status is SessionStatus.COMPLETED

    sessions = desk.sessions
    work(desk, run_it_here, worker_of(desk, LockTable(), sessions=sessions))
    assert not desk.events("session.resumed")


def test_a_paused_session_is_let_alone_until_it_may_go_on() -> None:
    desk = office()
    session_id = asyncio.run(desk.sessions.submit(charter()))
    asyncio.run(desk.sessions.pause(session_id, "the ledger is wrong"))

    async def let_it_go_on() -> None:
        await asyncio.sleep(0.05)
        assert not desk.model.requests
        await desk.sessions.let_go_on(session_id)
        await until(ended(desk, 1))

    work(desk, let_it_go_on, worker_of(desk, LockTable()))


def test_nothing_begins_while_all_work_stands_still() -> None:
    """D10: stop."""
    desk = office()
    halting = Halting(desk.log, desk.clock, desk.ids, desk.lease)
    asyncio.run(desk.sessions.submit(charter()))
    halting.halt("ada", "wrong invoices")

    async def release() -> None:
        await asyncio.sleep(0.05)
        assert not desk.model.requests
        halting.release("ada")
        await until(ended(desk, 1))

    work(desk, release, worker_of(desk, LockTable()))
