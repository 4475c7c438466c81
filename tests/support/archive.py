"""A log whose old partitions can be archived."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

from infrastructure.archive.events import ArchivedEvents
from infrastructure.archive.moving import Archiver
from infrastructure.archive.raw_reader import ArchivedRawReader
from infrastructure.database import (
    Connection,
    DatabasePool,
    connect,
    open_pool,
    prepare_owner,
    prepare_writer,
)
from infrastructure.event_log.mapper import EnvelopedEvent
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.integrity.reader import PostgresRawReader
from infrastructure.integrity.service import LogIntegrity
from tests.support.event_log import IDS, an_event, recorder_on

ODD_TEXTS = (
    *("plain", "", "\\N", "\\\\N", '"', '""', "a,b", ",", " blanks ", "'", "NULL", "\\."),
    *("one\ntwo", "one\r\ntwo", "\r", "\t", "\x01", "\x7f", "\x85", "\u2028", "\ufeff", "ÄÖ 😀"),
)

ODD_PAYLOADS = (b"{}", b"", b"\x00", bytes(range(256)), b"\\x00", b'"\n', b"x" * 300_000)

ODD_TIMES = (
    datetime(2026, 10, 3, 12, 0, 0, 123_457, tzinfo=UTC),
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
)


@dataclass(frozen=True)
class ArchivableLog:
    """A log with everything that reads and archives it.

    Attributes:
        folder: of archives.
    """

    recorder: PostgresEventRecorder
    archiver: Archiver
    archived: ArchivedEvents
    integrity: LogIntegrity
    folder: Path
    pool: DatabasePool


@contextmanager
def archivable_log(
    database_url: str, home: Path, tell: Callable[[str, int, int], None] = lambda *_: None
) -> Iterator[ArchivableLog]:
    """Open a log with connections of its own."""
    folder = home / "archive"
    with (
        open_pool(database_url, prepare=prepare_writer) as pool,
        closing(ArchivedEvents(pool, folder)) as archived,
        recorder_on(database_url, archived=archived) as recorder,
    ):
        reader = ArchivedRawReader(PostgresRawReader(pool), archived)
        integrity = LogIntegrity(pool, home, reader=reader)
        archiver = Archiver(pool, lambda: as_owner(database_url), integrity, folder, tell)
        yield ArchivableLog(recorder, archiver, archived, integrity, folder, pool)


def as_owner(database_url: str) -> Connection:
    """Connect with the rights of the owner of the log."""
    return connect(database_url, autocommit=True, prepare=prepare_owner)


def odd_events(count: int) -> Iterator[EnvelopedEvent]:
    """Make events with all that makes files go wrong: odd texts, bytes and times."""
    sessions, texts = [IDS.new() for _ in range(5)], cycle(ODD_TEXTS)
    payloads, times = cycle(ODD_PAYLOADS), cycle(ODD_TIMES)
    streams = {IDS.new(): number % 2 for number in range(7)}  # some begin at version 0
    for number in range(count):
        stream = [*streams][number * number % 7]
        session_id = sessions[number % 11 % 5] if number % 11 else None
        event = an_event(
            stream,
            streams[stream],
            type=f"test.{number % 4}" if number % 9 else next(texts),
            payload=next(payloads) if number % 50 == 0 else b'{"n": %d}' % number,
            actor=next(texts),
            tenant=next(texts),
            traceparent=next(texts) if number % 3 else None,
            session_id=session_id,
            causation_id=IDS.new() if number % 2 else None,
        )
        streams[stream] += 1
        yield replace(event, occurred_at=next(times))


def fill_log(recorder: PostgresEventRecorder, count: int) -> None:
    """Append odd events, some in one append and some alone."""
    events = list(odd_events(count))
    at, size = 0, 1
    while at < count:
        recorder.append(events[at : at + size])
        at, size = at + size, size % 60 + 7
