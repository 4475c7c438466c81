"""Lease: the right to run a session, held as an advisory lock of the database."""

from __future__ import annotations

import asyncio
import os
import platform
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from threading import Lock
from time import monotonic, sleep
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from application.coalescing import Coalescer
from application.errors import ConflictError
from infrastructure.database.connection import NOTICE_DEATH
from infrastructure.database.errors import translated
from infrastructure.event_log.stop_requests import CHANNEL, EVERY, StopListener, stop_message

# In this order: what is given back may be taken again in the same moment.
GIVE_AND_TAKE = """
SELECT pg_advisory_unlock(key) FROM unnest(%b::bigint[]) AS key
UNION ALL
SELECT pg_try_advisory_lock(key) FROM unnest(%b::bigint[]) AS key
"""

# The user's own name for the program stays in front; the server cuts what is longer than it keeps.
BEGIN = f"""
SELECT {NOTICE_DEATH},
       set_config('application_name', current_setting('application_name') || %(process)s, false)
"""

IDLE = "SELECT set_config('idle_session_timeout', %(idle)s, false)"

ASK = "SELECT pg_notify(%(channel)s, %(message)s)"

# A key of 64 bits stands in two columns. Of other users' connections all but the name is hidden.
HOLDER = """
SELECT lock.pid, holder.application_name, host(holder.client_addr)
FROM pg_locks AS lock LEFT JOIN pg_stat_activity AS holder USING (pid)
WHERE lock.locktype = 'advisory' AND lock.objsubid = 1 AND lock.granted
  AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND ((lock.classid::bigint << 32) | lock.objid::bigint) = %(key)s
"""

LOOK_S = 0.05
"""Seconds between two looks at whether a session that is to stop has become free."""

ASK_AGAIN_S = 1.0
"""Seconds after which a holder is asked again: it may have taken the session just now."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a session, as far as the database shows it.

    Attributes:
        backend: process of the server that serves the holder.
        application: name of the holder's connection, with its process and machine.
        address: network address it connects from; None on the server's own machine, and where it is
            hidden.
    """

    backend: int
    application: str | None
    address: str | None

    def __str__(self) -> str:
        where = f" from {self.address}" if self.address else ""
        return f"{self.application or 'a process'} (server process {self.backend}{where})"


class SessionHeldError(ConflictError):
    """The session is being run.

    Attributes:
        holder: who runs it; None when that has just ended.
    """

    def __init__(self, session_id: UUID, holder: Holder | None) -> None:
        self.session_id = session_id
        self.holder = holder
        by = "" if holder is None else f" by {holder}"
        super().__init__(
            f"Session {str(session_id)!r} is being run already{by}:"
            " wait for it to end, or stop the process that runs it."
        )


class SessionNotStoppedError(ConflictError):
    """The process that runs a session was asked to stop, and has not.

    Attributes:
        holder: who still runs it.
    """

    def __init__(self, session_id: UUID, holder: Holder, timeout_s: float) -> None:
        self.session_id = session_id
        self.holder = holder
        super().__init__(
            f"Session {str(session_id)!r} is still run by {holder}, which was asked to stop and has"
            f" not within {timeout_s:g} s: try again, or end that process yourself."
        )


OnStop = Callable[[str], None]
"""Is told who asks for a stop."""


class Ask(NamedTuple):
    """The wish to hold a session from now on, or not any longer."""

    session_id: UUID
    take: bool
    on_stop: OnStop | None = None


