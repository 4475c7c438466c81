"""Stop requests: whoever holds a session is asked to stop, in this process or another one."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from functools import partial
from threading import Event
from uuid import UUID

import pytest

from application.errors import ConflictError, UnavailableError
from infrastructure.database import Connection, connect
from infrastructure.event_log.lease import PostgresSessionLease, SessionNotStoppedError
from infrastructure.event_log.stop_requests import CHANNEL
from infrastructure.system import Uuid7Factory
from tests.support.processes import eventually, guided

SESSION = Uuid7Factory().new()
OTHER = Uuid7Factory().new()
SESSION_ALONE = "01999999-0000-7000-8000-000000000001"
PATIENCE_S = 60.0

HOLDER = """
import sys
from threading import Event
from uuid import UUID
from infrastructure.database import connect
from infrastructure.event_log.lease import PostgresSessionLease
lease = PostgresSessionLease(lambda: connect(sys.argv[1], autocommit=True))
asked = Event()
def stop(by):
    print(by, flush=True)
    asked.set()
with lease.hold(UUID(sys.argv[2]), stop if sys.argv[3] == "obedient" else None):
    print("held", flush=True)
    asked.wait()
lease.close()
print("closed", flush=True)
"""

BREAK = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory'
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.fixture
def make(database_url: str) -> Iterator[Callable[[], PostgresSessionLease]]:
    """Each lease stands for another process."""
    made: list[PostgresSessionLease] = []

    def new_lease() -> PostgresSessionLease:
        made.append(PostgresSessionLease(partial(connect, database_url, autocommit=True)))
        return made[-1]

    yield new_lease
    for lease in made:
        lease.close()


class Holding:
    """A session held by a lease, given up when that is asked for."""

    def __init__(self, lease: PostgresSessionLease, session_id: UUID = SESSION) -> None:
        self.asked_by: list[str] = []
        self.asked = Event()
        self._hold = lease.hold(session_id, self._stop)
        self._hold.__enter__()

    def give_up(self) -> None:
        self._hold.__exit__(None, None, None)

    def _stop(self, by: str) -> None:
        self.asked_by.append(by)
        self.asked.set()


def test_a_session_that_nobody_holds_is_free_at_once(
    make: Callable[[], PostgresSessionLease],
) -> None:
    make().request_stop(SESSION, timeout_s=0)


def test_another_process_is_asked_says_by_whom_and_gives_up(
    make: Callable[[], PostgresSessionLease], database_url: str
) -> None:
    with guided(HOLDER, database_url, str(SESSION), "obedient") as holder:
        assert holder.heard() == "held"
        make().request_stop(SESSION, PATIENCE_S)
        assert holder.heard() == f"process {os.getpid()} on {platform.node()}"
        assert holder.heard() == "closed"
        assert holder.finish() == 0


def test_who_does_not_stop_is_named(
    make: Callable[[], PostgresSessionLease], database_url: str
) -> None:
    with guided(HOLDER, database_url, str(SESSION), "deaf") as holder:
        assert holder.heard() == "held"
        with pytest.raises(SessionNotStoppedError) as refusal:
            make().request_stop(SESSION, timeout_s=0.2)
        said = str(refusal.value)
        assert f"process {holder.pid} on {platform.node()}" in said
        assert f"(server process {refusal.value.holder.backend})" in said
        assert "has not within 0.2 s" in said
        assert isinstance(refusal.value, ConflictError)


def test_a_holder_that_is_killed_meanwhile_has_stopped(
    make: Callable[[], PostgresSessionLease], database_url: str
) -> None:
    with guided(HOLDER, database_url, str(SESSION), "deaf") as holder:
        assert holder.heard() == "held"
        holder.kill()
        make().request_stop(SESSION, PATIENCE_S)


def test_only_the_session_that_is_meant_is_asked(
    make: Callable[[], PostgresSessionLease], connection: Connection
) -> None:
    lease = make()
    meant, other = Holding(lease), Holding(lease, OTHER)
    with pytest.raises(SessionNotStoppedError):
        make().request_stop(SESSION, timeout_s=0)
    assert meant.asked.wait(PATIENCE_S)
    assert other.asked_by == []
    meant.give_up()
    other.give_up()


def test_a_process_can_ask_itself(make: Callable[[], PostgresSessionLease]) -> None:
    lease = make()
    holding = Holding(lease)
    with pytest.raises(SessionNotStoppedError):
        lease.request_stop(SESSION, timeout_s=0)
    assert holding.asked.wait(PATIENCE_S)
    holding.give_up()
    lease.request_stop(SESSION, timeout_s=0)


def test_a_holder_is_asked_again_while_it_does_not_stop(
    make: Callable[[], PostgresSessionLease], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.event_log.lease.ASK_AGAIN_S", 0.01)
    holding = Holding(make())
    with pytest.raises(SessionNotStoppedError):
        make().request_stop(SESSION, timeout_s=0.3)
    eventually(lambda: len(holding.asked_by) > 1)
    holding.give_up()


def test_requests_are_heard_again_on_the_connection_that_follows_a_broken_one(
    make: Callable[[], PostgresSessionLease], connection: Connection
) -> None:
    lease = make()
    holding = Holding(lease)
    connection.execute(BREAK)
    make().request_stop(SESSION, timeout_s=0)  # what broke holds nothing
    other = Holding(lease, OTHER)  # takes the first one again as well
    with pytest.raises(SessionNotStoppedError):
        make().request_stop(SESSION, timeout_s=0)
    assert holding.asked.wait(PATIENCE_S)
    assert other.asked_by == []
    holding.give_up()
    other.give_up()


@pytest.mark.parametrize("message", ["", "nonsense", "01999999", SESSION_ALONE])
def test_a_request_that_cannot_be_read_does_not_deafen(
    make: Callable[[], PostgresSessionLease], connection: Connection, message: str
) -> None:
    holding = Holding(make())
    connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, message))
    with pytest.raises(SessionNotStoppedError):
        make().request_stop(SESSION, timeout_s=0)
    eventually(lambda: any("process" in by for by in holding.asked_by))
    holding.give_up()


def test_who_is_refused_learns_who_runs_the_session(
    make: Callable[[], PostgresSessionLease], database_url: str
) -> None:
    with guided(HOLDER, database_url, str(SESSION), "deaf") as holder:
        assert holder.heard() == "held"
        message = f"is being run already by .*process {holder.pid} on "
        with pytest.raises(ConflictError, match=message), make().hold(SESSION):
            pass


def test_a_strangers_connection_is_named_as_far_as_it_is_visible(
    make: Callable[[], PostgresSessionLease], database_url: str
) -> None:
    holding = Holding(make())
    stranger = PostgresSessionLease(partial(as_reader, database_url))
    with pytest.raises(SessionNotStoppedError, match=rf"process {os.getpid()} on "):
        stranger.request_stop(SESSION, timeout_s=0)
    assert holding.asked.wait(PATIENCE_S)
    holding.give_up()


def as_reader(database_url: str) -> Connection:
    """Connect with rights that hide the connections of others."""
    connection = connect(database_url, autocommit=True)
    connection.execute("SET ROLE hansard_reader")
    return connection


def test_an_unreachable_database_is_one_clear_error() -> None:
    lease = PostgresSessionLease(partial(connect, "host=/nowhere dbname=none", autocommit=True))
    with pytest.raises(UnavailableError, match="cannot be reached"):
        lease.request_stop(SESSION, timeout_s=0)
