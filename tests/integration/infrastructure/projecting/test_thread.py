"""The thread follows the log through outages, and ends when it is told to."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from time import monotonic
from typing import Any

import pytest

from application.errors import UnavailableError
from infrastructure.database import Connection
from infrastructure.event_log.wakeup import Wakeup
from infrastructure.projecting import ProjectionRunner, ProjectionThread
from projections.conversation_history import CONVERSATION_HISTORY
from tests.support.poison import texts
from tests.support.processes import eventually
from tests.support.read_side import ReadSide

OTHERS = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type LIKE 'client%'
"""

WAITS = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted)"

HUNG_S = 30.0
"""A thread that ends within this time has not waited for the database."""


@contextmanager
def running(runner: ProjectionRunner, read_side: ReadSide, **choices: Any) -> Iterator[Wakeup]:
    wakeup = Wakeup(read_side.connect)
    thread = ProjectionThread(runner, wakeup, **choices)
    thread.start()
    try:
        yield wakeup
    finally:
        thread.stop()
        wakeup.close()


def test_what_others_append_is_taken_in(read_side: ReadSide) -> None:
    with running(read_side.runner([CONVERSATION_HISTORY]), read_side):
        told = read_side.open_session("t0")
        eventually(lambda: texts(read_side) == ["t0"])
        told.say("NOVA_001", "t1")
        eventually(lambda: texts(read_side) == ["t0", "t1"])


def test_a_cut_connection_is_replaced_and_nothing_is_lost(
    read_side: ReadSide, connection: Connection
) -> None:
    told = read_side.open_session("t0")
    with running(read_side.runner([CONVERSATION_HISTORY]), read_side):
        for number in range(1, 4):
            connection.execute(OTHERS.encode())
            told.say("NOVA_001", f"t{number}")
        eventually(lambda: len(texts(read_side)) == 4)
    assert texts(read_side) == ["t0", "t1", "t2", "t3"]


class FailingLog:
    """A log that cannot be read until it is repaired."""

    def __init__(self, read_side: ReadSide, error: Exception) -> None:
        self._log = read_side.log
        self._error = error
        self.failures = 0
        self.is_repaired = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def last_position(self) -> int:
        if not self.is_repaired:
            self.failures += 1
            raise self._error
        return self._log.last_position()


@pytest.mark.parametrize(
    ("error", "level"),
    [(UnavailableError("no database"), "WARNING"), (ValueError("a fault"), "ERROR")],
)
def test_whatever_goes_wrong_is_said_once_and_tried_again(
    read_side: ReadSide, caplog: pytest.LogCaptureFixture, error: Exception, level: str
) -> None:
    caplog.set_level(logging.INFO)
    read_side.open_session("t0")
    failing: Any = FailingLog(read_side, error)
    runner = ProjectionRunner(failing, read_side.pool, read_side.connect, [CONVERSATION_HISTORY])
    led: list[frozenset[str]] = []
    with running(runner, read_side, on_led=led.append):
        eventually(lambda: failing.failures > 2)
        failing.is_repaired = True
        eventually(lambda: texts(read_side) == ["t0"])
        eventually(lambda: led[-1:] == [frozenset({CONVERSATION_HISTORY.name})])
    said = [record for record in caplog.records if "projecting" in record.name]
    assert [record.levelname for record in said] == [level, "INFO"]
    assert led == [frozenset(), frozenset({CONVERSATION_HISTORY.name})]


def test_it_ends_also_while_the_database_lets_it_wait(
    read_side: ReadSide, connection: Connection
) -> None:
    told = read_side.open_session("t0")
    runner = read_side.runner([CONVERSATION_HISTORY])
    runner.catch_up()
    with running(runner, read_side), connection.transaction():
        connection.execute("SELECT FROM hansard_read.projection_positions FOR UPDATE")
        told.say("NOVA_001", "t1")
        with read_side.connect() as watching:
            eventually(lambda: watching.execute(WAITS).fetchone() == (True,))
        thread_ended = monotonic()
        runner.cancel(1.0)  # as `stop` does after a while
        connection.execute("SELECT 1")
    assert monotonic() - thread_ended < HUNG_S
    runner.catch_up()
    assert texts(read_side) == ["t0", "t1"]


def test_a_stand_by_says_what_it_leads_when_it_takes_over(read_side: ReadSide) -> None:
    leader = read_side.runner([CONVERSATION_HISTORY])
    leader.follow(Event())
    led: list[frozenset[str]] = []
    with running(read_side.runner([CONVERSATION_HISTORY]), read_side, on_led=led.append):
        eventually(lambda: led == [frozenset()])
        leader.close()
        eventually(lambda: led == [frozenset(), frozenset({CONVERSATION_HISTORY.name})])


def test_one_that_was_never_started_can_be_stopped(read_side: ReadSide) -> None:
    wakeup = Wakeup()
    ProjectionThread(read_side.runner(), wakeup).stop()
    wakeup.close()
