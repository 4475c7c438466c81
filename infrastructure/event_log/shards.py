"""Shard locks: advisory locks of the database on one connection, which go when its process dies."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from threading import Lock
from typing import Any

import psycopg

from application.ports import Standing
from infrastructure.database.connection import NOTICE_DEATH
from infrastructure.database.errors import translated

NAMESPACE = 0x53484152
"""First half of the keys (`SHAR` in ASCII); the second one is the shard's number."""

PRESENCE = -1
"""In place of a number: every worker shares this lock as long as it lives."""

IDLE_S = 10
"""Seconds of silence after which the server takes the locks of a worker that hangs."""

BEGIN = f"""
SELECT {NOTICE_DEATH}, set_config('idle_session_timeout', '{IDLE_S}s', false),
       pg_advisory_lock_shared({NAMESPACE}, {PRESENCE})
"""

# Everybody sees all locks. Who has the presence is a worker; their order is that of their server
# processes, which is the same for all of them.
WORKERS = f"""
SELECT array_agg(pid ORDER BY pid), pg_backend_pid() FROM pg_locks
WHERE locktype = 'advisory' AND objsubid = 2 AND granted
  AND classid = {NAMESPACE} AND objid::bigint = {PRESENCE & 0xFFFFFFFF}
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""  # noqa: S608 - built from constants of this module

# Tried one after the other, and no more than are wanted: LIMIT ends the scan.
TAKE = f"""
SELECT number FROM unnest(%(numbers)s::integer[]) WITH ORDINALITY AS wanted (number, n)
WHERE pg_try_advisory_lock({NAMESPACE}, number) LIMIT %(most)s
"""  # noqa: S608 - built from constants of this module

GIVE = f"""
SELECT pg_advisory_unlock({NAMESPACE}, number) FROM unnest(%(numbers)s::integer[]) AS number
"""  # noqa: S608 - built from constants of this module


class PostgresShardLocks:
    """The locks of one worker; when its connection breaks, it holds nothing any more.

    It has to be looked at more often than every `IDLE_S` seconds: the server frees what a process
    holds that hangs.

    Args:
        connect: opens a connection in autocommit mode.
        assure: says something on another connection of the worker that must not be silent either.
    """

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection[Any]],
        assure: Callable[[], None] = lambda: None,
    ) -> None:
        self._connect = connect
        self._assure = assure
        self._connection: psycopg.Connection[Any] | None = None
        self._held: set[int] = set()
        self._lock = Lock()

    @property
    def held(self) -> frozenset[int]:
        """Numbers of the shards that this worker holds; see the port."""
        return frozenset(self._held)

    def look(self) -> Standing:
        """See who else there is, and what is still held; see the port."""
        with self._lock, translated():
            try:
                workers, own = self._ask(WORKERS)[0]
            except psycopg.OperationalError:  # it broke since it was last used
                workers, own = self._ask(WORKERS)[0]
            self._assure()
            return Standing(len(workers), workers.index(own), frozenset(self._held))

    def take(self, numbers: Sequence[int], most: int) -> Sequence[int]:
        """Take shards that nobody holds; see the port."""
        with self._lock, translated():
            rows = self._ask(TAKE, {"numbers": list(numbers), "most": most})
            taken = [number for (number,) in rows]
            self._held.update(taken)
            return taken

    def give(self, numbers: Collection[int]) -> None:
        """Let others take shards; see the port."""
        with self._lock, translated():
            given = [number for number in numbers if number in self._held]
            if given:
                self._ask(GIVE, {"numbers": given})
                self._held.difference_update(given)

    def close(self) -> None:
        """Give everything up, and be no worker any more."""
        with self._lock:
            self._held.clear()
            if self._connection is not None:
                self._connection.close()

    def _ask(self, statement: str, values: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        try:
            if self._connection is None or self._connection.closed:
                self._held.clear()
                self._connection = self._connect()
                self._connection.execute(BEGIN.encode())
            return self._connection.execute(statement.encode(), values).fetchall()
        except psycopg.OperationalError:
            self._held.clear()
            if self._connection is not None:
                self._connection.close()
            raise
