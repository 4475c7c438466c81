"""Group writer: whoever appends gets the outcome of their own append, whatever befalls others."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from application.ports import Fence
from infrastructure.database import Connection, connect, open_pool, prepare_writer
from infrastructure.event_log import sql
from infrastructure.event_log.entry_codec import encode_entry
from infrastructure.event_log.errors import (
    FenceBrokenError,
    StoreUnavailableError,
    VersionConflictError,
)
from infrastructure.event_log.logged_event import LoggedEvent
from infrastructure.event_log.mapper import EnvelopedEvent
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.event_log.writer import RECORDED, Append, GroupWriter
from tests.support.event_log import IDS, a_stream, an_event, recorder_on
from tests.support.processes import eventually, guided


@pytest.fixture
def writer(database_url: str) -> Iterator[GroupWriter]:
    """A writer of its own, with the rights of a writer."""
    with closing(writer_on(database_url)) as writer:
        yield writer


def writer_on(database_url: str, appended: Callable[[], object] = lambda: None) -> GroupWriter:
    """Open a writer."""
    opened = partial(connect, database_url, autocommit=True, prepare=prepare_writer)
    return GroupWriter(opened, appended)


def encoded(*events: EnvelopedEvent) -> Append:
    """Encode an append without the recorder's checks."""
    entries = [encode_entry(event) for event in events]
    event_ids = frozenset(event.enveloped.event_id for event in events)
    return Append(event_ids, entries, sum(map(len, entries)))


def poison() -> Append:
    """Make an append that the statement itself fails on: text with a character it cannot hold."""
    append = encoded(an_event(actor="@@@"))
    [entry] = append.entries
    append.entries[0] = entry.replace(b"@@@", b"@\0@")
    return append


@contextmanager
def held_up(connection: Connection) -> Iterator[None]:
    """Keep every append waiting while the context lasts."""
    connection.execute("SELECT pg_advisory_lock(%s)", (sql.LOCK_KEY,))
    try:
        yield
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", (sql.LOCK_KEY,))


def waits_for_the_lock(connection: Connection) -> bool:
    """Tell whether an append waits in the database."""
    row = connection.execute(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    ).fetchone()
    return row == (1,)


def read_positions(recorder: PostgresEventRecorder) -> list[int]:
    """Read the log, and keep the positions alone."""
    return [event.position for event in recorder.select_log()]


def test_one_append_that_the_database_cannot_take_does_not_fail_its_neighbours(
    database_url: str, connection: Connection
) -> None:
    writer = writer_on(database_url)
    good = [encoded(*a_stream(2)) for _ in range(4)]
    with ThreadPoolExecutor(8) as threads, closing(writer):
        with held_up(connection):
            first = threads.submit(writer.append, good[0])
            eventually(lambda: waits_for_the_lock(connection))
            rest = []
            for append in (good[1], poison(), good[2], poison(), good[3]):
                rest.append(threads.submit(writer.append, append))
                eventually(lambda: len(writer._queue) == len(rest))
        recorded = [future.result() for future in (first, rest[0], rest[2], rest[4])]
        for spoilt in (rest[1], rest[3]):
            with pytest.raises(Exception, match="invalid byte sequence"):
                spoilt.result()
    assert [outcome.first for outcome in recorded] == [1, 3, 5, 7]
    assert connection.execute("SELECT count(*) FROM hansard.events").fetchone() == (8,)


def test_a_batch_gives_everybody_the_outcome_of_their_own_append(
    recorder: PostgresEventRecorder, connection: Connection
) -> None:
    known = a_stream(2)
    recorder.append(known)
    stream = IDS.new()
    changed = an_event(event_id=known[0].enveloped.event_id)
    appends = [
        [an_event(stream, 1)],
        [an_event(stream, 1)],
        known,
        [an_event(stream, 2), *a_stream(3)],
        [changed],
        [an_event(stream, 9)],
        [an_event(stream, 3)],
    ]
    with ThreadPoolExecutor(8) as threads, held_up(connection):
        waiting = threads.submit(recorder.append, [an_event()])
        eventually(lambda: waits_for_the_lock(connection))
        futures = []
        for append in appends:
            futures.append(threads.submit(recorder.append, append))
            eventually(lambda: len(recorder._writer._queue) == len(futures))
        connection.execute("SELECT pg_advisory_unlock_all()")
        outcomes = [_said(future) for future in (waiting, *futures)]
        connection.execute("SELECT pg_advisory_lock(%s)", (sql.LOCK_KEY,))
    assert outcomes == [
        [3],
        [4],
        "VersionConflictError",
        [1, 2],
        [5, 6, 7, 8],
        "DuplicateEventError",
        "VersionConflictError",
        [9],
    ]


def _said(future: Future[list[LoggedEvent]]) -> object:
    error = future.exception()
    return type(error).__name__ if error else [event.position for event in future.result()]


