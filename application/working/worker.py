"""Worker: runs the sessions of its shards, as many at once as it may."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import suppress
from heapq import heappop, heappush
from threading import Thread
from typing import NamedTuple
from uuid import UUID

from application.errors import (
    ConflictError,
    FencedError,
    HaltedError,
    NotFoundError,
    SessionStoppedError,
    UnavailableError,
)
from application.fold import SessionFold
from application.orchestration.hearing import rests, seconds_until_due
from application.orchestration.means import NobodyAskedError
from application.ports import EventLog, Fence, Follower
from application.sessions import Sessions
from application.stopping import STOP_TIMEOUT_S
from application.working.backlog import ANSWER, BACKLOG_TYPES, Backlog, Turn
from application.working.gate import Gate
from application.working.shards import Shards
from domain.event import RecordedEvent
from domain.session import SessionStatus
from domain.shard import shard_of

CONCURRENCY = 100
"""Sessions that a worker runs at once, if it is not told otherwise."""

LOOK_S = 0.2
"""Seconds between two looks at the other workers: so long a dead one's sessions stand still."""

GRACE_S = 30.0
"""Seconds that a session is given to come to rest before it is cut off, to be repeated."""

FIRST_WAIT_S, MAX_WAIT_S = 0.5, 10.0
"""Seconds before a session is tried again that could not be run; doubled each time."""

JOIN_S = 1.0
"""Seconds that following the log is waited for at the end; a database that is away takes longer."""

PARKED_S = 30.0
"""Seconds after which a session is looked at again that rests and has not ended."""

ASKED_S = 600.0
"""The same where it waits for humans alone: an answer, or the end of the time for one, is heard."""

logger = logging.getLogger(__name__)


class Run(NamedTuple):
    """A session that this worker runs, under an epoch of its shard."""

    task: asyncio.Task[None]
    gate: Gate
    fence: Fence


