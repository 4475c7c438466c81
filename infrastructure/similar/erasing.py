"""Erasing: what searches keep beside the items goes when the items go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from infrastructure.similar import sql
from infrastructure.similar.models import tables_of_rows

if TYPE_CHECKING:
    from infrastructure.database import Connection


def erase_rows(connection: Connection, sessions: Sequence[UUID]) -> int:
    """Delete the vectors and dead letters of items of some sessions that are no longer there.

    Whoever embeds them meanwhile has read them before; their batch is waited for. The searches that
    were kept go too, all of them, because nobody knows whom their words are about.

    Returns:
        How many rows were deleted.
    """
    positions: list[int] = []
    with connection.transaction():
        connection.execute(sql.LOCK_ERASING)
        for table in tables_of_rows(connection):
            statement = sql.ERASE_ROWS.format(rows=table).encode()
            deleted = connection.execute(statement, {"sessions": list(sessions)})
            positions += [position for (position,) in deleted]
        connection.execute(sql.ERASE_LETTERS, {"positions": positions})
        connection.execute(sql.FORGET_QUERIES)
    return len(positions)
