"""Reader: events as the raw bytes that leaves are made of, straight from the protocol.

PostgreSQL's binary format is already that of a leaf, but for times, which it counts from the year
2000. So no value is decoded: 200,000 events/s on one core, where decoding them allows half.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from psycopg import postgres
from psycopg.types.string import ByteaBinaryLoader

from application.errors import IntegrityError
from infrastructure.database.errors import translated
from infrastructure.integrity import sql
from infrastructure.integrity.leaf import PAYLOAD, POSITION, RawEvent, integer, number

if TYPE_CHECKING:
    import psycopg
    from psycopg_pool import ConnectionPool

PAGE_EVENTS = 4_000
PAGE_BYTES = 16_000_000

COLUMN_TYPES = (
    *("int8", "uuid", "int4", "uuid", "text", "int2", "text", "uuid", "text", "uuid", "uuid"),
    *("text", "text", "timestamptz", "timestamptz", "bytea"),
)
"""Types of the columns; values of other types could pretend to be a leaf that they are not."""

EPOCH_2000 = 946_684_800_000_000
"""PostgreSQL's first moment in microseconds since 1970."""

WORD = (1 << 64) - 1


class RawReader(Protocol):
    """Reads the log, wherever its events are kept."""

    def pages(self, after: int, until: int) -> Iterator[list[RawEvent]]:
        """Read events by position, page by page; a page may be empty where positions are missing.

        Args:
            after: position before the first one wanted.
            until: position of the last one wanted.
        """
        ...

    def session(self, session_id: UUID) -> Iterator[RawEvent]:
        """Read the events of a session by position."""
        ...

    def of_types(self, types: Collection[str], until: int) -> Iterator[RawEvent]:
        """Read the events of some types by position, up to one."""
        ...

    def last_position(self) -> int:
        """Tell the highest position; 0 for an empty log."""
        ...


class PostgresRawReader:
    """Reads the table; no connection is held between two pages."""

    def __init__(self, pool: ConnectionPool[Any]) -> None:
        self._pool = pool

    def pages(self, after: int, until: int) -> Iterator[list[RawEvent]]:
        """Read events by position; see the protocol."""
        if after >= until:
            return
        page, after = self._page(after, until)
        with ThreadPoolExecutor(1) as threads:
            while after < until:  # while one page is looked at, the next is on its way
                ahead = threads.submit(self._page, after, until)
                yield page
                page, after = ahead.result()
        yield page

    def _page(self, after: int, until: int) -> tuple[list[RawEvent], int]:
        with translated(), self._pool.connection() as connection:
            return read_page(connection, after, until)

    def session(self, session_id: UUID) -> Iterator[RawEvent]:
        """Read the events of a session by position; see the protocol."""
        return self._select(sql.SESSION_PAGE, {"session": session_id})

    def of_types(self, types: Collection[str], until: int) -> Iterator[RawEvent]:
        """Read the events of some types by position; see the protocol."""
        return self._select(sql.TYPES_PAGE, {"types": sorted(types), "until": until})

    def _select(self, statement: str, wanted: dict[str, Any]) -> Iterator[RawEvent]:
        limits = {"log": sql.LOG, "limit": PAGE_EVENTS, "bytes": PAGE_BYTES}
        after = 0
        while True:
            parameters = {**wanted, **limits, "after": after}
            with translated(), self._pool.connection() as connection:
                page = _fetch(connection, statement, parameters)
            yield from page
            if not page:
                return
            after = number(page[-1][POSITION])

    def last_position(self) -> int:
        """Tell the highest position; see the protocol."""
        with translated(), self._pool.connection() as connection:
            return last_position(connection)


def read_leaf_hashes(
    connection: psycopg.Connection[Any], after: int, until: int
) -> tuple[list[bytes], int | None]:
    """Let the database hash the leaves of events; what it says is verified later by other code.

    Returns:
        The hashes, and the first position that is missing or there twice; None for none.
    """
    parameters = {"log": sql.LOG, "after": after, "until": until}
    rows = connection.execute(sql.LEAF_HASHES, parameters, binary=True).fetchall()
    wanted = range(after + 1, until + 1)
    if [position for position, _ in rows] == list(wanted):
        return [found for _, found in rows], None
    pairs = zip_longest((position for position, _ in rows), wanted)
    return [], next(place or position for position, place in pairs if position != place)


def read_page(
    connection: psycopg.Connection[Any], after: int, until: int
) -> tuple[list[RawEvent], int]:
    """Read the next events by position.

    Pages are ranges of positions, so that a position that stands in the table twice is seen twice.

    Returns:
        The events, and the position up to which they are all that there are.
    """
    until = min(until, after + PAGE_EVENTS)
    parameters = {"log": sql.LOG, "after": after, "until": until, "bytes": PAGE_BYTES}
    page = _fetch(connection, sql.PAGE, parameters)
    if sum(len(event[PAYLOAD] or b"") for event in page) < PAGE_BYTES:
        return page, until
    last = page[-1][POSITION]  # the page is cut, and perhaps between two events of one position
    whole = [event for event in page if event[POSITION] != last] or page
    return whole, number(whole[-1][POSITION])


def first_break(events: Sequence[RawEvent], position: int) -> int | None:
    """Tell which of some events is the first that does not stand at its place.

    Args:
        position: where the first of them should stand, and the others after it without a gap.
    """
    found = [event[POSITION] for event in events]
    expected = [integer(place, 8) for place in range(position, position + len(found))]
    if found == expected:
        return None
    pairs = zip(found, expected, strict=True)
    return next(place for place, (one, other) in enumerate(pairs) if one != other)


def last_position(connection: psycopg.Connection[Any]) -> int:
    """Tell the highest position; 0 for an empty log."""
    row = connection.execute(sql.LAST_POSITION, (sql.LOG,)).fetchone()
    return (row and row[0]) or 0


def _fetch(
    connection: psycopg.Connection[Any], statement: str, parameters: dict[str, Any]
) -> list[RawEvent]:
    if connection.info.encoding != "utf-8":  # libpq's environment may say otherwise
        connection.execute("SET client_encoding TO 'UTF8'")
    cursor = connection.cursor(binary=True)
    for name in set(COLUMN_TYPES):
        cursor.adapters.register_loader(name, ByteaBinaryLoader)
    cursor.execute(statement, parameters)
    found = [column.type_code for column in cursor.description or ()]
    if found != [postgres.types[name].oid for name in COLUMN_TYPES]:
        raise IntegrityError("The columns of the table hansard.events are not of their types.")
    return [
        (*row[:13], _since_1970(row[13]), _since_1970(row[14]), row[15])
        for row in cursor.fetchall()
    ]


def _since_1970(time: bytes | None) -> bytes | None:
    if time is None:
        return None
    return (int.from_bytes(time, "big") + EPOCH_2000 & WORD).to_bytes(8, "big")
