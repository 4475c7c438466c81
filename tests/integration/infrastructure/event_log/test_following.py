"""Following the log: what is there, and then what is appended, here and in other processes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from itertools import islice
from threading import Event
from time import monotonic

import pytest
from psycopg_pool import ConnectionPool

from application.errors import PositionNotReachedError, UnavailableError
from infrastructure.database import Connection, connect
from infrastructure.event_log import reader as reader_module
from infrastructure.event_log import subscription as subscription_module
from infrastructure.event_log import wakeup as wakeup_module
from infrastructure.event_log.logged_event import LoggedEvent, Row
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.event_log.subscription import LogFollower
from infrastructure.event_log.wakeup import Wakeup
from tests.support.event_log import IDS, a_stream, an_event, recorder_on
from tests.support.processes import eventually

NEVER_S = 3600.0


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


@pytest.fixture
def other(database_url: str) -> Iterator[PostgresEventRecorder]:
    """A recorder that shares nothing with the first but the database, as another process."""
    with recorder_on(database_url) as recorder:
        yield recorder


@pytest.fixture
def without_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody look by himself, so that only wake-ups wake."""
    for module in (reader_module, subscription_module):
        monkeypatch.setattr(module, "POLL_S", NEVER_S)


def follow(recorder: PostgresEventRecorder, after: int = 0) -> LogFollower[LoggedEvent]:
    """Follow all events."""
    return recorder.follow(LoggedEvent.of_rows, after=after)


def positions(followed: Iterator[LoggedEvent], count: int) -> list[int]:
    """Take so many events and keep their positions."""
    return [event.position for event in islice(followed, count)]


def test_a_follower_goes_on_with_what_is_appended_later(
    recorder: PostgresEventRecorder, thread: ThreadPoolExecutor
) -> None:
    recorder.append(a_stream(3))
    with follow(recorder, after=1) as follower:
        assert positions(follower, 2) == [2, 3]
        following = thread.submit(positions, follower, 3)
        recorder.append(a_stream(2))
        recorder.append(a_stream(1))
        assert following.result(30) == [4, 5, 6]


def test_a_follower_keeps_to_a_session_and_to_types(recorder: PostgresEventRecorder) -> None:
    session_id = IDS.new()
    kinds = [
        (session_id, "test.a"),
        (session_id, "test.b"),
        (None, "test.a"),
        (session_id, "test.a"),
    ]
    recorder.append([an_event(session_id=session, type=name) for session, name in kinds])
    decode = LoggedEvent.of_rows
    with recorder.follow(decode, session_id=session_id, types=["test.a"]) as follower:
        assert positions(follower, 2) == [1, 4]


def test_a_follower_that_waits_is_stopped_from_outside(
    recorder: PostgresEventRecorder, thread: ThreadPoolExecutor, without_polling: None
) -> None:
    with follow(recorder) as follower:
        waiting = thread.submit(list, follower)
    assert waiting.result(30) == []


@pytest.mark.usefixtures("without_polling")
def test_an_append_of_the_same_process_wakes_without_polling(
    recorder: PostgresEventRecorder, thread: ThreadPoolExecutor
) -> None:
    with follow(recorder) as follower:
        for position in range(1, 20):
            following = thread.submit(positions, follower, 1)
            recorder.append([an_event()])
            assert following.result(30) == [position]


@pytest.mark.usefixtures("without_polling")
def test_an_append_of_another_process_wakes_without_polling(
    recorder: PostgresEventRecorder,
    other: PostgresEventRecorder,
    connection: Connection,
    thread: ThreadPoolExecutor,
) -> None:
    with follow(recorder) as follower:
        following = thread.submit(positions, follower, 50)
        eventually(lambda: listeners(connection) == 1)
        for _ in range(50):
            other.append([an_event()])
        assert following.result(30) == [*range(1, 51)]


def test_who_polls_needs_no_notification(
    recorder: PostgresEventRecorder,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    thread: ThreadPoolExecutor,
) -> None:
    monkeypatch.setattr(wakeup_module, "CHANNEL", "hansard_elsewhere")
    with recorder_on(database_url) as other, follow(recorder) as follower:
        monkeypatch.undo()
        following = thread.submit(positions, follower, 3)
        other.append(a_stream(3))
        assert following.result(30) == [1, 2, 3]


@pytest.mark.usefixtures("without_polling")
def test_a_listener_that_is_cut_off_listens_again(
    recorder: PostgresEventRecorder,
    other: PostgresEventRecorder,
    connection: Connection,
    thread: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wakeup_module, "RECONNECT_S", 0.01)
    with follow(recorder) as follower:
        eventually(lambda: listeners(connection) == 1)
        following = thread.submit(positions, follower, 3)
        for _ in range(3):
            assert cut_off(connection) == 1
            other.append([an_event()])
            eventually(lambda: listeners(connection) == 1)
        assert following.result(30) == [1, 2, 3]


def test_a_burst_of_appends_is_announced_by_few_notifications(
    recorder: PostgresEventRecorder, connection: Connection
) -> None:
    connection.execute(f"LISTEN {wakeup_module.CHANNEL}")
    started = monotonic()
    for _ in range(100):
        recorder.append([an_event()])
    elapsed = monotonic() - started
    heard = list(connection.notifies(timeout=0.5))
    assert 1 <= len(heard) <= 2 + elapsed / wakeup_module.PAUSE_S


