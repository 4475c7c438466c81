"""Whatever goes wrong and whenever, read models hold what one clean pass over the log gives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from threading import Event
from typing import NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from application.errors import UnavailableError
from infrastructure.database import connect
from infrastructure.projecting import ProjectionRunner
from projections.activity import blocks
from projections.catalogue import PROJECTIONS
from projections.protocol import projection_positions
from tests.support.faults import (
    SMALL_LEVELS,
    STOP_AT,
    Fault,
    FaultKind,
    Faults,
    KilledError,
    fault_lists,
    rounded,
)
from tests.support.postgres import TestServer
from tests.support.processes import eventually, guided
from tests.support.random_histories import Move, Sessions, moves
from tests.support.read_side import Contents, ReadSide, open_read_side

PATIENCE_S = 60.0


@pytest.fixture(scope="module", autouse=True)
def _small_blocks() -> Iterator[None]:
    """Let short histories fill blocks of all levels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "LEVELS", SMALL_LEVELS)
        yield


class Look(NamedTuple):
    """Somebody lets a runner advance the read models after a move.

    Attributes:
        runner: which of two; only one of them leads.
    """

    after_move: int
    runner: int


class Contest:
    """Two runners that share read models, on connections and with handlers that go wrong."""

    def __init__(self, side: ReadSide, url: str, faults: list[Fault], batch_size: int) -> None:
        self._side = side
        self._faults = Faults(url, faults)
        self._batch_size = batch_size
        self._runners = [self._start(), self._start()]

    def advance(self, number: int) -> None:
        """Let a runner take in what there is; one that is killed is started anew."""
        try:
            self._runners[number].follow(Event())
        except (UnavailableError, RuntimeError):
            return  # who follows the log tries again
        except KilledError:
            self._runners[number].close()
            self._runners[number] = self._start()

    def finish(self) -> None:
        """Let one runner come to the end; where a read model has stopped, it tries again."""
        self._runners[1].close()
        target = self._side.log.last_position()
        for _ in range(100):
            self.advance(0)
            statuses = self._runners[0].status()
            for status in statuses:
                if status.stopped:
                    self._runners[0].resume(status.name)
            if all(status.position == target for status in statuses):
                break
        else:
            raise AssertionError(f"it never came to the end: {statuses}")
        self._runners[0].close()

    def _start(self) -> ProjectionRunner:
        return ProjectionRunner(
            self._side.log,
            self._side.pool,
            self._faults.connect,
            self._faults.projections(),
            self._batch_size,
        )


def clean_pass(side: ReadSide, url: str) -> Contents:
    """Empty the read models, and give what they hold after one pass in one batch."""
    with connect(url, autocommit=True) as connection:
        tables = [table for each in PROJECTIONS for table in (*each.tables, *each.sums)]
        for table in (*tables, projection_positions):
            connection.execute(f"TRUNCATE {table.fullname}".encode())
    with closing(side.runner(batch_size=1_000_000)) as runner:
        runner.catch_up()
    return side.contents()


@settings(max_examples=20, deadline=None)
@given(
    story=moves(),
    batch_size=st.integers(1, 30),
    looks=st.lists(st.builds(Look, st.integers(0, 60), st.integers(0, 1)), max_size=8),
    faults=fault_lists(),
)
@example(
    story=[Move("say", 0, 1), *(Move("answer", 0, choice) for choice in range(40))],
    batch_size=3,
    looks=[Look(20, 0), Look(20, 1), Look(30, 1), Look(35, 0)],
    faults=[Fault(40 * n, kind) for n, kind in enumerate(list(FaultKind) * 3, start=1)],
)
def test_whatever_goes_wrong_it_equals_one_clean_pass(
    postgres_server: TestServer,
    story: list[Move],
    batch_size: int,
    looks: list[Look],
    faults: list[Fault],
) -> None:
    with postgres_server.fresh_database() as url, open_read_side(url) as side:
        sessions, contest = Sessions(side.log), Contest(side, url, faults, batch_size)
        for number, move in enumerate(story):
            sessions.make(move)
            for look in looks:
                if look.after_move == number:
                    contest.advance(look.runner)
        contest.finish()
        found = side.contents()
        assert rounded(found) == rounded(clean_pass(side, url))


@pytest.fixture
def told(database_url: str) -> Iterator[ReadSide]:
    """Some sessions that have run."""
    with open_read_side(database_url) as side:
        for _ in range(6):
            side.tell_plain_session()
        yield side


def test_a_process_that_is_killed_in_a_batch_counts_nothing_twice_and_nothing_is_missing(
    told: ReadSide, database_url: str
) -> None:
    for step in (8, 13, 21, 30, 44):
        with guided(STOP_AT, database_url, "7", str(step)) as process:
            assert process.heard() == f"step {step}"
            process.kill()
    with guided(STOP_AT, database_url, "7", "0") as process:
        assert process.heard() == "done"
    found = told.contents()
    assert rounded(found) == rounded(clean_pass(told, database_url))


def test_a_stand_by_takes_over_when_the_leader_is_killed_in_a_batch(
    told: ReadSide, database_url: str
) -> None:
    stand_by = told.runner(batch_size=5)
    with guided(STOP_AT, database_url, "7", "60") as leader:
        assert leader.heard() == "step 60"
        assert stand_by.follow(Event()) == frozenset()
        before = {status.name: status.position for status in stand_by.status()}
        leader.kill()
        stand_by.catch_up(patience_s=PATIENCE_S)
    last = told.log.last_position()
    assert all(0 < position < last for position in before.values())
    assert {status.position for status in stand_by.status()} == {last}
    found = told.contents()
    stand_by.close()
    assert rounded(found) == rounded(clean_pass(told, database_url))


def test_a_leader_that_was_cut_off_stores_nothing_when_it_comes_back(
    told: ReadSide, database_url: str
) -> None:
    stand_by = told.runner(batch_size=5)
    with guided(STOP_AT, database_url, "7", "60") as leader:
        assert leader.heard() == "step 60"
        cut_off_leader(database_url)
        eventually(lambda: bool(stand_by.follow(Event())))
        overtaken = told.contents()
        leader.go_on()
        assert leader.finish() != 0
        assert told.contents() == overtaken
    stand_by.close()
    assert rounded(overtaken) == rounded(clean_pass(told, database_url))


def cut_off_leader(url: str) -> None:
    """Let the server end the connection that leads the read models."""
    with connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks"
            " WHERE locktype = 'advisory' AND classid = hashtext('hansard.projection')::oid"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
