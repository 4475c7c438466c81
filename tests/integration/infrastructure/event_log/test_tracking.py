"""Tracking: events and the position they follow from are recorded both or neither."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from eventsourcing.persistence import IntegrityError, Tracking
from eventsourcing.utils import Environment

from infrastructure.database import Connection
from infrastructure.event_log import sql
from infrastructure.event_log.errors import StoreUnavailableError, VersionConflictError
from infrastructure.event_log.factory import PostgresFactory
from infrastructure.event_log.logged_event import LoggedEvent
from infrastructure.event_log.tracking import PostgresProcessRecorder
from tests.support.event_log import IDS, a_stream, an_event
from tests.support.processes import eventually


@pytest.fixture
def factory(database_url: str) -> Iterator[PostgresFactory]:
    """A factory of recorders on a fresh database."""
    environment = Environment(env={"HANSARD_DATABASE_URL": database_url})
    with closing(PostgresFactory(environment)) as factory:
        yield factory


@pytest.fixture
def process(factory: PostgresFactory) -> PostgresProcessRecorder:
    """A recorder of a process application on a fresh database."""
    return factory.process_recorder()


def at(position: int) -> Tracking:
    """Name a position of the upstream application."""
    return Tracking("upstream", position)


def test_events_and_position_are_recorded_together(process: PostgresProcessRecorder) -> None:
    assert process.insert_events(a_stream(2), tracking=at(7)) == [1, 2]
    assert process.max_tracking_id("upstream") == 7
    assert process.max_tracking_id("other") is None
    assert process.max_notification_id() == 2


def test_a_position_that_was_recorded_records_no_events(process: PostgresProcessRecorder) -> None:
    process.insert_events([], tracking=at(7))
    for position in (6, 7):
        with pytest.raises(IntegrityError, match="'upstream' has been followed to"):
            process.insert_events(a_stream(1), tracking=at(position))
    assert process.max_notification_id() is None
    assert process.insert_events(a_stream(1), tracking=at(8)) == [1]


def test_a_conflict_records_no_position(process: PostgresProcessRecorder) -> None:
    stream = IDS.new()
    process.insert_events([an_event(stream, 1)], tracking=at(1))
    with pytest.raises(VersionConflictError):
        process.insert_events([an_event(stream, 1)], tracking=at(2))
    assert process.max_tracking_id("upstream") == 1
    assert process.insert_events([an_event(stream, 2)], tracking=at(2)) == [2]


def test_events_that_are_known_get_their_position(process: PostgresProcessRecorder) -> None:
    events = a_stream(2)
    assert process.insert_events(events) == [1, 2]
    assert process.insert_events(events, tracking=at(1)) == [1, 2]
    assert process.max_tracking_id("upstream") == 1


def test_of_many_who_followed_the_same_event_one_is_first(
    factory: PostgresFactory, connection: Connection
) -> None:
    def is_first(process: PostgresProcessRecorder) -> bool:
        try:
            process.insert_events(a_stream(1), tracking=at(1))
        except IntegrityError:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        connection.execute("SELECT pg_advisory_lock(%s)", (sql.LOCK_KEY,))
        racing = [threads.submit(is_first, factory.process_recorder()) for _ in range(4)]
        eventually(lambda: waiting(connection) == 4)
        connection.execute("SELECT pg_advisory_unlock(%s)", (sql.LOCK_KEY,))
        assert [one.result() for one in racing].count(True) == 1
    assert factory.application_recorder().max_notification_id() == 1


def test_followers_learn_of_tracked_events(process: PostgresProcessRecorder) -> None:
    with (
        process.follow(LoggedEvent.of_rows) as follower,
        ThreadPoolExecutor(1) as thread,
    ):
        following = thread.submit(next, follower)
        process.insert_events(a_stream(1), tracking=at(1))
        assert following.result(30).position == 1


def waiting(connection: Connection) -> int:
    """Count who waits for a lock in this database."""
    row = connection.execute(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_a_connection_that_was_cut_is_replaced(
    process: PostgresProcessRecorder, connection: Connection
) -> None:
    process.insert_events(a_stream(1), tracking=at(1))
    connection.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend'"
    )
    with pytest.raises(StoreUnavailableError):
        process.insert_events(a_stream(1), tracking=at(2))
    assert process.insert_events(a_stream(1), tracking=at(2)) == [2]