def test_a_cancelled_caller_takes_nothing_back_and_harms_nobody(
    recorder: PostgresEventRecorder, connection: Connection
) -> None:
    events = a_stream(3)

    async def scenario() -> None:
        with held_up(connection):
            tasks = [asyncio.create_task(recorder.append_async([event])) for event in events]
            await asyncio.to_thread(eventually, lambda: waits_for_the_lock(connection))
            tasks[0].cancel()
            tasks[1].cancel()
            for task in tasks[:2]:
                with pytest.raises(asyncio.CancelledError):
                    await task
        assert [event.position for event in await tasks[2]] == [3]

    asyncio.run(scenario())
    assert [event.enveloped for event in recorder.select_log()] == [e.enveloped for e in events]
    assert recorder.append(events)[0].position == 1


INTERRUPTED = """
import sys, threading, time
from tests.support.event_log import a_stream, recorder_on

def tell():
    while not (writer._queue if queued else writer._writing):
        time.sleep(0.001)
    print("waiting", flush=True)

queued = sys.argv[2] == "queued"
with recorder_on(sys.argv[1]) as recorder:
    writer = recorder._writer
    threads = [threading.Thread(target=tell)]
    if queued:
        threads.append(threading.Thread(target=recorder.append, args=(a_stream(1),)))
        threads[-1].start()
        while not writer._writing:
            time.sleep(0.001)
    threads[0].start()
    try:
        recorder.append(a_stream(1))
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    sys.stdin.readline()
    for thread in threads:
        thread.join()
    print(recorder.append(a_stream(1))[0].position, flush=True)
"""


@pytest.mark.parametrize(("way", "position"), [("at once", 1), ("queued", 3)])
def test_a_caller_who_is_interrupted_stops_waiting_and_the_writer_goes_on(
    database_url: str, connection: Connection, way: str, position: int
) -> None:
    with guided(INTERRUPTED, database_url, way) as process:
        with held_up(connection):
            assert process.heard() == "waiting"
            eventually(lambda: waits_for_the_lock(connection))
            process._process.send_signal(signal.SIGINT)
            assert process.heard() == "interrupted"
        process.go_on()
        assert process.heard() == str(position)
        assert process.finish() == 0


def test_a_caller_whose_event_loop_is_gone_harms_nobody(
    recorder: PostgresEventRecorder, connection: Connection
) -> None:
    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(recorder.append_async([an_event()]), 0.01)

    with held_up(connection):
        asyncio.run(give_up())
        asyncio.run(give_up())
        eventually(lambda: waits_for_the_lock(connection))
    assert [event.position for event in recorder.append([an_event()])] == [3]
    assert [event.position for event in asyncio.run(recorder.append_async([an_event()]))] == [4]


def test_event_loops_and_threads_share_a_writer(recorder: PostgresEventRecorder) -> None:
    def in_a_loop() -> list[int]:
        async def all_of_them() -> list[list[LoggedEvent]]:
            return await asyncio.gather(*(recorder.append_async(a_stream(2)) for _ in range(50)))

        return [event.position for logged in asyncio.run(all_of_them()) for event in logged]

    def in_a_thread() -> list[int]:
        return [event.position for _ in range(50) for event in recorder.append(a_stream(2))]

    with ThreadPoolExecutor(6) as threads:
        futures = [threads.submit(work) for work in (in_a_loop, in_a_thread) * 3]
        positions = [position for future in futures for position in future.result()]
    assert sorted(positions) == read_positions(recorder) == list(range(1, 601))


def test_closing_waits_for_appends_under_way_and_refuses_later_ones(
    database_url: str, connection: Connection
) -> None:
    writer = writer_on(database_url)
    with ThreadPoolExecutor(8) as threads:
        with held_up(connection):
            appending = [threads.submit(writer.append, encoded(an_event()))]
            eventually(lambda: waits_for_the_lock(connection))
            for _ in range(4):
                appending.append(threads.submit(writer.append, encoded(an_event())))
                eventually(lambda: len(writer._queue) == len(appending) - 1)
            closed = threads.submit(writer.close)
            eventually(lambda: writer._closed)
            with pytest.raises(RuntimeError, match="the writer is closed"):
                writer.append(encoded(an_event()))
            assert not closed.done()
        closed.result()
        assert sorted(future.result().first for future in appending) == [1, 2, 3, 4, 5]
    with pytest.raises(RuntimeError, match="the writer is closed"):
        asyncio.run(writer.append_async(encoded(an_event())))
    writer.close()
    eventually(lambda: _connections(connection) == 0)


def test_an_unused_writer_closes_without_ever_connecting() -> None:
    def refuse() -> Connection:
        raise AssertionError("it connects")

    GroupWriter(refuse).close()


def test_a_connection_that_is_of_no_use_is_closed(empty_database_url: str) -> None:
    with (
        closing(writer_on(empty_database_url)) as writer,
        connect(empty_database_url, autocommit=True) as connection,
    ):
        for _ in range(3):
            with pytest.raises(psycopg.errors.InvalidSchemaName):
                writer.append(encoded(an_event()))
        eventually(lambda: _connections(connection) == 0)


