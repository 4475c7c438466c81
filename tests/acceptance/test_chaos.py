"""Chaos: whatever fails, lies or dies, every session ends, and the books balance."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from uuid import UUID

from hansard import bootstrap
from infrastructure.database import Connection
from infrastructure.settings import load_settings
from tests.support.chaos import CORRESPONDENTS, CURSED, QUICK, charter, worker_nursery

SESSIONS = 200
CURSED_SESSIONS = 1
WORKERS = 3
KILL_EVERY_S = 0.8
PATIENCE_S = 120.0

ENDED = "SELECT count(*) FROM hansard.event_log WHERE type = ANY(%s)"
HISTORY = """
SELECT session_id, type, stream, payload FROM hansard.event_log
WHERE session_id IS NOT NULL ORDER BY position
"""
MESSAGES = """
SELECT stream, type FROM hansard.event_log WHERE type LIKE 'message.%' ORDER BY position
"""
ENDS = ["session.completed", "session.failed", "session.declined", "session.cancelled"]
TASK_ENDS = {"task.completed", "task.failed", "task.skipped", "task.cancelled"}
ANSWERED = {"task.model_answered", "task.tool_answered"}
CALLED = {"task.model_called", "task.tool_called"}
History = list[tuple[UUID, str, UUID, Any]]


def submit(database_url: str, home: Path) -> list[UUID]:
    """Leave the jobs to the workers, as a program does."""
    settings = load_settings(home=home, database_url=database_url, model="offline")
    requests = [CURSED] * CURSED_SESSIONS + ["A job"] * (SESSIONS - CURSED_SESSIONS)
    with closing(bootstrap.build(settings)) as house:

        async def submissions() -> list[UUID]:
            return await asyncio.gather(
                *(house.sessions.submit(charter(request)) for request in requests)
            )

        return asyncio.run(submissions())


def kill_until_all_have_ended(database_url: str, home: Path, connection: Connection) -> int:
    """Let workers work and kill them at random; tell how many died, by us or by themselves."""
    dice = random.Random(6)  # noqa: S311 - chaos is no secret
    deadline, died = monotonic() + PATIENCE_S, 0
    with worker_nursery(database_url, home) as start:
        workers = [start() for _ in range(WORKERS)]
        next_kill = monotonic() + KILL_EVERY_S
        while connection.execute(ENDED, (ENDS,)).fetchone() != (SESSIONS,):
            assert monotonic() < deadline, "not every session has ended"
            if monotonic() > next_kill:
                next_kill += KILL_EVERY_S
                os.kill(dice.choice(workers), signal.SIGKILL)
            sleep(0.02)
            alive = [worker for worker in workers if is_alive(worker)]
            died += len(workers) - len(alive)
            workers = alive + [start() for _ in range(WORKERS - len(alive))]
    return died


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_whatever_dies_every_session_ends_and_no_work_is_done_twice(
    database_url: str, connection: Connection, tmp_path: Path
) -> None:
    """C9, issue 6: chaos with failing, slow, lying and crashing models and tools."""
    sessions = submit(database_url, tmp_path)
    died = kill_until_all_have_ended(database_url, tmp_path, connection)
    history: History = connection.execute(HISTORY).fetchall()

    assert died > WORKERS
    deliver_the_rest(database_url, tmp_path)
    check_messages(connection)
    check_ends(history, sessions)
    check_tasks(history)
    check_effects(history)
    check_budgets(history)


def deliver_the_rest(database_url: str, home: Path) -> None:
    """Receive what still waits, as the next process would."""
    settings = load_settings(home=home, database_url=database_url, model="offline")
    with closing(bootstrap.build(settings)) as house:

        async def receive() -> None:
            messenger = house.new_messaging().messenger
            await messenger.open()
            for agent in CORRESPONDENTS:
                while await messenger.receive(agent, timeout_s=0.05) is not None:
                    pass
            await messenger.sweep()
            await messenger.close()

        asyncio.run(receive())


def check_messages(connection: Connection) -> None:
    """Hold that the books balance: what was sent was delivered once, came too late, or is dead."""
    ends: dict[UUID, list[str]] = {}
    for stream, kind in connection.execute(MESSAGES).fetchall():
        ends.setdefault(stream, []).append(kind)
    assert {kinds[0] for kinds in ends.values()} == {"message.sent"}
    ended = Counter(tuple(kinds[1:]) for kinds in ends.values())
    assert set(ended) == {("message.delivered",), ("message.expired",), ("message.dead",)}
    assert len(ends) == sum(ended.values())


def check_ends(history: History, sessions: list[UUID]) -> None:
    """Hold that each session ended once, completed or failed with a reason."""
    ends = [(session, kind, payload) for session, kind, _, payload in history if kind in ENDS]
    assert sorted(session for session, _, _ in ends) == sorted(sessions)
    assert {kind for _, kind, _ in ends} == {"session.completed", "session.failed"}
    assert all(p["failure"]["message"] for _, kind, p in ends if kind == "session.failed")
    completed = sum(kind == "session.completed" for _, kind, _ in ends)
    assert completed > SESSIONS / 2
    given_up = {
        session
        for session, kind, _, p in history
        if kind == "task.tool_failed" and "was lost" in p["failure"]["message"]
    }
    assert given_up >= set(sessions[:CURSED_SESSIONS])  # a process that dies of it says no more


def check_tasks(history: History) -> None:
    """Hold that no task was done twice, and that nothing happened to one that had ended."""
    done = Counter(stream for _, kind, stream, _ in history if kind in TASK_ENDS)
    assert set(done.values()) == {1}
    created = {stream for _, kind, stream, _ in history if kind == "task.created"}
    assert done.keys() <= created
    over: set[UUID] = set()
    for _, kind, stream, _ in history:
        if kind.startswith("task."):
            assert stream not in over, kind
            if kind in TASK_ENDS:
                over.add(stream)


def check_effects(history: History) -> None:
    """Hold that each effect has at most one answer, and that repeating it keeps its id."""
    answered = Counter(p["effect_id"] for _, kind, _, p in history if kind in ANSWERED)
    assert set(answered.values()) == {1}
    attempts: dict[str, list[int]] = {}
    for _, kind, _, payload in history:
        if kind in CALLED:
            attempts.setdefault(payload["effect_id"], []).append(payload["attempt"])
    assert answered.keys() <= attempts.keys()
    assert all(made == list(range(1, len(made) + 1)) for made in attempts.values())
    assert max(map(len, attempts.values())) > 1
    calls = Counter(
        stream
        for _, kind, stream, p in history
        if kind == "task.model_called" and p["attempt"] == 1 and p["purpose"] == "execute"
    )
    assert max(calls.values()) <= QUICK.max_iterations


def check_budgets(history: History) -> None:
    """Hold that no session wrote more than its budget, however often its effects were repeated."""
    budgets = QUICK.budgets
    assert budgets is not None
    written: Counter[UUID] = Counter()
    for session, kind, _, payload in history:
        if kind == "task.model_answered":
            written[session] += payload["answer"]["usage"]["output_tokens"]
    assert max(written.values()) <= budgets.conversation
    assert "task.budget_exceeded" not in {kind for _, kind, _, _ in history}
