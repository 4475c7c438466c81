"""A file is compared with the table event by event."""

from __future__ import annotations

import pytest

from infrastructure.archive.errors import ArchivingError
from infrastructure.archive.making import Comparison
from infrastructure.integrity.leaf import RawEvent, integer

EVENTS: list[RawEvent] = [(integer(position, 8), b"event", None) for position in range(1, 8)]


def compare(file: list[RawEvent], table: list[RawEvent]) -> None:
    comparison = Comparison(table)
    for at in range(0, len(file), 3):
        comparison.take(file[at : at + 3])
    comparison.finish()


def test_equal_events_are_equal() -> None:
    compare(EVENTS, EVENTS)
    compare([], [])


@pytest.mark.parametrize("place", range(len(EVENTS)))
def test_the_first_position_that_differs_is_named(place: int) -> None:
    changed = [*EVENTS]
    changed[place] = (EVENTS[place][0], b"event", b"")

    with pytest.raises(ArchivingError, match=f"Position {place + 1} is not the same") as caught:
        compare(changed, EVENTS)
    assert caught.value.position == place + 1
    with pytest.raises(ArchivingError, match=f"Position {place + 1} is not the same"):
        compare(EVENTS, changed)


@pytest.mark.parametrize("length", range(len(EVENTS)))
def test_events_that_only_one_side_has_are_named(length: int) -> None:
    with pytest.raises(ArchivingError, match=f"Position {length + 1} is not in the archive"):
        compare(EVENTS[:length], EVENTS)
    with pytest.raises(ArchivingError, match=f"Position {length + 1} is not the same"):
        compare(EVENTS, EVENTS[:length])
