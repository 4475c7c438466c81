"""Order and time: positions, recorded times, the time index and the partitions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from psycopg.conninfo import make_conninfo

from infrastructure.database import Connection, connect
from infrastructure.event_log import sql
from infrastructure.event_log.recorder import PostgresEventRecorder
from tests.support.event_log import (
    a_stream,
    an_event,
    plant,
    recorder_on,
    scans_of,
    shrink_partitions,
)
from tests.support.processes import eventually

DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
SIZE = 100
"""Positions in a partition, where a test crosses from one to the next."""


def test_recorded_at_stands_still_while_the_clock_is_behind_the_log(
    recorder: PostgresEventRecorder, connection: Connection
) -> None:
    future = datetime.now(tz=UTC) + DAY
    plant(connection, 1, future)
    later = [*recorder.append(a_stream(2)), *recorder.append(a_stream(1))]
    assert [event.recorded_at for event in later] == [future] * 3
    assert recorder.position_at(future - DAY) == 0
    assert recorder.position_at(future) == 4


@pytest.mark.parametrize("isolation", [r"read\ committed", r"repeatable\ read", "serializable"])
def test_an_append_that_waits_goes_on_from_what_it_waited_for(
    database_url: str, connection: Connection, isolation: str
) -> None:
    future = datetime.now(tz=UTC) + DAY
    database_url = make_conninfo(
        database_url, options=f"-c default_transaction_isolation={isolation}"
    )
    with recorder_on(database_url) as recorder, ThreadPoolExecutor(1) as thread:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (sql.LOCK_KEY,))
            waiting = thread.submit(recorder.append, a_stream(1))
            eventually(lambda: _waiting(connection) == 1)
            plant(connection, 1, future)
        [logged] = waiting.result()
    assert (logged.position, logged.recorded_at) == (2, future)


def test_an_append_that_is_given_up_leaves_no_gap(
    recorder: PostgresEventRecorder, connection: Connection
) -> None:
    with connection.transaction(force_rollback=True):
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (sql.LOCK_KEY,))
        plant(connection, 1, datetime.now(tz=UTC))
    assert [event.position for event in recorder.append(a_stream(2))] == [1, 2]


def test_the_time_index_gets_a_row_a_second(
    recorder: PostgresEventRecorder, connection: Connection
) -> None:
    now = datetime.now(tz=UTC)
    plant(connection, 1, now - DAY)
    for _ in range(3):
        recorder.append(a_stream(2))
    rows = connection.execute("SELECT position FROM hansard.time_index").fetchall()
    assert rows[0] == (2,)
    elapsed = datetime.now(tz=UTC) - now
    assert len(rows) <= 1 + elapsed.total_seconds()


def test_moments_are_found_in_a_long_log(
    recorder: PostgresEventRecorder, connection: Connection
) -> None:
    start = _fill(connection, events=100_000, indexed_every=1000)
    for position in (1, 2, 999, 1000, 1001, 54_321, 99_999, 100_000):
        moment = start + timedelta(milliseconds=position)
        assert recorder.position_at(moment) == position
        assert recorder.position_at(moment - TICK) == position - 1
        assert recorder.position_at(moment + TICK) == position
    assert recorder.position_at(start - DAY) == 0
    assert recorder.position_at(start + DAY) == 100_000


def test_a_moment_that_an_append_under_way_may_come_before_waits_for_it(
    recorder: PostgresEventRecorder, connection: Connection
) -> None:
    recorder.append(a_stream(1))
    with ThreadPoolExecutor(1) as thread:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (sql.LOCK_KEY,))
            moment = datetime.now(tz=UTC)
            asking = thread.submit(recorder.position_at, moment)
            eventually(lambda: _waiting(connection) == 1)
            plant(connection, 2, moment)
        assert asking.result() == 2


def test_a_moment_before_the_newest_event_waits_for_nobody(
    recorder: PostgresEventRecorder, connection: Connection
) -> None:
    first, second = (recorder.append([an_event()])[0] for _ in range(2))
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (sql.LOCK_KEY,))
        assert recorder.position_at(first.recorded_at) == first.position
        assert recorder.position_at(second.recorded_at - TICK) == first.position


def test_a_moment_that_is_asked_for_lets_appends_go_on(recorder: PostgresEventRecorder) -> None:
    moment = datetime.now(tz=UTC) + DAY
    for position in range(1, 6):
        recorder.append([an_event()])
        assert recorder.position_at(moment) == position


def test_a_moment_is_found_by_reading_little_of_the_log(connection: Connection) -> None:
    start = _fill(connection, events=100_000, indexed_every=1000)
    moment = start + timedelta(milliseconds=54_321)
    scans = scans_of(connection, sql.POSITION_AT, {"log": sql.LOG, "moment": moment})
    assert sum("time_index" in scan.get("Index Name", "") for scan in scans) == 2
    assert all(scan.get("Rows Removed by Filter", 0) <= 1000 for scan in scans)


def test_partitions_stand_ready_ahead_of_the_log(
    recorder: PostgresEventRecorder, connection: Connection
) -> None:
    shrink_partitions(connection, SIZE)
    recorder.append(a_stream(SIZE - SIZE // 10))
    assert _partitions(connection) == [(1, SIZE)]
    recorder.append([an_event()])
    assert _partitions(connection) == [(1, SIZE), (SIZE + 1, 2 * SIZE)]


def test_an_append_crosses_from_one_partition_to_the_next(
    recorder: PostgresEventRecorder, connection: Connection
) -> None:
    shrink_partitions(connection, SIZE)
    recorder.append(a_stream(SIZE - 3))
    logged = recorder.append(a_stream(5))
    assert [event.position for event in logged] == [*range(SIZE - 2, SIZE + 3)]
    assert list(recorder.select_log(after=SIZE - 3)) == logged
    assert recorder.select_events(logged[0].originator_id) == logged
    assert recorder.max_notification_id() == SIZE + 2
    assert recorder.position_at(logged[-1].recorded_at) == SIZE + 2
    assert recorder.append(logged) == logged
    assert _events_by_partition(connection) == [SIZE, 2]


def test_an_append_may_fill_several_partitions(
    recorder: PostgresEventRecorder, connection: Connection
) -> None:
    shrink_partitions(connection, SIZE)
    logged = recorder.append(a_stream(3 * SIZE + 1))
    assert list(recorder.select_log()) == logged
    assert _events_by_partition(connection) == [SIZE, SIZE, SIZE, 1]


def test_a_new_partition_waits_for_no_reader(database_url: str, connection: Connection) -> None:
    shrink_partitions(connection, SIZE)
    with connect(database_url) as reader, recorder_on(database_url) as recorder:
        reader.execute("SELECT count(*) FROM hansard.events")
        recorder.append(a_stream(SIZE + 1))
        assert len(_partitions(connection)) == 2
        assert reader.execute("SELECT count(*) FROM hansard.events").fetchone() == (SIZE + 1,)


def _waiting(connection: Connection) -> int:
    row = connection.execute(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    ).fetchone()
    assert row is not None
    return int(row[0])


def _partitions(connection: Connection) -> list[tuple[int, int]]:
    """List first and last position of each partition, as far as they are attached."""
    return connection.execute(
        "SELECT p.first, p.last FROM hansard.partitions AS p JOIN pg_inherits AS i"
        " ON i.inhrelid = p.name::regclass AND i.inhparent = 'hansard.events'::regclass"
        " ORDER BY p.first"
    ).fetchall()


def _events_by_partition(connection: Connection) -> list[int]:
    rows = connection.execute(
        "SELECT count(*) FROM hansard.events GROUP BY tableoid ORDER BY min(position)"
    )
    return [count for (count,) in rows]


def _fill(connection: Connection, *, events: int, indexed_every: int) -> datetime:
    """Plant one event a millisecond; answer with the time of position 0."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    connection.execute(
        "INSERT INTO hansard.events SELECT 1, n, gen_random_uuid(), 1, gen_random_uuid(), 't', 1,"
        " 'default', NULL, 'SYSTEM', gen_random_uuid(), NULL, NULL, NULL, %(start)s,"
        " %(start)s + n * interval '1 ms', '{}' FROM generate_series(1, %(events)s) AS n",
        {"start": start, "events": events},
    )
    connection.execute(
        "INSERT INTO hansard.time_index SELECT log, recorded_at, position FROM hansard.events"
        " WHERE position %% %s = 1",
        (indexed_every,),
    )
    connection.execute("ANALYZE hansard.events, hansard.time_index")
    return start
