"""Companions: the tables that serve the log must agree with it, though nothing is signed of them.

`event_ids` says where each event id stands and `stream_heads` which version each stream is at. If
they were changed, appends would be taken for repeated ones, or versions could repeat.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

from application.integrity import Finding, FindingKind
from infrastructure.database.errors import translated
from infrastructure.integrity import sql

if TYPE_CHECKING:
    import psycopg
    from psycopg_pool import ConnectionPool

STEP = 50_000
PAGE = 5_000

NIL = UUID(int=0)


def check_companions(
    pool: ConnectionPool[Any], since: int, last: int, versions: Mapping[bytes | None, int]
) -> Iterator[Finding]:
    """Compare the companions with the log.

    Args:
        since: position after which they are compared; 0 for the whole log.
        last: position up to which they are.
        versions: newest version of each stream that has an event among these.
    """
    with translated(), pool.connection() as connection:
        row = connection.execute(sql.STRAY, (sql.LOG,)).fetchone()
        if row and row[0] is not None:
            message = f"Position {row[0]} is there, and positions begin at 1."
            yield Finding(kind=FindingKind.INSERTED, position=row[0], message=message)
    yield from _check_ids(pool, since, last)
    yield from _check_heads(pool, last, versions, whole=since == 0)


def check_heads_of(
    connection: psycopg.Connection[Any], versions: Mapping[bytes | None, int]
) -> Iterator[UUID]:
    """Name the streams that have lost their newest events, out of those that are given."""
    streams = [UUID(bytes=stream) for stream in versions if stream is not None]
    for stream, head in connection.execute(sql.HEADS_OF, (sql.LOG, streams)).fetchall():
        if head > versions[stream.bytes] and _newest_version(connection, stream) < head:
            yield stream


def _check_ids(pool: ConnectionPool[Any], since: int, last: int) -> Iterator[Finding]:
    for after in range(since, last, STEP):
        with translated(), pool.connection() as connection:
            until = min(after + STEP, last)
            row = connection.execute(sql.MISNAMED, (sql.LOG, after, until)).fetchone()
        if row and row[0] is not None:
            message = f"hansard.event_ids does not know the event at position {row[0]}, or wrongly."
            yield Finding(kind=FindingKind.INDEX, position=row[0], message=message)
            return
    if since:
        return
    with translated(), pool.connection() as connection:
        row = connection.execute(sql.COUNT_IDS, (sql.LOG, last)).fetchone()
    count = row[0] if row else 0
    if count != last:
        message = f"hansard.event_ids has {count} ids for {last} events."
        yield Finding(kind=FindingKind.INDEX, position=last, message=message)


def _check_heads(
    pool: ConnectionPool[Any], last: int, versions: Mapping[bytes | None, int], *, whole: bool
) -> Iterator[Finding]:
    met = 0
    for page in _all_heads(pool) if whole else _heads_of(pool, versions):
        for stream, head in page:
            known = versions.get(stream.bytes)
            met += known is not None
            if known == head:
                continue
            with translated(), pool.connection() as connection:
                newest = _newest_version(connection, stream)
            if head < (known or 0) or head > newest:  # the stream may have grown meanwhile
                yield _false_head(stream, head, known, last)
                return
    if met < len(versions):
        message = f"hansard.stream_heads knows {met} of {len(versions)} streams."
        yield Finding(kind=FindingKind.INDEX, position=last, message=message)


def _all_heads(pool: ConnectionPool[Any]) -> Iterator[list[tuple[UUID, int]]]:
    after, is_full = NIL, True
    while is_full:
        with translated(), pool.connection() as connection:
            page = connection.execute(sql.HEADS, (sql.LOG, after, PAGE), binary=True).fetchall()
        yield page
        is_full = len(page) == PAGE
        after = page[-1][0] if page else NIL


def _heads_of(
    pool: ConnectionPool[Any], streams: Iterable[bytes | None]
) -> Iterator[list[tuple[UUID, int]]]:
    rest = iter([UUID(bytes=stream) for stream in streams if stream is not None])
    while chunk := list(islice(rest, PAGE)):
        with translated(), pool.connection() as connection:
            yield connection.execute(sql.HEADS_OF, (sql.LOG, chunk), binary=True).fetchall()


def _false_head(stream: UUID, head: int, known: int | None, last: int) -> Finding:
    found = f"version {known}" if known is not None else "no event"
    return Finding(
        kind=FindingKind.INDEX,
        position=last,
        message=(
            f"hansard.stream_heads has stream {str(stream)!r} at version {head}, but the log has"
            f" {found} of it."
        ),
    )


def _newest_version(connection: psycopg.Connection[Any], stream: UUID) -> int:
    row = connection.execute(sql.NEWEST_VERSION, (sql.LOG, stream)).fetchone()
    return -1 if row is None or row[0] is None else row[0]
