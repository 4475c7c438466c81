"""Workers and humans, D10: an answer, or the end of the time for one, wakes a session at rest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from application.working.worker import Worker
from domain.session import SessionStatus
from infrastructure.system import SystemClock
from tests.support.approvals import WRITES, asking, human, topics
from tests.support.office import Office, charter, office
from tests.support.replaying import verified
from tests.support.working import LockTable, worker_of

PATIENCE_S = 20.0


def work(worker: Worker, do: Callable[[], Awaitable[Any]]) -> None:
    """Let a worker work while something is done."""

    async def main() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(worker.run(stop))
        try:
            async with asyncio.timeout(PATIENCE_S):
                await do()
        finally:
            stop.set()
            await running

    asyncio.run(main())


async def until(it: Office, topic: str) -> None:
    """Let the worker go on until something is recorded."""
    while not it.events(topic):  # noqa: ASYNC110 - the worker's threads record it
        await asyncio.sleep(0.005)


def test_an_answer_wakes_a_session_at_rest() -> None:
    """D10: approval before a risky step, while nothing runs."""
    it = office()
    session_id = asyncio.run(it.sessions.submit(charter(policy=asking(WRITES))))

    async def answer() -> None:
        await until(it, "approval.requested")
        [asked] = await human(it).find(session_id)
        await human(it).grant(asked.approval_id)
        await until(it, "session.completed")

    work(worker_of(it, LockTable()), answer)

    assert it.sessions.fold(session_id).session.status is SessionStatus.COMPLETED
    assert topics(it) == ["approval.requested", "approval.granted", "approval.received"]
    assert verified(it.log, session_id).is_verified


def test_the_end_of_the_time_for_an_answer_wakes_it_too() -> None:
    it = office()
    clock: Any = SystemClock()
    it.clock = clock
    rule = WRITES.model_copy(update={"timeout_s": 0.1})
    session_id = asyncio.run(it.sessions.submit(charter(policy=asking(rule))))

    work(worker_of(it, LockTable()), lambda: until(it, "approval.expired"))
    it.resume(session_id)

    assert topics(it) == ["approval.requested", "approval.expired", "approval.received"]
    assert verified(it.log, session_id).is_verified
