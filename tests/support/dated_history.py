"""Dated history: a busy history that took days or weeks, and its read models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple

import sqlalchemy as sa

from domain.event import RecordedEvent
from infrastructure.projecting import ProjectionRunner
from projections.catalogue import PROJECTIONS
from tests.support.busy_history import BusyHistory, DatedLog
from tests.support.postgres import TestServer
from tests.support.read_side import open_read_side


class DatedHistory(NamedTuple):
    """Events, and a connection to the read models that took in all of them."""

    connection: sa.Connection
    log: DatedLog

    @property
    def events(self) -> list[RecordedEvent]:
        """All events."""
        return self.log.events

    @property
    def ends_at(self) -> datetime:
        """When the last event was recorded."""
        return self.events[-1].recorded_at

    def position_before(self, moment: datetime) -> int:
        """Tell the position of the last event that was recorded before a moment."""
        return sum(recorded.recorded_at < moment for recorded in self.events)


class UninterruptedRandom(Random):
    """Never draws the number that means that a session was lost and is resumed.

    In such histories, calls that were made before are answered afterwards; in real ones, they are
    made again.
    """

    def randrange(self, start: int, *more: Any) -> int:
        """Draw a number."""
        drawn = super().randrange(start, *more)
        return 39 if (start, drawn) == (40, 4) else drawn


@contextmanager
def dated_history(
    server: TestServer, events: int, apart: timedelta, *, seed: int = 1, told: int | None = None
) -> Iterator[DatedHistory]:
    """Tell a history of sessions that are never interrupted.

    Args:
        apart: time from one event to the next.
        told: how many of its events the log holds; all by default.
    """
    log = DatedLog(apart)
    history = BusyHistory(log, seed)
    history._random = UninterruptedRandom(seed)
    history.tell(events)
    del log.events[len(log.events) if told is None else told :]
    with (
        server.fresh_database() as conninfo,
        open_read_side(conninfo) as read_side,
        closing(ProjectionRunner(log, read_side.pool, read_side.connect, PROJECTIONS)) as runner,
        read_side.read_models.reading() as connection,
    ):
        runner.catch_up()
        yield DatedHistory(connection, log)
