"""A worker that is killed whenever it may be counts nothing twice, and misses nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.histories import History
from infrastructure.database import Connection, connect
from projections.catalogue import PROJECTIONS
from projections.protocol import projection_positions
from tests.support.event_log import recorder_on
from tests.support.faults import rounded
from tests.support.processes import PATIENCE_S, ROOT, eventually
from tests.support.read_side import Contents, ReadSide, open_read_side

EVENTS = 10_000

REACHED = "SELECT coalesce(min(position), 0) FROM hansard_read.projection_positions"

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def told(database_url: str) -> Iterator[ReadSide]:
    """A log with a history that takes some batches."""
    with recorder_on(database_url) as recorder:
        History(recorder, templates=30).append(EVENTS)
    with open_read_side(database_url) as side:
        yield side


@pytest.fixture
def start(database_url: str, tmp_path: Path) -> Start:
    """Start workers."""
    environment = {
        **os.environ,
        "HANSARD_DATABASE_URL": database_url,
        "HANSARD_HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(ROOT),
    }

    def start(*options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "hansard", "worker", "--no-sessions", *options]
        return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)

    return start


@contextmanager
def killed_at_the_end(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=PATIENCE_S)


def wait_for(connection: Connection, position: int) -> None:
    """Wait until all read models have come to a position, which they have rows for."""

    def is_reached() -> bool:
        row = connection.execute(REACHED).fetchone()
        return row is not None and row[0] >= position

    eventually(is_reached)


def take_in_at_once(side: ReadSide, start: Start, connection: Connection) -> Contents:
    """Empty the read models, let one worker fill them undisturbed, and give what they hold."""
    tables = [table for each in PROJECTIONS for table in (*each.tables, *each.sums)]
    for table in (*tables, projection_positions):
        connection.execute(f"TRUNCATE {table.fullname}".encode())
    process = start("--once")
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, said
    return side.contents()


def test_workers_that_are_killed_one_after_the_other_count_nothing_twice(
    told: ReadSide, start: Start, database_url: str
) -> None:
    last = told.log.last_position()
    with connect(database_url, autocommit=True) as connection:
        for reached in (1, EVENTS // 3):
            with killed_at_the_end(start()):
                wait_for(connection, reached)
        with killed_at_the_end(start()):
            wait_for(connection, last)
        found = told.contents()
        assert rounded(found) == rounded(take_in_at_once(told, start, connection))


def test_a_worker_that_stands_by_goes_on_where_the_killed_one_was(
    told: ReadSide, start: Start, database_url: str
) -> None:
    last = told.log.last_position()
    with connect(database_url, autocommit=True) as connection:
        with killed_at_the_end(start()):
            with killed_at_the_end(start()):
                wait_for(connection, 1)
            wait_for(connection, last)
        found = told.contents()
        assert rounded(found) == rounded(take_in_at_once(told, start, connection))
