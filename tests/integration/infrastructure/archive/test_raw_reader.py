"""Raw reader: what bundles are made of is read the same from the table and from archives."""

from __future__ import annotations

from pathlib import Path

import pytest

from infrastructure.archive.raw_reader import ArchivedRawReader
from infrastructure.integrity.leaf import POSITION, TYPE, RawEvent, number
from infrastructure.integrity.reader import PostgresRawReader
from tests.support.archive import archivable_log, fill_log

WANTED = ("test.1", "test.3")


def positions(events: list[RawEvent]) -> list[int]:
    return [number(event[POSITION]) for event in events]


@pytest.mark.parametrize("until", [0, 1, 299, 300, 301, 640, 700])
def test_events_of_some_types_are_the_same_after_archiving(
    database_url: str, tmp_path: Path, until: int
) -> None:
    with archivable_log(database_url, tmp_path) as log:
        fill_log(log.recorder, 640)
        table = PostgresRawReader(log.pool)
        before = list(table.of_types(WANTED, until))
        log.archiver.run(300)
        reader = ArchivedRawReader(table, log.archived)

        after = list(reader.of_types(WANTED, until))

    assert after == before
    assert positions(after) == sorted(set(positions(after)))
    assert {event[TYPE] for event in after} <= {name.encode() for name in WANTED}
    assert all(place <= until for place in positions(after))
    assert bool(after) == (until > 1)
