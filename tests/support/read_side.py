"""ReadSide: a real log and its read models in one database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import sqlalchemy as sa

from infrastructure.database import Connection, connect, open_pool, prepare_writer
from infrastructure.database.connection import DatabasePool
from infrastructure.event_log.log import PostgresEventLog
from infrastructure.event_log.mapper import EventMapper
from infrastructure.projecting import ProjectionRunner
from infrastructure.read_models import ReadModels
from projections.catalogue import PROJECTIONS
from projections.protocol import Projection
from tests.support.event_log import recorder_on
from tests.support.histories import Ids, SessionTeller, SteppingClock, tell_plain_session

Contents = dict[str, list[tuple[Any, ...]]]


@dataclass
class ReadSide:
    """What a test of a read model needs."""

    log: PostgresEventLog
    read_models: ReadModels
    pool: DatabasePool
    connect: Callable[[], Connection]
    closing: ExitStack
    ids: Ids = field(default_factory=Ids)
    clock: SteppingClock = field(default_factory=SteppingClock)

    def runner(
        self, projections: Sequence[Projection] = PROJECTIONS, batch_size: int = 1000
    ) -> ProjectionRunner:
        """Make a runner."""
        runner = ProjectionRunner(self.log, self.pool, self.connect, projections, batch_size)
        self.closing.callback(runner.close)
        return runner

    def open_session(self, request: str = "Report on Q4") -> SessionTeller:
        """Open a session to tell."""
        return SessionTeller(self.log, self.ids, self.clock, request)

    def tell_plain_session(self, request: str = "Report on Q4") -> SessionTeller:
        """Tell a whole session."""
        return tell_plain_session(self.log, self.ids, self.clock, request)

    def contents(self, projections: Sequence[Projection] = PROJECTIONS) -> Contents:
        """Read all rows of all tables, by table."""
        contents: Contents = {}
        with self.read_models.reading() as connection:
            for projection in projections:
                for table in (*projection.tables, *projection.sums):
                    rows = [tuple(row) for row in connection.execute(sa.select(table))]
                    contents[table.name] = sorted(rows, key=repr)
        return contents


@contextmanager
def open_read_side(conninfo: str) -> Iterator[ReadSide]:
    """Open a migrated database."""
    connect_here = partial(connect, conninfo, autocommit=True, prepare=prepare_writer)
    with (
        recorder_on(conninfo, ids=Ids(1_000_000)) as recorder,
        open_pool(conninfo, prepare=prepare_writer) as pool,
        ExitStack() as closing,
    ):
        read_models = ReadModels(partial(connect, conninfo, prepare=prepare_writer))
        closing.callback(read_models.close)
        log = PostgresEventLog(recorder, EventMapper())
        yield ReadSide(log, read_models, pool, connect_here, closing)
