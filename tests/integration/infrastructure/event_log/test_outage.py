"""Outages: a killed connection, a stopped server; afterwards everything works again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from application.errors import UnavailableError
from infrastructure.database import Connection, ensure_schema
from infrastructure.event_log import sql
from infrastructure.event_log.recorder import PostgresEventRecorder
from tests.conftest import RUN_FOLDER
from tests.support.event_log import a_stream, recorder_on
from tests.support.own_server import OwnServer, own_server
from tests.support.processes import eventually

OTHERS = "datname = current_database() AND pid <> pg_backend_pid() AND backend_type LIKE 'client%%'"
KILL = f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE {OTHERS}"  # noqa: S608 - constants
WAITING = f"SELECT count(*) FROM pg_stat_activity WHERE {OTHERS} AND wait_event = 'advisory'"  # noqa: S608


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    with own_server(Path(os.environ[RUN_FOLDER]) / uuid4().hex[:8]) as server:
        ensure_schema(server.admin_conninfo())
        yield server


def test_a_connection_killed_while_idle_is_replaced_unseen(
    database_url: str, connection: Connection
) -> None:
    with recorder_on(database_url) as recorder:
        recorder.append(a_stream(1))
        connection.execute(KILL)
        [logged] = recorder.append(a_stream(1))
        assert logged.position == 2
        connection.execute(KILL)
        assert [event.position for event in recorder.select_log()] == [1, 2]


def test_a_connection_killed_at_work_is_replaced_unseen_because_an_append_can_be_repeated(
    database_url: str, connection: Connection
) -> None:
    events = a_stream(2)
    with recorder_on(database_url) as recorder, ThreadPoolExecutor(1) as thread:
        connection.execute("SELECT pg_advisory_lock(%s)", (sql.LOCK_KEY,))
        waiting = thread.submit(recorder.append, events)
        eventually(lambda: connection.execute(WAITING).fetchone() == (1,))
        connection.execute(KILL)
        connection.execute("SELECT pg_advisory_unlock(%s)", (sql.LOCK_KEY,))
        assert [event.position for event in waiting.result()] == [1, 2]


def test_an_append_whose_answer_was_lost_is_repeated_without_harm(
    database_url: str, connection: Connection
) -> None:
    events = a_stream(3)
    with recorder_on(database_url) as recorder:
        once = recorder.append(events)
        connection.execute(KILL)
        assert recorder.append(events) == once
        assert recorder.max_notification_id() == 3


def test_a_stopped_server_is_one_clear_error_and_a_started_one_works_again(
    server: OwnServer,
) -> None:
    events = a_stream(2)
    with recorder_on(server.admin_conninfo()) as recorder:
        [first] = recorder.append(events[:1])
        server.stop()
        for use in (
            lambda: recorder.append(events[1:]),
            lambda: list(recorder.select_log()),
            recorder.max_notification_id,
        ):
            with pytest.raises(UnavailableError) as outage:
                use()
            assert_one_sentence(outage.value)
        server.start()
        eventually(lambda: works(recorder))
        [second] = recorder.append(events[1:])
        assert second.position == first.position + 1


def test_a_subscription_waits_for_a_stopped_server_and_goes_on(
    server: OwnServer, caplog: pytest.LogCaptureFixture
) -> None:
    with recorder_on(server.admin_conninfo()) as recorder, ThreadPoolExecutor(1) as thread:
        [first] = recorder.append(a_stream(1))
        with recorder.subscribe(gt=first.position - 1) as subscription:
            assert next(subscription).id == first.position
            server.stop()
            following = thread.submit(next, subscription)
            eventually(lambda: "is waited for" in caplog.text)
            assert not following.done()
            server.start()
            eventually(lambda: works(recorder))
            recorder.append(a_stream(1))
            assert following.result(30).id == first.position + 1
    told = [record for record in caplog.records if "is waited for" in record.getMessage()]
    assert len(told) == 1


def test_a_subscription_can_be_stopped_while_the_server_is(
    server: OwnServer, caplog: pytest.LogCaptureFixture
) -> None:
    with recorder_on(server.admin_conninfo()) as recorder, ThreadPoolExecutor(1) as thread:
        last = recorder.append(a_stream(1))[-1].position
        with recorder.subscribe(gt=last) as subscription:
            following = thread.submit(list, subscription)
            server.stop()
            eventually(lambda: "is waited for" in caplog.text)
        assert following.result(30) == []
        server.start()
        eventually(lambda: works(recorder))


def works(recorder: PostgresEventRecorder) -> bool:
    """Tell whether the pool has come back; it waits a little longer after each failure."""
    try:
        recorder.max_notification_id()
    except UnavailableError:
        return False
    return True


def assert_one_sentence(error: Exception) -> None:
    """Hold that a user can read it."""
    message = str(error)
    assert "\n" not in message
    assert message.endswith(".")
    assert "Traceback" not in message
