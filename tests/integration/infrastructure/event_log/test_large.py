"""Sizes: large events, large appends, and the limits of a batch."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.errors import BadRequestError
from infrastructure.database import Connection
from infrastructure.event_log import sql
from infrastructure.event_log.errors import AppendTooLargeError, EventTooLargeError
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.event_log.writer import (
    MAX_BATCH_BYTES,
    MAX_BATCH_EVENTS,
    Append,
    Ticket,
    _take_batch,
)
from tests.support.event_log import IDS, a_stream, an_event, recorder_on
from tests.support.processes import eventually

MB = 1_000_000


def noise(size: int) -> bytes:
    """Make bytes that no compression makes smaller."""
    return random.Random(size).randbytes(size)  # noqa: S311 - no secrets


def test_an_event_of_5_mb_is_recorded_byte_for_byte(recorder: PostgresEventRecorder) -> None:
    logged = recorder.append([an_event(), an_event(payload=noise(5 * MB)), an_event()])
    assert list(recorder.select_log()) == logged
    assert recorder.append(logged) == logged


def test_a_save_of_50_000_events_is_one_append(recorder: PostgresEventRecorder) -> None:
    events = a_stream(50_000)
    logged = recorder.append(events)
    assert [event.position for event in logged] == list(range(1, 50_001))
    assert len({event.recorded_at for event in logged}) == 1
    read = list(recorder.select_log())
    assert [event.enveloped.event_id for event in read] == [e.enveloped.event_id for e in events]
    assert [event.position for event in recorder.append(events)] == list(range(1, 50_001))


def test_an_event_of_64_mb_is_refused_in_plain_words_and_recorded_where_it_may_be(
    recorder: PostgresEventRecorder, database_url: str
) -> None:
    event = an_event(payload=noise(64 * MB))
    with pytest.raises(EventTooLargeError) as refusal:
        recorder.append([an_event(), event])
    assert (refusal.value.size, refusal.value.limit) == (64 * MB, 16 * MB)
    assert "has a payload of 64,000,000 bytes, but the log takes up to 16,000,000" in str(
        refusal.value
    )
    assert "HANSARD_MAX_EVENT_BYTES" in str(refusal.value)
    assert isinstance(refusal.value, BadRequestError)
    assert recorder.max_notification_id() is None

    with recorder_on(database_url, max_event_bytes=64 * MB) as generous:
        [logged] = generous.append([event])
        [read] = generous.select_log()
    assert read == logged
    assert read.state == event.state


def test_an_append_that_no_message_holds_is_refused_before_it_is_sent(
    recorder: PostgresEventRecorder,
) -> None:
    payload = bytes(16 * MB)
    events = a_stream(32, payload=payload)
    with pytest.raises(AppendTooLargeError) as refusal:
        recorder.append(events)
    assert "32 events of 512," in str(refusal.value)
    assert "takes up to 500,000,000" in str(refusal.value)
    assert isinstance(refusal.value, BadRequestError)
    assert recorder.max_notification_id() is None


@pytest.mark.parametrize("sizes", [(9 * MB, 10, 10), (10, 9 * MB, 10, 9 * MB), (10, 10, 9 * MB)])
def test_what_stands_beside_large_events_is_read_too(
    recorder: PostgresEventRecorder, sizes: tuple[int, ...]
) -> None:
    logged = [
        *recorder.append([an_event(payload=bytes(size)) for size in sizes]),
        *recorder.append(a_stream(2500)),
        *recorder.append([an_event(payload=bytes(size)) for size in sizes]),
    ]
    assert list(recorder.select_log()) == logged
    assert list(recorder.select_log(after=1, limit=2600)) == logged[1:2601]


def test_appends_around_the_limits_of_a_batch_are_recorded_whole_and_in_order(
    recorder: PostgresEventRecorder, connection: Connection
) -> None:
    shapes = [
        (1, MB + 1),
        (MAX_BATCH_EVENTS, 1),
        (1, 1),
        (MAX_BATCH_EVENTS + 1, 1),
        (1, MB // 2),
        (1, MB // 2),
        (MAX_BATCH_EVENTS - 1, 1),
        (1, 1),
        (1, MB),
        (2 * MAX_BATCH_EVENTS, 2),
    ]
    appends = [a_stream(events, payload=noise(size)) for events, size in shapes]
    with ThreadPoolExecutor(len(appends) + 1) as threads:
        connection.execute("SELECT pg_advisory_lock(%s)", (sql.LOCK_KEY,))
        waiting = [threads.submit(recorder.append, [an_event()])]
        eventually(lambda: recorder._writer._writing)
        for append in appends:
            waiting.append(threads.submit(recorder.append, append))
            eventually(lambda: len(recorder._writer._queue) == len(waiting) - 1)
        connection.execute("SELECT pg_advisory_unlock(%s)", (sql.LOCK_KEY,))
        logged = [event for future in waiting for event in future.result()]
    assert [event.position for event in logged] == list(range(1, len(logged) + 1))
    assert list(recorder.select_log()) == logged


appends = st.builds(
    lambda events, size, known: (events, size, known),
    st.sampled_from([1, 1, 2, 100, 499, 500, 501, 2000]),
    st.sampled_from([10, 1000, MB // 2, MB - 1, MB, MB + 1, 64 * MB]),
    st.integers(0, 6),
)


@given(st.lists(appends, max_size=12))
def test_batches_keep_order_and_limits_and_hold_no_event_twice(
    shapes: list[tuple[int, int, int]],
) -> None:
    names = [IDS.new() for _ in range(7)]
    queue = deque(
        Ticket(Append(frozenset([names[known]]), [b""] * events, size), Lock())
        for events, size, known in shapes
    )
    expected = list(queue)
    batches = list(_batches(queue))
    assert [ticket for batch in batches for ticket in batch] == expected
    for batch in batches:
        held = [ticket.append for ticket in batch]
        assert len(batch) == 1 or sum(len(a.entries) for a in held) <= MAX_BATCH_EVENTS
        assert len(batch) == 1 or sum(a.size for a in held) <= MAX_BATCH_BYTES
        assert len(frozenset[object]().union(*(a.event_ids for a in held))) == len(batch)


def _batches(queue: deque[Ticket]) -> Iterator[list[Ticket]]:
    while queue:
        yield _take_batch(queue)
