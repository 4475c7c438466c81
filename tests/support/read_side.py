"""ReadSide: a real log and its read models in one database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from infrastructure.database import connect
from infrastructure.event_log.log import PostgresEventLog
from infrastructure.event_log.mapper import EventMapper
from infrastructure.projection_runner import ProjectionRunner
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
    ids: Ids = field(default_factory=Ids)
    clock: SteppingClock = field(default_factory=SteppingClock)

    def runner(
        self, projections: Sequence[Projection] = PROJECTIONS, batch_size: int = 1000
    ) -> ProjectionRunner:
        """Make a runner."""
        return ProjectionRunner(self.log, self.read_models, projections, batch_size)

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
                for table in projection.tables:
                    query = sa.select(table).order_by(table.columns.position)
                    contents[table.name] = [tuple(row) for row in connection.execute(query)]
        return contents


@contextmanager
def open_read_side(conninfo: str) -> Iterator[ReadSide]:
    """Open a migrated database."""
    with recorder_on(conninfo, ids=Ids(1_000_000)) as recorder:
        log = PostgresEventLog(recorder, EventMapper())
        read_models = ReadModels(lambda: connect(conninfo))
        try:
            yield ReadSide(log, read_models)
        finally:
            read_models.close()