class Worker:
    """Takes its share of the shards, and begins their sessions by priority and age.

    Args:
        concurrency: sessions that it runs at once.
        tell: is told how many shards it has and how many workers there are, whenever that changes.
    """

    def __init__(
        self,
        sessions: Sessions,
        shards: Shards,
        concurrency: int = CONCURRENCY,
        tell: Callable[[int, int], None] = lambda *_: None,
    ) -> None:
        self._sessions = sessions
        self._shards = shards
        self._concurrency = concurrency
        self._tell = tell
        self._backlog = Backlog()
        self._queue: list[Turn] = []
        self._runs: dict[UUID, Run] = {}
        self._waits: dict[UUID, float] = {}
        self._answered: set[UUID] = set()
        self._leaving: set[int] = set()
        self._changed = asyncio.Event()
        self._told: tuple[int, int] | None = None
        self._troubled = ""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then let what runs come to rest, and give all shards back.

        A database that cannot be used is waited for.
        """
        loop = asyncio.get_running_loop()
        await self._read_backlog(stop)
        follower = self._sessions.log.follow(after=self._backlog.position, types=BACKLOG_TYPES)
        following = Thread(
            target=self._follow, args=(follower, loop), name="hansard-backlog", daemon=True
        )
        following.start()
        stopping = asyncio.ensure_future(stop.wait())
        stopping.add_done_callback(lambda _: self._changed.set())
        try:
            while not stop.is_set():
                await self._look()
                until = loop.time() + LOOK_S
                while not stop.is_set() and (left := until - loop.time()) > 0:
                    self._changed.clear()
                    self._begin_what_fits()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._changed.wait(), left)
        finally:
            stopping.cancel()
            follower.stop()
            await self._rest()
            await self._give_back([*self._shards.epochs], "the worker ends")
            await asyncio.to_thread(following.join, JOIN_S)

    async def _read_backlog(self, stop: asyncio.Event) -> None:
        """Read which sessions there are, as soon as the database can be used."""
        log, wait_s = self._sessions.log, FIRST_WAIT_S
        while not stop.is_set():
            try:
                self._backlog = await asyncio.to_thread(read_backlog, log)
            except UnavailableError as error:
                self._complain(f"The sessions cannot be read now: {error}")
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), wait_s)
                wait_s = min(2 * wait_s, MAX_WAIT_S)
            else:
                return

    def _follow(self, follower: Follower, loop: asyncio.AbstractEventLoop) -> None:
        with follower as events:
            for recorded in events:
                with suppress(RuntimeError):  # the loop is closed, so that nothing runs any more
                    loop.call_soon_threadsafe(self._take_in, recorded)

    def _take_in(self, recorded: RecordedEvent) -> None:
        self._backlog.take_in(recorded)
        if recorded.session_id is not None:
            self._waits.pop(recorded.session_id, None)
            if recorded.type in ANSWER and recorded.session_id in self._runs:
                self._answered.add(recorded.session_id)  # it may come to rest without having heard
            self._offer(recorded.session_id)
        elif self._backlog.halt is None:
            for number in self._shards.epochs:
                self._offer_shard(number)

    def _offer(self, session_id: UUID) -> None:
        """Queue a session, if it is this worker's to run; once too often does no harm."""
        turn = self._backlog.turn(session_id)
        if turn is not None and session_id not in self._runs and self._has(shard_of(session_id)):
            heappush(self._queue, turn)
            self._changed.set()

    def _offer_shard(self, number: int) -> None:
        for turn in [*self._backlog.of_shard(number)]:
            self._waits.pop(turn.session_id, None)
            self._offer(turn.session_id)

    def _has(self, number: int) -> bool:
        return number in self._shards.epochs and number not in self._leaving

    async def _look(self) -> None:
        """See how the shards are shared out; take what is free, give back what is too much."""
        before = dict(self._shards.epochs)
        try:
            surplus = await asyncio.to_thread(self._shards.look)
        except UnavailableError as error:
            self._complain(f"The other workers cannot be seen now: {error}")
            return
        self._troubled = ""
        now = self._shards.epochs
        for session_id, run in self._runs.items():
            if self._shards.fence(shard_of(session_id)) != run.fence:
                run.task.cancel()  # another worker may have it by now
        for number in [number for number in now if before.get(number) != now[number]]:
            self._offer_shard(number)
        self._leaving &= now.keys()
        self._leave(surplus - len(self._leaving))
        busy = {shard_of(session_id) for session_id in self._runs}
        await self._give_back(self._leaving - busy, "others share the work")
        self._say()

    def _leave(self, count: int) -> None:
        """Let the sessions of some shards come to rest, of those that have the fewest."""
        runs = Counter(shard_of(session_id) for session_id in self._runs)
        staying = self._shards.epochs.keys() - self._leaving
        chosen = sorted(staying, key=lambda number: (runs[number], number))[: max(0, count)]
        self._leaving.update(chosen)
        for session_id, run in self._runs.items():
            if shard_of(session_id) in chosen:
                run.gate.close()
                asyncio.get_running_loop().call_later(GRACE_S, run.task.cancel)

    async def _give_back(self, numbers: Collection[int], reason: str) -> None:
        if numbers:
            try:
                await asyncio.to_thread(self._shards.give_back, [*numbers], reason)
            except (ConflictError, UnavailableError) as error:
                logger.warning("Shards could not be given back in order: %s", error)
            self._leaving -= {*numbers}

    async def _rest(self) -> None:
        """Let everything that runs come to rest, and cut off what does not within its grace."""
        tasks = [run.task for run in self._runs.values()]
        for run in self._runs.values():
            run.gate.close()
        deadline = asyncio.get_running_loop().time() + GRACE_S
        while not all(task.done() for task in tasks):
            await asyncio.wait(tasks, timeout=LOOK_S)
            with suppress(UnavailableError):
                await asyncio.to_thread(self._shards.locks.look)  # who is silent loses its shards
            if asyncio.get_running_loop().time() > deadline:
                for task in tasks:
                    task.cancel()

    def _begin_what_fits(self) -> None:
        while self._queue and len(self._runs) < self._concurrency and self._backlog.halt is None:
            turn = heappop(self._queue)
            session_id, number = turn.session_id, shard_of(turn.session_id)
            fence = self._shards.fence(number)
            is_due = self._backlog.turn(session_id) == turn and session_id not in self._runs
            if is_due and fence is not None and self._has(number):
                gate = Gate()
                task = asyncio.create_task(self._work(session_id, gate, fence))
                self._runs[session_id] = Run(task, gate, fence)

    async def _work(self, session_id: UUID, gate: Gate, fence: Fence) -> None:
        """Run a session, and see to it that it is tried again where it did not end."""
        wait_s: float | None = None
        try:
            wait_s = await self._run(session_id, gate, fence)
        except FencedError as error:
            logger.warning("A shard was lost: %s", error)
            self._shards.epochs.pop(shard_of(session_id), None)
        except (ConflictError, UnavailableError) as error:
            wait_s = self._next_wait(session_id)
            logger.info(
                "A session cannot be run now.", extra={"values": _values(session_id, error)}
            )
        except NotFoundError as error:
            logger.warning("A session is gone.", extra={"values": _values(session_id, error)})
        except Exception:
            wait_s = self._next_wait(session_id)
            logger.exception("A session failed.", extra={"values": _values(session_id)})
        finally:
            del self._runs[session_id]
            self._changed.set()
        if session_id in self._answered:
            self._answered.discard(session_id)
            wait_s = 0.0
        if wait_s is not None:
            asyncio.get_running_loop().call_later(wait_s, self._offer, session_id)

    async def _run(self, session_id: UUID, gate: Gate, fence: Fence) -> float | None:
        """Run a session as far as it goes; tell after how many seconds to look at it again."""
        try:
            fold = await self._sessions.work(session_id, fence, gate.before, lambda _: None)
        except NobodyAskedError:
            return 0.0
        except SessionStoppedError as error:
            logger.info("A session was stopped.", extra={"values": _values(session_id, error)})
            return STOP_TIMEOUT_S
        except HaltedError:
            return FIRST_WAIT_S
        self._waits.pop(session_id, None)
        if fold.session.status is SessionStatus.RUNNING:
            return 0.0 if gate.is_closed else self._seconds_parked(fold)
        logger.info(
            "A session has ended.",
            extra={"values": _values(session_id) | {"status": fold.session.status.value}},
        )
        return None

    def _seconds_parked(self, fold: SessionFold) -> float:
        if not rests(fold):
            return PARKED_S
        return min(ASKED_S, seconds_until_due(fold, self._sessions.clock.now()))

    def _next_wait(self, session_id: UUID) -> float:
        wait_s = min(2 * self._waits.get(session_id, FIRST_WAIT_S / 2), MAX_WAIT_S)
        self._waits[session_id] = wait_s
        return wait_s

    def _say(self) -> None:
        now = (len(self._shards.epochs), self._shards.workers)
        if now != self._told:
            self._told = now
            self._tell(*now)

    def _complain(self, message: str) -> None:
        """Log a trouble once, until it is over or another one."""
        if message != self._troubled:
            self._troubled = message
            logger.warning("%s", message)


def read_backlog(log: EventLog) -> Backlog:
    """Read which sessions are to be run now.

    Raises:
        UnavailableError: the database cannot be used.
    """
    backlog, last = Backlog(), log.last_position()
    for recorded in log.read(until=last, types=BACKLOG_TYPES):
        backlog.take_in(recorded)
    backlog.position = last
    return backlog


def _values(session_id: UUID, error: Exception | None = None) -> dict[str, str]:
    values = {"session": str(session_id)}
    return values if error is None else values | {"reason": str(error)}