def test_a_repeated_append_whose_places_cannot_be_read_says_that_the_store_is_unavailable(
    database_url: str,
) -> None:
    nowhere = make_conninfo(database_url, port=1)
    with (
        closing(writer_on(database_url)) as writer,
        open_pool(nowhere, timeout_s=0.1) as pool,
    ):
        recorder = PostgresEventRecorder(pool, writer, IDS)
        events = a_stream(2)
        recorder.append(events)
        with pytest.raises(StoreUnavailableError, match="cannot be reached"):
            recorder.append(events)


def test_events_of_one_id_never_share_a_batch(
    recorder: PostgresEventRecorder, connection: Connection
) -> None:
    events = a_stream(2)
    with ThreadPoolExecutor(4) as threads:
        with held_up(connection):
            appending = [threads.submit(recorder.append, [an_event()])]
            eventually(lambda: waits_for_the_lock(connection))
            for _ in range(3):
                appending.append(threads.submit(recorder.append, events))
                eventually(lambda: len(recorder._writer._queue) == len(appending) - 1)
        answers = [[event.position for event in future.result()] for future in appending]
    assert answers == [[1], [2, 3], [2, 3], [2, 3]]


def test_what_follows_an_append_is_told_only_of_recorded_ones(database_url: str) -> None:
    told: list[None] = []
    stream = IDS.new()
    with closing(writer_on(database_url, lambda: told.append(None))) as writer:
        writer.append(encoded(an_event(stream, 1)))
        assert writer.append(encoded(an_event(stream, 1))).outcome == "conflict"
    assert len(told) == 1


def test_an_append_is_no_failure_because_something_after_it_failed(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise OSError("nobody listens")

    with (
        caplog.at_level(logging.ERROR),
        closing(writer_on(database_url, fail)) as writer,
    ):
        assert writer.append(encoded(an_event())).outcome == RECORDED
        assert asyncio.run(writer.append_async(encoded(an_event()))).first == 2
    assert caplog.text.count("OSError: nobody listens") == 2


def test_a_recorder_is_of_use_after_every_kind_of_refusal(
    database_url: str, connection: Connection
) -> None:
    stream = IDS.new()
    with recorder_on(database_url, max_event_bytes=10) as recorder:
        recorder.append([an_event(stream, 1)])
        for refused in (
            [an_event(stream, 1)],
            [an_event(stream, 3)],
            [an_event(payload=b"12345678901")],
            [an_event(actor="N\0")],
            [an_event(actor="\ud800")],
        ):
            with pytest.raises(Exception, match=r".+\."):
                recorder.append(refused)
        [logged] = recorder.append([an_event(stream, 2)])
        assert logged.position == 2
    with pytest.raises(VersionConflictError), recorder_on(database_url) as recorder:
        recorder.append([an_event(stream, 2)])


def _connections(connection: Connection) -> int:
    row = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_of_a_batch_only_the_appends_with_a_broken_fence_are_refused(
    recorder: PostgresEventRecorder, database_url: str, connection: Connection
) -> None:
    guard, stale = IDS.new(), IDS.new()
    recorder.append([*a_stream(2, stream=guard), *a_stream(2, stream=stale)])

    async def appends() -> list[object]:
        with held_up(connection):
            first = asyncio.create_task(recorder.append_async([an_event()]))
            await asyncio.to_thread(eventually, lambda: waits_for_the_lock(connection))
            others = [
                asyncio.create_task(recorder.append_async([an_event()], fence))
                for fence in (Fence(guard, 2), Fence(stale, 1), None, Fence(guard, 2))
            ]
            await asyncio.sleep(0)
        return await asyncio.gather(first, *others, return_exceptions=True)

    outcomes = asyncio.run(appends())
    refused = outcomes.pop(2)
    assert isinstance(refused, FenceBrokenError)
    assert (refused.stream, refused.expected, refused.actual) == (stale, 1, 2)
    assert [each[0].position for each in outcomes if isinstance(each, list)] == [5, 6, 7, 8]


def test_an_append_that_comes_late_is_fenced_off(
    recorder: PostgresEventRecorder, connection: Connection
) -> None:
    """Somebody takes over while the append waits for the log."""
    guard = IDS.new()
    recorder.append(a_stream(1, stream=guard))

    async def late() -> None:
        with held_up(connection):
            append = asyncio.create_task(recorder.append_async([an_event()], Fence(guard, 1)))
            await asyncio.to_thread(eventually, lambda: waits_for_the_lock(connection))
            connection.execute(
                "UPDATE hansard.stream_heads SET version = 2 WHERE stream = %s", (guard,)
            )
        await append

    with pytest.raises(FenceBrokenError):
        asyncio.run(late())
    assert recorder.max_notification_id() == 1
