"""Lease: the right to run a session, held as an advisory lock of the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any
from uuid import UUID

import psycopg

from application.errors import ConflictError
from infrastructure.database.errors import translated


class SessionHeldError(ConflictError):
    """Another process runs the session."""

    def __init__(self, session_id: UUID) -> None:
        self.session_id = session_id
        super().__init__(
            f"Session {str(session_id)!r} is being run by another process;"
            " wait for it to end, or stop that process."
        )


class PostgresSessionLease:
    """All leases of a process hang on one connection; the server frees them when it dies.

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
        self._take(session_id)
        try:
            yield
        finally:
            self._release(session_id)

    def close(self) -> None:
        """Give up all leases."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _take(self, session_id: UUID) -> None:
        with self._lock, translated():
            if self._connection is None or self._connection.closed:
                self._connection = self._connect()
                self._held.clear()
            row = self._connection.execute(
                "SELECT pg_try_advisory_lock(%s)", (_key(session_id),)
            ).fetchone()
            if session_id in self._held or row is None or not row[0]:
                raise SessionHeldError(session_id)
            self._held.add(session_id)

    def _release(self, session_id: UUID) -> None:
        with self._lock:
            self._held.discard(session_id)
            if self._connection is not None and not self._connection.closed:
                with translated():
                    self._connection.execute("SELECT pg_advisory_unlock(%s)", (_key(session_id),))


def _key(session_id: UUID) -> int:
    return int.from_bytes(session_id.bytes[-8:], "big", signed=True)
