"""Shard locks: the database knows who is there, and frees what a dead or silent worker held."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from uuid import UUID

import pytest

from infrastructure.database import Connection, connect
from infrastructure.event_log import shards as module
from infrastructure.event_log.lease import PostgresSessionLease
from infrastructure.event_log.shards import PostgresShardLocks
from tests.support.processes import eventually, guided

EIGHT = tuple(range(8))

HOLDER = """
import sys
from infrastructure.database import connect
from infrastructure.event_log.shards import PostgresShardLocks
locks = PostgresShardLocks(lambda: connect(sys.argv[1], autocommit=True))
locks.look()
print(*locks.take(range(8), 5), flush=True)
sys.stdin.readline()
"""

KILL = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest.fixture
def make(database_url: str) -> Iterator[Callable[[], PostgresShardLocks]]:
    """Each stands for another worker."""
    made: list[PostgresShardLocks] = []

    def new() -> PostgresShardLocks:
        made.append(PostgresShardLocks(partial(connect, database_url, autocommit=True)))
        return made[-1]

    yield new
    for locks in made:
        locks.close()


def test_workers_see_each_other_and_each_has_a_rank_of_its_own(
    make: Callable[[], PostgresShardLocks],
) -> None:
    workers = [make() for _ in range(3)]
    for worker in workers:
        worker.look()
    standings = [worker.look() for worker in workers]
    assert {standing.workers for standing in standings} == {3}
    assert {standing.rank for standing in standings} == {0, 1, 2}

    workers[0].close()
    eventually(lambda: workers[1].look().workers == 2)


def test_a_shard_is_held_by_one_worker_until_it_gives_it_back(
    make: Callable[[], PostgresShardLocks],
) -> None:
    one, other = make(), make()
    assert list(one.take(EIGHT, 5)) == [0, 1, 2, 3, 4]
    assert list(other.take(EIGHT, 5)) == [5, 6, 7]
    one.give([1, 2, 7])
    assert one.held == {0, 3, 4}
    assert list(other.take(EIGHT[:5], 1)) == [1]
    assert other.look().held == {1, 5, 6, 7}


def test_a_killed_worker_has_nothing_any_more(
    make: Callable[[], PostgresShardLocks], database_url: str
) -> None:
    other = make()
    with guided(HOLDER, database_url) as holder:
        assert holder.heard() == "0 1 2 3 4"
        assert other.look().workers == 2
        holder.kill()
        eventually(lambda: list(other.take([0], 1)) == [0])
        eventually(lambda: other.look().workers == 1)


def test_who_loses_the_connection_knows_it_at_the_next_look(
    make: Callable[[], PostgresShardLocks], connection: Connection
) -> None:
    locks = make()
    locks.take(EIGHT, 8)
    connection.execute(KILL)
    assert locks.look().held == frozenset()
    assert locks.held == frozenset()


def test_the_server_frees_what_a_silent_worker_holds(
    make: Callable[[], PostgresShardLocks],
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A process that stands still keeps its connections, but not its shards and sessions."""
    monkeypatch.setattr(module, "BEGIN", module.BEGIN.replace("'10s'", "'100ms'"))
    silent = make()
    silent.take(EIGHT, 8)
    monkeypatch.undo()
    other = make()
    eventually(lambda: list(other.take([0], 1)) == [0])
    assert silent.look().held == frozenset()


def test_what_must_not_be_silent_either_is_assured_at_each_look(database_url: str) -> None:
    said: list[str] = []
    opened = partial(connect, database_url, autocommit=True)
    locks = PostgresShardLocks(opened, lambda: said.append("well"))
    locks.look()
    locks.close()
    assert said == ["well"]


def test_a_lease_that_may_not_be_silent_is_freed_and_taken_again(
    database_url: str, connection: Connection
) -> None:
    lease = PostgresSessionLease(partial(connect, database_url, autocommit=True), 1)
    lease.assure()  # holds nothing, and opens nothing
    with lease.hold(a_session()):
        row = connection.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database())"
        ).fetchone()
        assert row == (1,)
        connection.execute(KILL)
        lease.assure()
    lease.close()


def a_session() -> UUID:
    """Name a session."""
    return UUID(int=7)
