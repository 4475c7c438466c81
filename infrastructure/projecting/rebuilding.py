"""Rebuilding: a read model is built anew beside the live one, and takes its place when done."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING

from psycopg import errors

from application.errors import ConflictError
from infrastructure.projecting import sql
from infrastructure.projecting.status import (
    LIVE,
    NEXT,
    Member,
    NewerProjectionError,
    read_members,
)
from projections.protocol import REBUILD_SCHEMA, SCHEMA, Projection

if TYPE_CHECKING:
    from infrastructure.database import Connection

PATIENCE = "50ms"
"""For so long an exchange waits for queries that use the tables, while others wait behind it."""

FIRST_PAUSE_S, MAX_PAUSE_S = 0.1, 2.0
"""Seconds between two attempts to exchange tables that are in use; they double from the first."""

logger = logging.getLogger(__name__)


def check_runs(connection: Connection, projections: Sequence[Projection]) -> None:
    """See that none is paused.

    Raises:
        ConflictError: one is.
    """
    _check_runs(read_members(connection, projections))


def begin(connection: Connection, projection: Projection) -> int:
    """Make empty tables for the successor, unless one of this version is being built already.

    Returns:
        Which one is live now; `is_replaced` tells whether another one has taken its place.

    Raises:
        ConflictError: the read model is paused.
        NewerProjectionError: it was built by a newer Hansard.
    """
    name, version = projection.name, projection.version
    with connection.transaction():
        connection.execute(sql.ADD_ROW, {"name": name, "slot": LIVE, "version": version})
        members = read_members(connection, [projection], lock=True)
        newest = max(member.version for member in members)
        if newest > version:
            raise NewerProjectionError(name, newest, version)
        _check_runs(members)
        successor = next((member for member in members if member.slot == NEXT), None)
        goes_on = successor is not None and successor.failed_position is None
        if successor is None or not goes_on or successor.version < version:
            _drop(connection, name)
            connection.execute(sql.BEGIN_REBUILD, {"name": name})
            connection.execute(sql.ADD_ROW, {"name": name, "slot": NEXT, "version": version})
        return _identity(connection, projection)


def is_replaced(connection: Connection, projection: Projection, former: int) -> bool:
    """Tell whether a read model is live that was not when a rebuild was begun."""
    return _identity(connection, projection) != former


def abandon_if_stopped(connection: Connection, name: str) -> None:
    """Give up a successor that stopped at an event.

    Raises:
        ConflictError: it did; says where and why.
    """
    with connection.transaction():
        row = connection.execute(sql.STOPPED_SUCCESSOR, {"name": name}).fetchone()
        if row is None:
            return
        _drop(connection, name)
        connection.execute(sql.DROP_REBUILD, {"name": name})
    position, error = row
    raise ConflictError(
        f"The read model {name!r} cannot be built anew: it comes up to position {position - 1:,}"
        f" ({error}). The one there was stays in use."
    )


class Exchange:
    """Lets successors take the place of the live read models, in the process that leads them.

    It keeps nobody waiting: while queries use the tables it tries again after pauses.
    """

    def __init__(self) -> None:
        self._pauses: dict[str, tuple[float, float]] = {}

    def forget(self, name: str) -> None:
        """Note that no successor is being built."""
        self._pauses.pop(name, None)

    def attempt(self, connection: Connection, member: Member, successor: Member) -> bool:
        """Let a successor take the place of the live read model.

        Returns:
            Whether it did; not as long as queries use the tables, or when it has been overtaken.
        """
        name = member.name
        if name not in self._pauses:
            _analyze(connection, member.projection)  # nobody is to wait for good plans later
            self._pauses[name] = (0.0, FIRST_PAUSE_S)
        due, pause_s = self._pauses[name]
        if monotonic() < due:
            return False
        if _finish(connection, member, successor):
            self.forget(name)
            return True
        self._pauses[name] = (monotonic() + pause_s, min(2 * pause_s, MAX_PAUSE_S))
        return False


def _finish(connection: Connection, member: Member, successor: Member) -> bool:
    name = member.name
    try:
        with connection.transaction():
            connection.execute(sql.LOCK_PATIENCE, {"patience": PATIENCE})
            if read_members(connection, [member.projection], lock=True) != [member, successor]:
                return False
            connection.execute(sql.FINISH_REBUILD, {"name": name})
            for statement in (sql.FORGET_ASIDE, sql.DROP_ROW):
                connection.execute(statement, {"name": name, "slot": LIVE})
            for statement in (sql.ASIDE_GOES_LIVE, sql.GO_LIVE):
                connection.execute(statement, {"name": name})
    except (errors.LockNotAvailable, errors.DeadlockDetected) as error:
        logger.debug("read model %r is in use and exchanged later: %s", name, error)
        return False
    return True


def _check_runs(members: Sequence[Member]) -> None:
    for member in members:
        if member.paused_at is not None:
            raise ConflictError(f"The read model {member.name!r} is paused: resume it first.")


def _drop(connection: Connection, name: str) -> None:
    """Forget a successor; its tables are dropped by whoever drops or makes them."""
    for statement in (sql.DROP_ROW, sql.FORGET_ASIDE):
        connection.execute(statement, {"name": name, "slot": NEXT})


def _analyze(connection: Connection, projection: Projection) -> None:
    names = ", ".join(
        f"{REBUILD_SCHEMA}.{table.name}" for table in (*projection.tables, *projection.sums)
    )
    connection.execute(sql.ANALYZE.format(tables=names).encode())


def _identity(connection: Connection, projection: Projection) -> int:
    values = {"table": f"{SCHEMA}.{projection.tables[0].name}"}
    row = connection.execute(sql.IDENTITY, values).fetchone()
    return int(row[0]) if row and row[0] is not None else 0
