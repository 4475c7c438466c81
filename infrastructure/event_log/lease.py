"""Lease: the right to run a session, held as an advisory lock of the database."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from threading import Lock
from time import monotonic, sleep
from typing import Any
from uuid import UUID

import psycopg

from application.errors import ConflictError
from infrastructure.database.connection import NOTICE_DEATH
from infrastructure.database.errors import translated
from infrastructure.event_log.stop_requests import CHANNEL, StopListener, stop_message

TAKE = "SELECT pg_try_advisory_lock(%s)"
GIVE = "SELECT pg_advisory_unlock(%s)"

# The user's own name for the program stays in front; the server cuts what is longer than it keeps.
BEGIN = f"""
SELECT {NOTICE_DEATH},
       set_config('application_name', current_setting('application_name') || %(process)s, false)
"""

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


class PostgresSessionLease:
    """All leases of a process hang on one connection; the server frees them when it dies.

    When the connection breaks while the process lives, the server frees them too. They are taken
    again with the next connection, as far as nobody else has them by then; what a process without
    its lease still appends is stopped by the versions of the streams.

    Requests to stop come in on the same connection, so that whoever holds a session also hears.

    Args:
        connect: opens a connection in autocommit mode.
    """

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]]) -> None:
        self._connect = connect
        self._connection: psycopg.Connection[Any] | None = None
        self._held: dict[UUID, Callable[[str], None] | None] = {}
        self._lock = Lock()
        self._listener = StopListener(self._lock, self._asked_to_stop)

    @contextmanager
    def hold(
        self, session_id: UUID, on_stop: Callable[[str], None] | None = None
    ) -> Iterator[None]:
        """Hold a session while the context lasts; see the port."""
        with self._lock, translated():
            if session_id in self._held or not self._take(session_id):
                raise SessionHeldError(session_id, _holder(self._connected(), session_id))
            self._held[session_id] = on_stop
        try:
            yield
        finally:
            with self._lock:
                del self._held[session_id]
                self._give(session_id)

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

    def close(self) -> None:
        """Give up all leases."""
        self._listener.close()
        with self._lock:
            if self._connection is not None:
                self._connection.close()

    def _asked_to_stop(self, session_id: UUID, by: str) -> None:
        on_stop = self._held.get(session_id)
        if on_stop is not None:
            on_stop(by)

    def _take(self, session_id: UUID) -> bool:
        try:
            return _try_lock(self._connected(), session_id)
        except psycopg.OperationalError:  # it broke since it was last used
            return _try_lock(self._connected(), session_id)

    def _give(self, session_id: UUID) -> None:
        if self._connection is not None and not self._connection.closed:
            with suppress(psycopg.OperationalError):  # a broken connection holds nothing
                self._connection.execute(GIVE, (_key(session_id),))

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = self._connect()
            self._connection.execute(BEGIN.encode(), {"process": f" {_this_process()}"})
            self._listener.listen(self._connection)
            for session_id in self._held:
                _try_lock(self._connection, session_id)
        return self._connection


def _try_lock(connection: psycopg.Connection[Any], session_id: UUID) -> bool:
    row = connection.execute(TAKE, (_key(session_id),)).fetchone()
    return row is not None and bool(row[0])


def _holder(connection: psycopg.Connection[Any], session_id: UUID) -> Holder | None:
    row = connection.execute(HOLDER, {"key": _key(session_id)}).fetchone()
    return None if row is None else Holder(*row)


def _this_process() -> str:
    return f"process {os.getpid()} on {platform.node() or 'an unnamed machine'}"


def _key(session_id: UUID) -> int:
    """Take the random end of the id: leases of two sessions do not meet."""
    return int.from_bytes(session_id.bytes[-8:], "big", signed=True)
