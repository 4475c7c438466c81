"""Faults: what goes wrong on the connection that keeps read models up to date, and in handlers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

import psycopg

from domain.event import RecordedEvent
from infrastructure.database import Connection, connect, open_pool, prepare_writer
from infrastructure.database.connection import complete
from infrastructure.event_log.log import PostgresEventLog
from infrastructure.event_log.mapper import EventMapper
from infrastructure.projecting import ProjectionRunner
from projections.activity import blocks
from projections.catalogue import PROJECTIONS
from projections.protocol import Batch, Handler, Projection
from tests.support.event_log import recorder_on
from tests.support.processes import eventually
from tests.support.read_side import Contents

SMALL_LEVELS = [3, 5, 8]
"""Blocks so small that short histories fill blocks of all levels."""


class FaultKind(StrEnum):
    """What goes wrong."""

    TERMINATED = "the server ends the connection"
    BROKEN = "the network breaks, so that nobody knows what became of the last statement"
    RAISED = "something raises, as a bug would"
    KILLED = "the process ends without cleaning up"


class KilledError(BaseException):
    """Stands for the end of a process: nothing catches it."""


class Fault(NamedTuple):
    """Something that goes wrong once, at a step: before or after a statement, or in a handler."""

    step: int
    kind: FaultKind


@dataclass
class Faults:
    """Counts steps and lets the faults that are due happen."""

    url: str
    due: Iterable[Fault]
    steps: int = 0
    reached: Callable[[int], object] = int
    _due: dict[int, FaultKind] = field(init=False)

    def __post_init__(self) -> None:
        self._due = {fault.step: fault.kind for fault in self.due}

    def connect(self) -> Connection:
        """Open a connection that goes wrong in its time."""
        connection: FaultyConnection = FaultyConnection.connect(complete(self.url), autocommit=True)
        prepare_writer(connection)
        connection.faults = self
        connection.cursor_factory = FaultyCursor
        return connection

    def projections(self) -> list[Projection]:
        """Give all read models, with handlers that go wrong in their time."""
        return [
            replace(
                projection,
                handlers={
                    name: self._faulty(handle) for name, handle in projection.handlers.items()
                },
            )
            for projection in PROJECTIONS
        ]

    def step(self, connection: Connection | None = None) -> None:
        """Go on by one step."""
        self.steps += 1
        self.reached(self.steps)
        match self._due.pop(self.steps, None):
            case FaultKind.TERMINATED if connection is not None:
                self._terminate(connection)
            case FaultKind.BROKEN if connection is not None:
                connection.close()
                raise psycopg.OperationalError("the connection broke")
            case FaultKind.KILLED:
                raise KilledError
            case None:
                return
            case kind:
                raise RuntimeError(str(kind))

    def _terminate(self, connection: Connection) -> None:
        backend = connection.info.backend_pid
        with connect(self.url, autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(%s)", (backend,))
            eventually(
                lambda: (
                    admin.execute(
                        "SELECT FROM pg_stat_activity WHERE pid = %s", (backend,)
                    ).fetchone()
                    is None
                )
            )

    def _faulty(self, handle: Handler) -> Handler:
        def faulty(batch: Batch, recorded: RecordedEvent) -> None:
            self.step()
            handle(batch, recorded)
            self.step()

        return faulty


class FaultyConnection(psycopg.Connection[Any]):
    """Goes wrong as its faults say, also right after a commit."""

    faults: Faults

    @contextmanager
    def transaction(self, *values: Any, **choices: Any) -> Iterator[psycopg.Transaction]:
        with super().transaction(*values, **choices) as transaction:
            yield transaction
        self.faults.step(self)


class FaultyCursor(psycopg.Cursor[Any]):
    """Goes wrong before or after a statement, and within a COPY."""

    def execute(self, *values: Any, **choices: Any) -> FaultyCursor:
        self._faults.step(self.connection)
        super().execute(*values, **choices)
        self._faults.step(self.connection)
        return self

    @contextmanager
    def copy(self, *values: Any, **choices: Any) -> Iterator[psycopg.Copy]:
        self._faults.step(self.connection)
        with super().copy(*values, **choices) as copy:
            yield copy
            self._faults.step(self.connection)

    @property
    def _faults(self) -> Faults:
        connection: Any = self.connection
        faults: Faults = connection.faults
        return faults


def fault_lists(kinds: Sequence[FaultKind] = tuple(FaultKind), most: int = 6) -> Any:
    """Draw faults of a few hundred steps, which some batches take."""
    from hypothesis import strategies as st  # noqa: PLC0415 - this file runs as a program, too

    fault = st.builds(Fault, st.integers(1, 600), st.sampled_from(kinds))
    return st.lists(fault, max_size=most, unique_by=lambda fault: fault.step)


def rounded(contents: Contents) -> Contents:
    """Round what is added up in floating point, where the order of the addends shows."""
    return {
        table: sorted(
            (
                tuple(round(value, 6) if isinstance(value, float) else value for value in row)
                for row in rows
            ),
            key=repr,
        )
        for table, rows in contents.items()
    }


def stop_at(url: str, batch_size: int, step: int) -> None:
    """Keep read models up to date until a step; then say so, and wait to be killed or to go on."""

    def wait(reached: int) -> None:
        if reached == step:
            sys.stdout.write(f"step {step}\n")
            sys.stdout.flush()
            sys.stdin.readline()

    blocks.LEVELS = SMALL_LEVELS
    faults = Faults(url, (), reached=wait)
    with (
        recorder_on(url) as recorder,
        open_pool(url, prepare=prepare_writer) as pool,
    ):
        log = PostgresEventLog(recorder, EventMapper())
        runner = ProjectionRunner(log, pool, faults.connect, PROJECTIONS, batch_size)
        runner.catch_up()
        sys.stdout.write("done\n")


STOP_AT = """
import sys
from tests.support.faults import stop_at
stop_at(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
"""
"""Run it with a connection string, a batch size and a step."""
