"""Lease: the right to run a session, held as an advisory lock of the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any
from uuid import UUID

import psycopg

from application.errors import ConflictError
from infrastructure.database.connection import NOTICE_DEATH
from infrastructure.database.errors import translated

TAKE = "SELECT pg_try_advisory_lock(%s)"
GIVE = "SELECT pg_advisory_unlock(%s)"


class SessionHeldError(ConflictError):
    """The session is being run."""

    def __init__(self, session_id: UUID) -> None:
        self.session_id = session_id
        super().__init__(
            f"Session {str(session_id)!r} is being run already:"
            " wait for it to end, or stop the process that runs it."
        )


class PostgresSessionLease:
    """All leases of a process hang on one connection; the server frees them when it dies.

    When the connection breaks while the process lives, the server frees them too. They are taken
    again with the next connection, as far as nobody else has them by then; what a process without
    its lease still appends is stopped by the versions of the streams.

    Args:
        connect: opens a connection in autocommit mode.
    """

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]]) -> None:
        self._connect = connect
        self._connection: psycopg.Connection[Any] | None = None
        self._held: set[UUID] = set()
        self._lock = Lock()

    @contextmanager
    def hold(self, session_id: UUID) -> Iterator[None]:
        """Hold a session while the context lasts; see the port."""
        with self._lock, translated():
            if session_id in self._held or not self._take(session_id):
                raise SessionHeldError(session_id)
            self._held.add(session_id)
        try:
            yield
        finally:
            with self._lock:
                self._held.discard(session_id)
                self._give(session_id)

    def close(self) -> None:
        """Give up all leases."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()

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
            self._connection.execute(f"SELECT {NOTICE_DEATH}".encode())
            for session_id in self._held:
                _try_lock(self._connection, session_id)
        return self._connection


def _try_lock(connection: psycopg.Connection[Any], session_id: UUID) -> bool:
    row = connection.execute(TAKE, (_key(session_id),)).fetchone()
    return row is not None and bool(row[0])


def _key(session_id: UUID) -> int:
    """Take the random end of the id: leases of two sessions do not meet."""
    return int.from_bytes(session_id.bytes[-8:], "big", signed=True)
