"""Moments on a real log: any time leads to the right position, whatever the clocks have done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from application.moments import EARLIEST, LATEST, newest_before, resolve
from infrastructure.database import Connection, connect
from infrastructure.event_log.log import PostgresEventLog
from infrastructure.event_log.mapper import EventMapper
from infrastructure.event_log.recorder import PostgresEventRecorder
from tests.support.event_log import a_stream, an_event, recorder_on
from tests.support.postgres import TestServer
from tests.support.processes import eventually

NOON = datetime(2026, 10, 25, 0, 59, 59, 999_990, tzinfo=UTC)
"""Just before Berlin's clocks go back an hour, and a little before a full second."""

STEPS_US = (0, 1, 1, 3, 0, 0, 5, 1, 999_999, 1, 0, 1_000_000, 60_000_000, 0, 3_599_000_000, 1)
"""Microseconds from one event to the next; none where events were recorded together."""

OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))

# As `hansard.record` writes it, but for the time: the owner may insert, and nobody may change.
INSERT = """
INSERT INTO hansard.events (log, position, stream, version, event_id, type, schema_version, tenant,
                            actor, correlation_id, occurred_at, recorded_at, payload)
SELECT 1, %(position)s, gen_random_uuid(), 1, %(event_id)s, 'test.happened', 1, 'default', 'SYSTEM',
       gen_random_uuid(), %(moment)s, %(moment)s, '{}'
"""
NAME = "INSERT INTO hansard.event_ids VALUES (1, %(event_id)s, %(position)s)"
INDEX = """
INSERT INTO hansard.time_index
SELECT 1, %(moment)s, %(position)s WHERE NOT EXISTS (
    SELECT FROM hansard.events WHERE position = %(position)s - 1
    AND date_trunc('second', recorded_at) = date_trunc('second', %(moment)s::timestamptz))
"""


def record_at(connection: Connection, moment: datetime) -> int:
    """Record an event as if the database's clock had stood there; tell its position."""
    row = connection.execute("SELECT coalesce(max(position), 0) + 1 FROM hansard.events").fetchone()
    assert row is not None
    event = an_event()
    values = {"position": row[0], "event_id": event.enveloped.event_id, "moment": moment}
    for statement in (INSERT, NAME, INDEX):
        connection.execute(statement, values)
    return int(row[0])


class Timed:
    """A log whose events were recorded at known times, in this order."""

    def __init__(self, log: PostgresEventLog, times: list[datetime]) -> None:
        self.log = log
        self.times = times

    def until(self, moment: datetime) -> int:
        """Count what was recorded at or before a moment."""
        return sum(time <= moment for time in self.times)

    def before(self, moment: datetime) -> int:
        """Count what was recorded before a moment."""
        return sum(time < moment for time in self.times)


@pytest.fixture(scope="module")
def timed(postgres_server: TestServer) -> Iterator[Timed]:
    with (
        postgres_server.fresh_database() as url,
        connect(url, autocommit=True) as connection,
        recorder_on(url) as recorder,
    ):
        times = [NOON]
        for step in STEPS_US:
            times.append(times[-1] + timedelta(microseconds=step))
        for moment in times:
            record_at(connection, moment)
        yield Timed(PostgresEventLog(recorder, EventMapper()), times)


NEAR = st.tuples(
    st.integers(0, len(STEPS_US)), st.integers(-2, 2) | st.integers(-2_000_000, 2_000_000)
)


@settings(deadline=None, max_examples=200)
@given(NEAR, OFFSETS)
def test_a_time_near_an_event_leads_to_it_in_every_zone(
    timed: Timed, near: tuple[int, int], zone: timezone
) -> None:
    number, distance_us = near
    moment = (timed.times[number] + timedelta(microseconds=distance_us)).astimezone(zone)

    for said in (moment, moment.isoformat()):
        assert resolve(said, timed.log) == timed.until(moment)
        assert newest_before(said, timed.log) == timed.before(moment)


@settings(deadline=None, max_examples=50)
@given(st.datetimes(timezones=OFFSETS))
@example(datetime.min.replace(tzinfo=timezone(timedelta(hours=14))))
@example(datetime.min.replace(tzinfo=timezone(timedelta(hours=-14))))
@example(datetime.max.replace(tzinfo=timezone(timedelta(hours=14))))
@example(datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))))
def test_any_time_leads_somewhere(timed: Timed, moment: datetime) -> None:
    assert resolve(moment, timed.log) == timed.until(moment)
    assert newest_before(moment, timed.log) == timed.before(moment)


