"""Partitions: the tables that hold the log, and which of them may be archived."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg.sql import SQL, Composed, Identifier

from infrastructure.archive import sql
from infrastructure.integrity.tiles import whole_tiles

if TYPE_CHECKING:
    import psycopg


class Partition(NamedTuple):
    """A partition of the log.

    Attributes:
        name: of its table, with the schema.
        attached: it is still a part of the table of events, or on its way out.
        leaving: it is on its way out; a run was interrupted.
        archived: its file has taken its place.
        size: bytes it takes in the database, indexes included.
    """

    first: int
    last: int
    name: str
    attached: bool
    leaving: bool
    archived: bool
    size: int

    def named_in(self, statement: str) -> Composed:
        """Put the name of its table into a statement."""
        return SQL(statement).format(partition=Identifier(*self.name.split(".")))


class Due(NamedTuple):
    """Partitions that are old enough to be archived, oldest first.

    Attributes:
        ready: those that can be moved.
        uncovered: those whose newest events are not in a full tile yet.
    """

    ready: list[Partition]
    uncovered: list[Partition]


def partitions(connection: psycopg.Connection[Any]) -> list[Partition]:
    """List the partitions there are, by position."""
    return [Partition(*row) for row in connection.execute(sql.PARTITIONS, (sql.LOG,))]


def due(connection: psycopg.Connection[Any], until: int) -> Due:
    """Tell which partitions hold events up to a position alone, and not the newest of the log.

    Proofs about events in full tiles need no events but those that are to be proven, so that they
    can be given however far the others are.
    """
    row = connection.execute(sql.LAST_POSITION, (sql.LOG,)).fetchone()
    newest: int = row[0] if row else 0
    old = takewhile(lambda one: one.last <= until and one.last < newest, partitions(connection))
    whole = whole_tiles(newest)
    found = Due([], [])
    for partition in old:
        if not partition.archived:
            (found.ready if partition.last <= whole else found.uncovered).append(partition)
    return found
