"""Leaves: what stands in them, and that no two events share one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.event import Envelope
from infrastructure.event_log.logged_event import LoggedEvent
from infrastructure.integrity.leaf import (
    FIELDS,
    FORMAT,
    RawEvent,
    leaf_hashes,
    leaf_of,
    moved,
    number,
    raw_event,
)
from infrastructure.integrity.merkle import leaf_hash

FIXED = {"position": 8, "stream": 16, "version": 4, "event_id": 16, "schema_version": 2}
FIXED |= dict.fromkeys(("session_id", "correlation_id", "causation_id"), 16)
FIXED |= dict.fromkeys(("occurred_at", "recorded_at"), 8)


def field(name: str) -> st.SearchStrategy[bytes | None]:
    width = FIXED.get(name)
    return st.none() | st.binary(min_size=width or 0, max_size=width or 40)


raw_events = st.tuples(*map(field, FIELDS))

EVENT = LoggedEvent(
    originator_id=UUID(int=1),
    originator_version=2,
    topic="task.delegated",
    state=b'{"a":1}',
    envelope=Envelope(
        event_id=UUID(int=3), actor="FIN_007", correlation_id=UUID(int=4), subject="grüß"
    ),
    occurred_at=datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC),
    schema_version=5,
    position=6,
    recorded_at=datetime(2026, 10, 3, 12, tzinfo=UTC),
)


def test_a_leaf_is_written_as_documented() -> None:
    assert leaf_of(raw_event(EVENT)) == b"".join(
        (
            b"hansard-event-v1\n",
            bytes.fromhex("00000008 0000000000000006"),
            bytes.fromhex("00000010 00000000000000000000000000000001"),
            bytes.fromhex("00000004 00000002"),
            bytes.fromhex("00000010 00000000000000000000000000000003"),
            b"\x00\x00\x00\x0etask.delegated",
            bytes.fromhex("00000002 0005"),
            b"\x00\x00\x00\x07default",
            bytes.fromhex("ffffffff"),
            b"\x00\x00\x00\x07FIN_007",
            bytes.fromhex("00000010 00000000000000000000000000000004"),
            bytes.fromhex("ffffffff ffffffff"),
            b"\x00\x00\x00\x06gr\xc3\xbc\xc3\x9f",
            bytes.fromhex("00000008 fffffffffff0bdc0"),
            bytes.fromhex("00000008 00065cee63681000"),
            b'\x00\x00\x00\x07{"a":1}',
        )
    )


@given(st.lists(raw_events, max_size=5))
def test_many_leaves_are_hashed_like_one(events: list[RawEvent]) -> None:
    assert leaf_hashes(events) == [leaf_hash(leaf_of(event)) for event in events]


@given(raw_events)
def test_a_leaf_can_be_read_back_so_no_two_events_share_one(event: RawEvent) -> None:
    rest = leaf_of(event).removeprefix(FORMAT)
    fields: list[Any] = []
    while rest:
        length, rest = rest[:4], rest[4:]
        end = 0 if length == b"\xff" * 4 else int.from_bytes(length, "big")
        fields.append(None if length == b"\xff" * 4 else rest[:end])
        rest = rest[end:]

    assert tuple(fields) == event


@given(st.integers(1, 2**63 - 1))
def test_the_same_event_at_another_position_has_another_leaf(position: int) -> None:
    elsewhere = moved(raw_event(EVENT), position)

    assert number(elsewhere[0]) == position
    assert (leaf_of(elsewhere) == leaf_of(raw_event(EVENT))) == (position == EVENT.position)
