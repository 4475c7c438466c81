"""Projection runner: keeps read models up to date, each event exactly once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import orjson
import sqlalchemy as sa

from application.errors import NotFoundError, UnavailableError
from application.ports import EventLog
from domain.event import RecordedEvent
from domain.value import Value
from infrastructure.read_models import ReadModels, translated_sql
from projections.catalogue import PROJECTIONS
from projections.protocol import Batch, Projection, projection_positions

logger = logging.getLogger(__name__)

BATCH_SIZE = 2_000
"""Positions of the log that one transaction takes in at most."""


class ProjectionStatus(Value):
    """How a read model stands.

    Attributes:
        position: position of the newest event it holds.
        lag: how many positions the log is ahead.
        failed_position: the event it stopped at; None while it runs.
        error: why it stopped there.
        updated_at: when it last moved; None before the first time.
    """

    name: str
    version: int
    position: int
    lag: int
    failed_position: int | None = None
    error: str | None = None
    updated_at: datetime | None = None

    @property
    def stopped(self) -> bool:
        """Whether it waits for somebody to repair the cause and resume it."""
        return self.failed_position is not None


class NewerProjectionError(UnavailableError):
    """The read model was built by a newer Hansard."""

    def __init__(self, projection: str, stored: int, known: int) -> None:
        super().__init__(
            f"The read model {projection!r} was built by a newer Hansard (version {stored}; this"
            f" one knows {known}): upgrade Hansard, or use another database."
        )


class BatchFailedError(Exception):
    """A batch could not be taken in, for a reason that lies in its events or in the code.

    Attributes:
        position: position of its first event.
        said: the cause in words.
    """

    def __init__(self, position: int, cause: Exception) -> None:
        self.position = position
        self.said = f"{type(cause).__name__}: {cause}".replace("\x00", "\ufffd")
        super().__init__(self.said)


class ProjectionRunner:
    """Reads the log in batches; a batch's rows and its position are kept in one transaction.

    Any number of processes may run it: an advisory lock lets one at a time advance a read model,
    and whoever comes next goes on from where that one came to. An event that cannot be taken in
    stops its read model, and no other; it is never skipped.
    """

    def __init__(
        self,
        log: EventLog,
        read_models: ReadModels,
        projections: Sequence[Projection] = PROJECTIONS,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        self._log = log
        self._read_models = read_models
        self._projections = {projection.name: projection for projection in projections}
        self._batch_size = batch_size

    def catch_up(self, until: int | None = None) -> tuple[ProjectionStatus, ...]:
        """Take in all events up to a position (None: all there are now).

        Returns:
            How every read model stands; a stopped one says why.

        Raises:
            UnavailableError: the database cannot be used, or is newer than the code.
        """
        target = self._log.last_position() if until is None else until
        for projection in self._projections.values():
            self._advance(projection, target)
        return self.status()

    def status(self) -> tuple[ProjectionStatus, ...]:
        """Tell how every read model stands.

        Raises:
            UnavailableError: the database cannot be used.
        """
        with self._read_models.reading() as connection:
            rows = connection.execute(sa.select(projection_positions)).mappings()
            stored: dict[str, Any] = {row["projection"]: dict(row) for row in rows}
        last = self._log.last_position()
        return tuple(
            _status(projection, stored.get(projection.name, {}), last)
            for projection in self._projections.values()
        )

    def resume(self, name: str) -> None:
        """Let a stopped read model try its event again at the next `catch_up`.

        Raises:
            NotFoundError: there is no such read model.
        """
        projection = self._projection(name)
        with self._read_models.writing() as connection:
            _lock(connection, projection)
            _store(connection, projection, failed_position=None, error=None)

    def rebuild(self, name: str) -> ProjectionStatus:
        """Empty a read model and build it anew from the whole log.

        Meanwhile its queries answer as of the position it has come to.

        Raises:
            NotFoundError: there is no such read model.
        """
        projection = self._projection(name)
        with self._read_models.writing() as connection:
            _lock(connection, projection)
            _ensure_row(connection, projection)
            _empty(connection, projection)
        self._advance(projection, self._log.last_position())
        return next(status for status in self.status() if status.name == name)

    def count_rows(self, positions: Sequence[int]) -> dict[str, int]:
        """Count the rows that read models made of the events at some positions, by read model."""
        with self._read_models.reading() as connection:
            return {
                projection.name: sum(
                    connection.scalar(_counting(table), {"positions": positions})
                    for table in projection.tables
                )
                for projection in self._projections.values()
            }

    def take_in_again(self, session_id: UUID) -> dict[str, int]:
        """Make the rows of a session anew from its events: what was erased there goes here too.

        A stopped read model may try again, because what it said of its failure may quote an event.

        Returns:
            How many rows were replaced, by read model.

        Raises:
            UnavailableError: the database cannot be used, or is newer than the code.
        """
        return {
            name: self._take_in_again(projection, session_id)
            for name, projection in self._projections.items()
        }

    def _take_in_again(self, projection: Projection, session_id: UUID) -> int:
        with self._read_models.writing() as connection:
            _lock(connection, projection)
            stored = _ensure_row(connection, projection)
            types = projection.handlers.keys()
            events = list(
                self._log.read(until=stored["position"], session_id=session_id, types=types)
            )
            positions = [recorded.position for recorded in events]
            replaced = sum(
                connection.execute(_deletion(table), {"positions": positions}).rowcount
                for table in projection.tables
            )
            _record(connection, projection, events)
            _store(connection, projection, failed_position=None, error=None)
        return replaced

    def _projection(self, name: str) -> Projection:
        if name not in self._projections:
            known = ", ".join(self._projections)
            raise NotFoundError("read model", name, f"The read models are {known}.")
        return self._projections[name]

    def _advance(self, projection: Projection, target: int) -> None:
        """Take in batch after batch; a failing one is halved until the event that fails is left."""
        size, reached = self._batch_size, -1
        while reached < target:
            try:
                reached = self._take_in(projection, target, size)
            except BatchFailedError as failed:
                if size == 1:
                    self._stop(projection, failed)
                    return
                size //= 2

    def _take_in(self, projection: Projection, target: int, size: int) -> int:
        """Take in one batch and tell the position reached; the target when there is no more."""
        with self._read_models.writing() as connection:
            _lock(connection, projection)
            stored = _ensure_row(connection, projection)
            position: int = stored["position"]
            if stored["failed_position"] is not None or position >= target:
                return target
            reached = min(position + size, target)
            try:
                with translated_sql():
                    _project(connection, projection, self._log, position, reached)
            except UnavailableError:
                raise
            except Exception as error:
                raise BatchFailedError(position + 1, error) from error
            _store(connection, projection, position=reached)
        return reached

    def _stop(self, projection: Projection, failed: BatchFailedError) -> None:
        with self._read_models.writing() as connection:
            _lock(connection, projection)
            if _ensure_row(connection, projection)["position"] + 1 != failed.position:
                return  # another runner got past it
            _store(connection, projection, failed_position=failed.position, error=failed.said)
        logger.error(
            "read model %r stopped at position %d: %s",
            projection.name,
            failed.position,
            failed.said,
            exc_info=failed,
        )


def _project(
    connection: sa.Connection, projection: Projection, log: EventLog, after: int, until: int
) -> None:
    events = list(log.read(after=after, until=until, types=projection.handlers.keys()))
    if events:
        _record(connection, projection, events)


def _record(
    connection: sa.Connection, projection: Projection, events: Sequence[RecordedEvent]
) -> None:
    batch = Batch(projection.recall(connection, events))
    for recorded in events:
        projection.handlers[recorded.type](batch, recorded)
    for table, rows in batch.rows.items():
        connection.execute(_insertion(table), {"rows": orjson.dumps(rows, default=str).decode()})


@cache
def _insertion(table: sa.Table) -> sa.TextClause:
    """Insert any number of rows by one statement with one parameter.

    Four times as fast as `executemany`, and without its pipeline, which hangs on large rows.
    """
    names = ", ".join(f'"{column.name}"' for column in table.columns if column.computed is None)
    return sa.text(
        f"INSERT INTO {table.fullname} ({names}) SELECT {names}"  # noqa: S608 - names of our tables
        f" FROM json_populate_recordset(NULL::{table.fullname}, CAST(:rows AS json))"
    )


def _counting(table: sa.Table) -> sa.Select[Any]:
    return sa.select(sa.func.count()).select_from(table).where(_at_positions(table))


def _deletion(table: sa.Table) -> sa.Delete:
    return sa.delete(table).where(_at_positions(table))


def _at_positions(table: sa.Table) -> sa.ColumnElement[bool]:
    positions = sa.bindparam("positions", type_=sa.ARRAY(sa.BigInteger))
    return sa.and_(table.columns.position == sa.any_(positions))


def _lock(connection: sa.Connection, projection: Projection) -> None:
    """Wait until no other runner advances this read model; held to the end of the transaction."""
    connection.execute(
        sa.select(
            sa.func.pg_advisory_xact_lock(
                sa.func.hashtext("hansard.projection"), sa.func.hashtext(projection.name)
            )
        )
    )


def _ensure_row(connection: sa.Connection, projection: Projection) -> dict[str, Any]:
    columns = projection_positions.columns
    query = sa.select(projection_positions).where(columns.projection == projection.name)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        values = {"projection": projection.name, "version": projection.version, "position": 0}
        now = sa.func.clock_timestamp()
        connection.execute(sa.insert(projection_positions).values(**values, updated_at=now))
        return {**values, "failed_position": None}
    if row["version"] > projection.version:
        raise NewerProjectionError(projection.name, row["version"], projection.version)
    if row["version"] < projection.version:
        _empty(connection, projection)
        return {**row, "position": 0, "failed_position": None}
    return dict(row)


def _empty(connection: sa.Connection, projection: Projection) -> None:
    for table in projection.tables:
        connection.execute(sa.delete(table))
    _store(
        connection,
        projection,
        version=projection.version,
        position=0,
        failed_position=None,
        error=None,
    )


def _store(connection: sa.Connection, projection: Projection, **values: Any) -> None:
    connection.execute(
        sa.update(projection_positions)
        .where(projection_positions.columns.projection == projection.name)
        .values(**values, updated_at=sa.func.clock_timestamp())
    )


def _status(projection: Projection, stored: dict[str, Any], last: int) -> ProjectionStatus:
    position = stored.get("position", 0)
    return ProjectionStatus(
        name=projection.name,
        version=stored.get("version", projection.version),
        position=position,
        lag=max(last - position, 0),
        failed_position=stored.get("failed_position"),
        error=stored.get("error"),
        updated_at=stored.get("updated_at"),
    )