@settings(deadline=None, max_examples=50)
@given(NEAR, NEAR, OFFSETS)
def test_a_stretch_of_time_holds_what_was_recorded_in_it(
    timed: Timed, one: tuple[int, int], other: tuple[int, int], zone: timezone
) -> None:
    since, before = (
        (timed.times[number] + timedelta(microseconds=distance)).astimezone(zone)
        for number, distance in (one, other)
    )
    recorder = timed.log._recorder

    found = [event.position for event in recorder.select_log(since=since, before=before)]

    times = enumerate(timed.times, start=1)
    assert found == [position for position, time in times if since <= time < before]


@pytest.mark.parametrize("moment", [EARLIEST, LATEST])
@pytest.mark.parametrize("hours", [-14, 0, 14])
def test_stretches_may_end_where_years_do(timed: Timed, moment: datetime, hours: int) -> None:
    edge = moment.replace(tzinfo=timezone(timedelta(hours=hours)))
    recorder = timed.log._recorder

    assert (list(recorder.select_log(since=edge)) == []) == (moment.year > 1)
    assert (list(recorder.select_log(before=edge)) == []) == (moment.year == 1)


def test_the_hour_that_comes_twice_is_told_apart_in_the_database_too(timed: Timed) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for fold, utc in ((0, "00:59:59.999993"), (1, "01:59:59.999993")):
        local = datetime(2026, 10, 25, 2, 59, 59, 999_993, tzinfo=berlin, fold=fold)
        instant = datetime.fromisoformat(f"2026-10-25T{utc}+00:00")
        assert local.isoformat() == instant.astimezone(berlin).isoformat()
        expected = timed.until(instant)
        assert resolve(local, timed.log) == resolve(local.isoformat(), timed.log) == expected


def test_events_recorded_together_are_split_by_position_and_id_but_not_by_time(
    recorder: PostgresEventRecorder,
) -> None:
    log = PostgresEventLog(recorder, EventMapper())
    first, middle, last = recorder.append(a_stream(3))
    assert first.recorded_at == middle.recorded_at == last.recorded_at

    assert resolve(first.recorded_at, log) == 3
    assert newest_before(first.recorded_at, log) == 0
    assert resolve(middle.enveloped.event_id, log) == resolve("2", log) == 2
    assert newest_before(str(middle.enveloped.event_id), log) == 1


def test_times_of_recording_never_run_backwards_when_the_databases_clock_is_set_back(
    recorder: PostgresEventRecorder, connection: Connection
) -> None:
    log = PostgresEventLog(recorder, EventMapper())
    [before] = recorder.append([an_event()])
    ahead = datetime.now(tz=UTC) + timedelta(days=400)
    assert record_at(connection, ahead) == 2  # and then the clock is set back

    held = [recorder.append(a_stream(2)) for _ in range(3)]

    assert {event.recorded_at for events in held for event in events} == {ahead}
    assert [event.position for events in held for event in events] == [*range(3, 9)]
    assert resolve(before.recorded_at, log) == 1
    assert resolve(datetime.now(tz=UTC), log) == 1
    assert resolve(ahead - timedelta.resolution, log) == 1
    assert newest_before(ahead, log) == 1
    assert resolve(ahead, log) == 8  # a time to come: by now
    assert resolve("5", log) == 5
    index = connection.execute("SELECT position FROM hansard.time_index ORDER BY 1").fetchall()
    assert index == [(1,), (2,)]


def test_times_of_recording_go_on_when_the_clock_has_caught_up(
    recorder: PostgresEventRecorder, connection: Connection
) -> None:
    ahead = datetime.now(tz=UTC) + timedelta(seconds=0.5)
    record_at(connection, ahead)
    times: list[datetime] = []

    def has_gone_on() -> bool:
        times.append(recorder.append([an_event()])[0].recorded_at)
        return times[-1] > ahead

    eventually(has_gone_on)

    assert times == sorted(times)
    log = PostgresEventLog(recorder, EventMapper())
    assert resolve(ahead, log) == 1 + times.count(ahead)
