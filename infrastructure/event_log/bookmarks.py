"""Bookmarks: how far somebody who watches the log has come, kept in the database under a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infrastructure.database.errors import translated
from infrastructure.event_log.tracking import TRACK, TRACKED

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

PREFIX = "tail:"
"""Tells bookmarks from applications of the library, whose positions stand in the same table."""

PATIENCE_S = 2.0
"""Seconds to wait for a connection; who cannot store a bookmark now tries again a little later."""


class PostgresBookmarks:
    """Keeps positions that only ever go forward, so that any machine can go on from them.

    Args:
        pool: connections in autocommit mode.
    """

    def __init__(self, pool: ConnectionPool[Any]) -> None:
        self._pool = pool

    def find(self, name: str) -> int | None:
        """Tell the position of a bookmark; None when it is not known.

        Raises:
            UnavailableError: the database cannot be used.
        """
        with translated(), self._pool.connection() as connection:
            row = connection.execute(TRACKED, {"application": PREFIX + name}).fetchone()
        return None if row is None else int(row[0])

    def store(self, name: str, position: int) -> None:
        """Move a bookmark to a position, unless it is there or beyond already.

        Raises:
            UnavailableError: the database cannot be used.
        """
        with translated(), self._pool.connection(PATIENCE_S) as connection:
            connection.execute(TRACK, {"application": PREFIX + name, "position": position})
