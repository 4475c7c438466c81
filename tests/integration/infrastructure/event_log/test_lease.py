"""PostgresSessionLease: one process runs a session, and its death frees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from uuid import UUID

import pytest

from application.errors import ConflictError
from infrastructure.database import Connection, DatabaseUnavailableError, connect
from infrastructure.event_log.lease import PostgresSessionLease, SessionHeldError
from infrastructure.system import Uuid7Factory
from tests.support.processes import eventually, guided

SESSION = Uuid7Factory().new()
OTHER = Uuid7Factory().new()

HOLDER = """
import sys
from uuid import UUID
from infrastructure.database import connect
from infrastructure.event_log.lease import PostgresSessionLease
lease = PostgresSessionLease(lambda: connect(sys.argv[1], autocommit=True))
with lease.hold(UUID(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.readline()
print("given up", flush=True)
sys.stdin.readline()
lease.close()
"""

LOCKS = """
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

KILL = """
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


def is_free(lease: PostgresSessionLease, session_id: UUID = SESSION) -> bool:
    try:
        with lease.hold(session_id):
            return True
    except ConflictError:
        return False


def locks(connection: Connection) -> int:
    row = connection.execute(LOCKS).fetchone()
    assert row is not None
    return int(row[0])


def test_a_second_holder_is_refused(make: Callable[[], PostgresSessionLease]) -> None:
    one, other = make(), make()
    with one.hold(SESSION):
        with pytest.raises(SessionHeldError, match="is being run already") as refusal:
            other.hold(SESSION).__enter__()
        assert refusal.value.session_id == SESSION
        assert is_free(other, OTHER)
    assert is_free(other)


def test_the_same_process_is_refused_too_and_keeps_no_lock_behind(
    make: Callable[[], PostgresSessionLease], connection: Connection
) -> None:
    one, other = make(), make()
    with one.hold(SESSION):
        for _ in range(3):
            assert not is_free(one)
        assert not is_free(other)
    assert locks(connection) == 0
    assert is_free(other)


def test_a_process_holds_several_sessions(
    make: Callable[[], PostgresSessionLease], connection: Connection
) -> None:
    one, other = make(), make()
    with one.hold(SESSION), one.hold(OTHER):
        assert locks(connection) == 2
        assert not is_free(other, SESSION)
        assert not is_free(other, OTHER)
    assert locks(connection) == 0


def test_a_lease_ends_with_an_error_too(make: Callable[[], PostgresSessionLease]) -> None:
    one, other = make(), make()
    with pytest.raises(ZeroDivisionError), one.hold(SESSION):
        raise ZeroDivisionError
    assert is_free(other)


def test_closing_gives_up_all_leases(make: Callable[[], PostgresSessionLease]) -> None:
    one, other = make(), make()
    with one.hold(SESSION):
        one.close()
        eventually(lambda: is_free(other))


def test_another_process_is_refused_until_the_holder_gives_up(
    make: Callable[[], PostgresSessionLease], database_url: str
) -> None:
    lease = make()
    with guided(HOLDER, database_url, str(SESSION)) as holder:
        assert holder.heard() == "held"
        assert not is_free(lease)
        holder.go_on()
        assert holder.heard() == "given up"
        assert is_free(lease)
        assert holder.finish() == 0


def test_a_killed_process_holds_nothing(
    make: Callable[[], PostgresSessionLease], database_url: str
) -> None:
    lease = make()
    with guided(HOLDER, database_url, str(SESSION)) as holder:
        assert holder.heard() == "held"
        assert not is_free(lease)
        holder.kill()
        eventually(lambda: is_free(lease))


def test_a_process_that_ends_while_it_holds_frees_the_session(
    make: Callable[[], PostgresSessionLease], database_url: str
) -> None:
    ending = HOLDER.replace("sys.stdin.readline()", "sys.exit(3)", 1)
    with guided(ending, database_url, str(SESSION)) as holder:
        assert holder.heard() == "held"
        assert holder.finish() == 3
        eventually(lambda: is_free(make()))


def test_a_broken_connection_does_not_hide_how_the_work_ended(
    make: Callable[[], PostgresSessionLease], connection: Connection
) -> None:
    one, other = make(), make()
    with one.hold(SESSION):
        connection.execute(KILL)
        eventually(lambda: is_free(other))
    assert is_free(one)


def test_leases_of_a_broken_connection_are_taken_again_with_the_next(
    make: Callable[[], PostgresSessionLease], connection: Connection
) -> None:
    one, other = make(), make()
    with one.hold(SESSION):
        connection.execute(KILL)
        eventually(lambda: locks(connection) == 0)
        with one.hold(OTHER):
            assert not is_free(other, SESSION)
            assert not is_free(other, OTHER)
        assert not is_free(one, SESSION)
    assert locks(connection) == 0


def test_a_lease_lost_to_another_process_stays_there(
    make: Callable[[], PostgresSessionLease], connection: Connection
) -> None:
    one, other, third = make(), make(), make()
    with one.hold(SESSION):
        connection.execute(KILL)
        eventually(lambda: locks(connection) == 0)
        with other.hold(SESSION):
            assert is_free(one, OTHER)
            assert not is_free(third, SESSION)
    assert locks(connection) == 0


def test_an_unreachable_database_is_one_clear_error() -> None:
    lease = PostgresSessionLease(partial(connect, "host=/nowhere dbname=none", autocommit=True))
    with pytest.raises(DatabaseUnavailableError, match="cannot be reached"):
        is_free(lease)
