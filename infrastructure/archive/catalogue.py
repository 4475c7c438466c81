"""Catalogue: which positions of the log are in which file."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from infrastructure.archive import sql
from infrastructure.database.errors import translated

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool


class Archive(NamedTuple):
    """A file that holds a range of the log; a row of `hansard.archives`.

    Attributes:
        file: path below the folder of archives.
        size: bytes of the file.
        recorded_until: when its last event was recorded.
    """

    first: int
    last: int
    file: str
    sha256: bytes
    size: int
    recorded_until: datetime


class ArchiveCatalogue:
    """The archives of a log; they only grow, so what was read of the list stays true.

    Args:
        pool: connections in autocommit mode.
    """

    def __init__(self, pool: ConnectionPool[Any]) -> None:
        self._pool = pool
        self._known: tuple[Archive, ...] = ()

    def archives(self) -> tuple[Archive, ...]:
        """List the archives there are now, by position and without a gap."""
        known = self._known
        rows = self._select(sql.ARCHIVES, (sql.LOG, known[-1].first if known else 0))
        if rows:
            self._known = known = (*known, *(Archive(*row) for row in rows))
        return known

    def overlapping(self, after: int, until: int) -> list[Archive]:
        """List the archives that hold positions after one and up to another."""
        return [one for one in self.archives() if one.last > after and one.first <= until]

    def holding_session(self, session_id: UUID, after: int) -> list[Archive]:
        """List the archives that hold events of a session after a position."""
        return self._holding(sql.HOLDING_SESSION, (sql.LOG, session_id, after))

    def holding_stream(self, stream: UUID | str, after: int, above: int) -> list[Archive]:
        """List the archives that hold events of a stream after a position and above a version."""
        return self._holding(sql.HOLDING_STREAM, (sql.LOG, stream, after, above))

    def _holding(self, statement: str, parameters: tuple[Any, ...]) -> list[Archive]:
        lasts = {row[0] for row in self._select(statement, parameters)}
        return [one for one in self.archives() if one.last in lasts] if lasts else []

    def _select(self, statement: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with translated(), self._pool.connection() as connection:
            rows = connection.execute(statement, parameters, binary=True)
            return list(rows)
