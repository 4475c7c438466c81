"""PostgresSubjectTraces: finds what was derived from a subject's events, and clears it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from psycopg import errors
from psycopg import sql as identifiers

from application.ports import Cleared
from infrastructure.database.connection import WITHOUT_TIME_LIMIT
from infrastructure.database.errors import translated
from infrastructure.erasure import sql
from infrastructure.erasure.vault import LIFETIME_S
from infrastructure.similar.erasing import erase_rows

if TYPE_CHECKING:
    from infrastructure.database import Connection
    from infrastructure.event_log.recorder import PostgresEventRecorder
    from infrastructure.projecting import ProjectionRunner

SMALL_BYTES = 256_000_000
"""Size up to which a table is rewritten at once; nobody reads or writes it meanwhile."""

PATIENCE_S = 5.0
"""Seconds that whoever uses the tables is waited for, before they are left as they are."""

POLL_S = 0.05


class PostgresSubjectTraces:
    """Clears read models and snapshots, and the files of the tables where it may.

    Args:
        runner: gives the runner of the read models when it is first needed.
        connect: opens a connection in autocommit mode.
    """

    def __init__(
        self,
        recorder: PostgresEventRecorder,
        runner: Callable[[], ProjectionRunner],
        connect: Callable[[], Connection],
    ) -> None:
        self._recorder = recorder
        self._runner = runner
        self._connect = connect

    def sessions_of(self, subject: str) -> list[UUID]:
        """List the sessions of a subject, forks too; see the port. No event is decoded."""
        return [
            event.enveloped.session_id
            for event in self._recorder.select_log(types=("session.opened", "session.forked"))
            if event.enveloped.subject == subject and event.enveloped.session_id is not None
        ]

    def count(self, sessions: Sequence[UUID]) -> Cleared:
        """Count what would be cleared; see the port."""
        positions, streams = self._find(sessions)
        with translated(), self._connect() as connection:
            row = connection.execute(sql.COUNT_SNAPSHOTS, (list(streams),)).fetchone()
        return Cleared(self._runner().count_rows(positions), row[0] if row else 0)

    def clear(self, sessions: Sequence[UUID]) -> Cleared:
        """Clear; see the port. It is safe to repeat."""
        time.sleep(LIFETIME_S)  # until then, other processes may still know the key
        rows: Counter[str] = Counter()
        for session_id in sessions:
            rows.update(self._runner().take_in_again(session_id))
        _, streams = self._find(sessions)
        with translated(), self._connect() as connection:
            erase_rows(connection, sessions)
            snapshots = connection.execute(sql.DELETE_SNAPSHOTS, (list(streams),)).rowcount
            unswept = _sweep(connection)
        return Cleared(dict(rows), snapshots, unswept)

    def _find(self, sessions: Iterable[UUID]) -> tuple[list[int], set[UUID]]:
        positions, streams = [], set()
        for session_id in sessions:
            for event in self._recorder.select_log(session_id=session_id):
                positions.append(event.position)
                streams.add(UUID(str(event.originator_id)))
        return positions, streams


def _sweep(connection: Connection) -> tuple[str, ...]:
    """Take deleted rows out of the files of the tables; name those where that cannot be done."""
    connection.execute("SELECT set_config('lock_timeout', %s, false)", (f"{PATIENCE_S}s",))
    connection.execute(WITHOUT_TIME_LIMIT)
    unseen = _wait_until_unseen(connection)
    tables = connection.execute(sql.TABLES_WITH_WORDS).fetchall()
    unswept = []
    for schema, table, size, allowed in tables:
        small = size <= SMALL_BYTES
        swept = allowed and _vacuum(connection, schema, table, full=small)
        if not (swept and small and unseen):
            unswept.append(f"{schema}.{table}")
    return tuple(unswept)


def _wait_until_unseen(connection: Connection) -> bool:
    """Wait until no transaction is left that could still see what was just deleted."""
    now = connection.execute(sql.NOW).fetchone()
    deadline = time.monotonic() + PATIENCE_S
    while connection.execute(sql.IS_SEEN, now).fetchone() == (True,):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def _vacuum(connection: Connection, schema: str, table: str, *, full: bool) -> bool:
    statement = identifiers.SQL("VACUUM (FULL) {}" if full else "VACUUM {}")
    try:
        connection.execute(statement.format(identifiers.Identifier(schema, table)))
    except errors.LockNotAvailable:
        return False
    return True