class PostgresSessionLease:
    """All leases of a process hang on one connection; the server frees them when it dies.

    When the connection breaks while the process lives, the server frees them too. They are taken
    again with the next connection, as far as nobody else has them by then; what a process without
    its lease still appends is stopped by the versions of the streams.

    Requests to stop come in on the same connection, so that whoever holds a session also hears.

    Args:
        connect: opens a connection in autocommit mode.
        idle_s: seconds of silence after which the server frees the leases of a process that hangs;
            `assure` breaks it. Without it only the end of the process or of the network does.
    """

    def __init__(
        self, connect: Callable[[], psycopg.Connection[Any]], idle_s: int | None = None
    ) -> None:
        self._connect = connect
        self._idle_s = idle_s
        self._connection: psycopg.Connection[Any] | None = None
        self._held: dict[UUID, OnStop | None] = {}
        self._lock = Lock()
        self._listener = StopListener(self._lock, self._asked_to_stop)
        self._asks: Coalescer[Ask, None] = Coalescer(self._settle, "hansard-lease")

    @contextmanager
    def hold(self, session_id: UUID, on_stop: OnStop | None = None) -> Iterator[None]:
        """Hold a session while the context lasts; see the port."""
        [refusal] = self._settle([Ask(session_id, True, on_stop)])
        if refusal is not None:
            raise refusal
        try:
            yield
        finally:
            self._settle([Ask(session_id, False)])

    @asynccontextmanager
    async def hold_async(
        self, session_id: UUID, on_stop: OnStop | None = None
    ) -> AsyncIterator[None]:
        """Hold a session while the context lasts; those who come at once share a statement."""
        taking = asyncio.ensure_future(self._asks.ask(Ask(session_id, True, on_stop)))
        try:
            await asyncio.shield(taking)
        except asyncio.CancelledError:
            [refusal] = await asyncio.gather(taking, return_exceptions=True)
            if refusal is None:
                await self._asks.ask(Ask(session_id, False))
            raise
        try:
            yield
        finally:
            await asyncio.shield(self._asks.ask(Ask(session_id, False)))

    def request_stop(self, session_id: UUID, timeout_s: float) -> None:
        """Ask the process that holds a session to stop; see the port."""
        message = stop_message(session_id, _this_process())
        deadline, asked = monotonic() + timeout_s, -ASK_AGAIN_S
        with translated(), closing(self._connect()) as connection:
            while (holder := _holder(connection, session_id)) is not None:
                now = monotonic()
                if now - asked >= ASK_AGAIN_S:
                    connection.execute(ASK, {"channel": CHANNEL, "message": message})
                    asked = now
                if now >= deadline:
                    raise SessionNotStoppedError(session_id, holder, timeout_s)
                sleep(LOOK_S)

    def request_stop_of_all(self) -> None:
        """Ask every process to stop what it runs; see the port."""
        message = stop_message(EVERY, _this_process())
        with translated(), closing(self._connect()) as connection:
            connection.execute(ASK, {"channel": CHANNEL, "message": message})

    def assure(self) -> None:
        """Let the server know that this process is well, if it holds anything.

        Raises:
            UnavailableError: the database cannot be used.
        """
        with self._lock, translated():
            if self._connection is None:
                return
            try:
                self._connected().execute("")
            except psycopg.OperationalError:  # it broke since it was last used
                self._connected()

    def close(self) -> None:
        """Give up all leases."""
        self._asks.close()
        self._listener.close()
        with self._lock:
            if self._connection is not None:
                self._connection.close()

    def _asked_to_stop(self, session_id: UUID | None, by: str) -> None:
        asked = [*self._held.values()] if session_id is None else [self._held.get(session_id)]
        for on_stop in asked:
            if on_stop is not None:
                on_stop(by)

    def _settle(self, asks: Sequence[Ask]) -> list[Exception | None]:
        """Give back and take what is asked for; an answer that is an error says why not."""
        given = [ask.session_id for ask in asks if not ask.take]
        with self._lock, translated():
            for session_id in given:
                del self._held[session_id]
            mine: dict[UUID, Ask] = {}
            for ask in asks:
                if ask.take and ask.session_id not in self._held:
                    mine.setdefault(ask.session_id, ask)
            taken = self._give_and_take(given, list(mine))
            self._held.update({key: mine[key].on_stop for key in taken})
            return [
                None
                if not ask.take or (ask.session_id in taken and mine[ask.session_id] is ask)
                else SessionHeldError(ask.session_id, _holder(self._connected(), ask.session_id))
                for ask in asks
            ]

    def _give_and_take(self, given: list[UUID], wanted: list[UUID]) -> set[UUID]:
        if not wanted and (self._connection is None or self._connection.closed):
            return set()
        try:
            return _give_and_take(self._connected(), given, wanted)
        except psycopg.OperationalError:  # it broke since it was last used, and holds nothing
            return _give_and_take(self._connected(), [], wanted) if wanted else set()

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = self._connect()
            self._connection.execute(BEGIN.encode(), {"process": f" {_this_process()}"})
            if self._idle_s is not None:
                self._connection.execute(IDLE, {"idle": f"{self._idle_s}s"})
            self._listener.listen(self._connection)
            _give_and_take(self._connection, [], list(self._held))
        return self._connection


def _give_and_take(
    connection: psycopg.Connection[Any], given: list[UUID], wanted: list[UUID]
) -> set[UUID]:
    values = [[_key(session_id) for session_id in each] for each in (given, wanted)]
    rows = connection.execute(GIVE_AND_TAKE, values).fetchall()
    return {key for key, (done,) in zip(wanted, rows[len(given) :], strict=True) if done}


def _holder(connection: psycopg.Connection[Any], session_id: UUID) -> Holder | None:
    row = connection.execute(HOLDER, {"key": _key(session_id)}).fetchone()
    return None if row is None else Holder(*row)


def _this_process() -> str:
    return f"process {os.getpid()} on {platform.node() or 'an unnamed machine'}"


def _key(session_id: UUID) -> int:
    """Take the random end of the id: leases of two sessions do not meet."""
    return int.from_bytes(session_id.bytes[-8:], "big", signed=True)