def test_the_last_append_is_announced_before_the_end(
    database_url: str, connection: Connection
) -> None:
    connection.execute(f"LISTEN {wakeup_module.CHANNEL}")
    with recorder_on(database_url) as recorder:
        recorder.append([an_event()])
        [_] = connection.notifies(timeout=30, stop_after=1)
        recorder.append([an_event()])
    assert list(connection.notifies(timeout=30, stop_after=1))


def test_a_slow_reader_holds_neither_connection_nor_more_than_a_page(
    recorder: PostgresEventRecorder, pool: ConnectionPool[Connection]
) -> None:
    recorder.append(a_stream(3000))
    decoded: list[int] = []

    def decode(rows: list[Row]) -> list[LoggedEvent]:
        decoded.append(len(rows))
        return LoggedEvent.of_rows(rows)

    reader = reader_module.PostgresEventReader(pool)
    with reader.follow(decode) as follower:
        for event in islice(follower, 3000):
            statistics = pool.get_stats()
            assert statistics["pool_available"] == statistics["pool_size"]
            assert sum(decoded) < event.position + reader_module.PAGE_EVENTS
    assert sum(decoded) == 3000


def test_an_event_that_cannot_be_decoded_is_not_passed_over(
    recorder: PostgresEventRecorder,
) -> None:
    recorder.append(a_stream(3))
    broken = [2]

    def decode(rows: list[Row]) -> Iterator[LoggedEvent]:
        for event in LoggedEvent.of_rows(rows):
            if event.position in broken:
                raise ValueError(event.position)
            yield event

    with recorder.follow(decode) as follower:
        assert positions(follower, 1) == [1]
        for _ in range(2):
            with pytest.raises(ValueError, match="2"):
                next(follower)
        broken.clear()
        assert positions(follower, 2) == [2, 3]


def test_an_unreachable_log_is_waited_for_and_told_of_once(
    recorder: PostgresEventRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    recorder.append(a_stream(2))
    outages = iter([UnavailableError("No server.")] * 3)

    def decode(rows: list[Row]) -> list[LoggedEvent]:
        for error in outages:
            raise error
        return LoggedEvent.of_rows(rows)

    with recorder.follow(decode) as follower:
        assert positions(follower, 2) == [1, 2]
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "The log cannot be followed now and is waited for: No server.",
        "The log is followed again, from position 1 on.",
    ]


def test_a_stopped_follower_stops_while_the_log_is_unreachable(
    recorder: PostgresEventRecorder, thread: ThreadPoolExecutor
) -> None:
    tried = Event()

    def read(after: int) -> Iterator[LoggedEvent]:
        tried.set()
        raise UnavailableError(f"No server after {after}.")
        yield

    follower = LogFollower(read, Wakeup(), 0)
    waiting = thread.submit(list, follower)
    assert tried.wait(30)
    follower.stop()
    assert waiting.result(30) == []


def test_a_position_that_is_reached_is_not_waited_for(recorder: PostgresEventRecorder) -> None:
    recorder.wait_for(0, timeout_s=0)
    recorder.append(a_stream(2))
    recorder.wait_for(2, timeout_s=0)


def test_a_position_that_is_not_reached_is_a_typed_timeout(
    recorder: PostgresEventRecorder,
) -> None:
    recorder.append(a_stream(2))
    with pytest.raises(PositionNotReachedError, match=r"has not reached 4 within 0\.1 s") as late:
        recorder.wait_for(4, timeout_s=0.1)
    assert (late.value.position, late.value.reached) == (4, 2)
    assert isinstance(late.value, TimeoutError)


@pytest.mark.usefixtures("without_polling")
def test_a_position_is_waited_for_across_processes(
    recorder: PostgresEventRecorder,
    other: PostgresEventRecorder,
    connection: Connection,
    thread: ThreadPoolExecutor,
) -> None:
    waiting = thread.submit(recorder.wait_for, 3, NEVER_S)
    eventually(lambda: listeners(connection) == 1)
    other.append(a_stream(3))
    waiting.result(30)


def test_a_wakeup_that_nobody_used_has_no_connection(
    database_url: str, connection: Connection
) -> None:
    with closing(Wakeup(partial(connect, database_url, autocommit=True))):
        assert others(connection) == 0


def test_appends_go_on_when_they_cannot_be_announced() -> None:
    def refuse() -> Connection:
        raise UnavailableError("No server.")

    with closing(Wakeup(refuse)) as wakeup:
        before = wakeup.count
        for _ in range(3):
            wakeup.appended()
        assert wakeup.count == before + 3


def listeners(connection: Connection) -> int:
    """Count connections that wait for notifications."""
    return _count(connection, "query ^@ 'LISTEN'")


def others(connection: Connection) -> int:
    """Count connections of others."""
    return _count(connection, "true")


def cut_off(connection: Connection) -> int:
    """End the connections of listeners."""
    row = connection.execute(
        "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND query ^@ 'LISTEN'"
    ).fetchone()
    assert row is not None
    return int(row[0])


def _count(connection: Connection, condition: str) -> int:
    row = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"  # noqa: S608 - constants
        f" AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND {condition}"
    ).fetchone()
    assert row is not None
    return int(row[0])
