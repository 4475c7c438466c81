"""Store: tiles and checkpoints in the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from application.errors import IntegrityError
from infrastructure.database.errors import translated
from infrastructure.integrity import sql
from infrastructure.integrity.note import Checkpoint
from infrastructure.integrity.tiles import TILE_BYTES, Tile

if TYPE_CHECKING:
    import psycopg
    from psycopg_pool import ConnectionPool

PAGE = 500


class MissingTileError(IntegrityError):
    """A tile of the tree is not where it should be."""

    def __init__(self, level: int, number: int, place: str) -> None:
        super().__init__(f"Tile {number} of level {level} is missing {place}.")


class StoredCheckpoint(NamedTuple):
    """A row of `hansard.checkpoints`, as it stands there."""

    position: int
    root: bytes
    note: str


def log_id(connection: psycopg.Connection[Any]) -> UUID:
    """Tell the id that the log was given when its tables were made."""
    row = connection.execute(sql.LOG_ID, (sql.LOG,)).fetchone()
    if row is None:
        raise IntegrityError("The table hansard.logs has lost its row: which log is this?")
    found: UUID = row[0]
    return found


def last_checkpoint(connection: psycopg.Connection[Any]) -> Checkpoint | None:
    """Give the newest checkpoint; its signature is not checked.

    Raises:
        NoteError: what stands in its place is none.
    """
    row = connection.execute(sql.LAST_CHECKPOINT, (sql.LOG,)).fetchone()
    return Checkpoint.parse(row[0]) if row else None


def checkpoint_at(connection: psycopg.Connection[Any], position: int) -> Checkpoint | None:
    """Give the checkpoint at a position; None when there is none."""
    row = connection.execute(sql.CHECKPOINT_AT, (sql.LOG, position)).fetchone()
    return Checkpoint.parse(row[0]) if row else None


def checkpoints(pool: ConnectionPool[Any], after: int = 0) -> Iterator[StoredCheckpoint]:
    """Read the checkpoints after a position, oldest first; nothing about them is checked."""
    while True:
        with translated(), pool.connection() as connection:
            rows = connection.execute(sql.CHECKPOINTS, (sql.LOG, after, PAGE), binary=True)
            page = [StoredCheckpoint(*row) for row in rows]
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].position


def add_checkpoint(connection: psycopg.Connection[Any], checkpoint: Checkpoint) -> None:
    """Keep a checkpoint."""
    row = (sql.LOG, checkpoint.size, checkpoint.root, checkpoint.note)
    connection.execute(sql.INSERT_CHECKPOINT, row)


def read_tile(connection: psycopg.Connection[Any], level: int, number: int) -> bytes:
    """Read a full tile.

    Raises:
        MissingTileError: it is not there.
    """
    row = connection.execute(sql.TILE, (sql.LOG, level, number), binary=True).fetchone()
    if row is None or len(row[0]) != TILE_BYTES:
        raise MissingTileError(level, number, "in hansard.tiles")
    tile: bytes = row[0]
    return tile


def read_tiles(
    connection: psycopg.Connection[Any], level: int, start: int, end: int
) -> dict[int, bytes]:
    """Read the full tiles of a level from `start` up to but not including `end`, by number."""
    cursor = connection.execute(sql.TILES, (sql.LOG, level, start, end), binary=True)
    return dict(cursor.fetchall())


def add_tiles(connection: psycopg.Connection[Any], tiles: Sequence[Tile]) -> None:
    """Keep full tiles."""
    if tiles:
        columns = (list(column) for column in zip(*tiles, strict=True))
        connection.execute(sql.INSERT_TILES, (sql.LOG, *columns), binary=True)
