"""Tracking: what applications of the library that follow others record, and how far they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any

from eventsourcing.persistence import (
    IntegrityError,
    ProcessRecorder,
    StoredEvent,
    Tracking,
    TrackingRecorder,
)

from infrastructure.database.errors import DatabaseUnavailableError, translated
from infrastructure.event_log.errors import StoreUnavailableError
from infrastructure.event_log.logged_event import LoggedEvent
from infrastructure.event_log.mapper import EnvelopedEvent
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.event_log.writer import AppendConnection, GroupWriter, send

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from application.ports import IdFactory
    from infrastructure.database import Connection
    from infrastructure.event_log.wakeup import Wakeup

TRACK = """
INSERT INTO hansard.tracking AS known VALUES (%(application)s, %(position)s)
ON CONFLICT (application) DO UPDATE SET position = excluded.position
WHERE known.position < excluded.position
"""

TRACKED = "SELECT position FROM hansard.tracking WHERE application = %(application)s"


class PostgresTrackingRecorder(TrackingRecorder):
    """Keeps how far upstream applications have been followed.

    Args:
        pool: connections in autocommit mode.
    """

    def __init__(self, pool: ConnectionPool[Any]) -> None:
        self._pool = pool

    def insert_tracking(self, tracking: Tracking) -> None:
        """Record a position.

        Raises:
            IntegrityError: this position, or a higher one, was recorded before.
        """
        with translated(), self._pool.connection() as connection:
            track(connection, tracking)

    def max_tracking_id(self, application_name: str) -> int | None:
        """Tell how far an application has been followed; None for not at all."""
        with translated(), self._pool.connection() as connection:
            row = connection.execute(TRACKED, {"application": application_name}).fetchone()
        return row[0] if row else None


class PostgresProcessRecorder(PostgresEventRecorder, PostgresTrackingRecorder, ProcessRecorder):
    """Appends what follows from an upstream event together with the position of that event.

    Args:
        connect: opens a connection in autocommit mode, for appends with a position.
    """

    def __init__(
        self,
        pool: ConnectionPool[Any],
        writer: GroupWriter,
        ids: IdFactory,
        *,
        connect: Callable[[], Connection],
        wakeup: Wakeup | None = None,
    ) -> None:
        super().__init__(pool, writer, ids, wakeup=wakeup)
        self._connection = AppendConnection(connect)
        self._appending = Lock()

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        tracking: Tracking | None = None,
        **_: Any,
    ) -> Sequence[int] | None:
        """Append events and record a position, both or neither.

        Raises:
            IntegrityError: this position, or a higher one, was recorded before.
        """
        if tracking is None:
            return super().insert_events(stored_events)
        if not stored_events:
            self.insert_tracking(tracking)
            return []
        events = [*map(self._enveloped, stored_events)]
        try:
            with self._appending, translated():
                logged = self._append_tracked(events, tracking)
        except DatabaseUnavailableError as error:
            raise StoreUnavailableError(str(error)) from error
        self._wakeup.appended()
        return [event.position for event in logged]

    def close(self) -> None:
        """Close the connection for appends with a position."""
        with self._appending:
            self._connection.close()

    def _append_tracked(
        self, events: Sequence[EnvelopedEvent], tracking: Tracking
    ) -> list[LoggedEvent]:
        append = self._prepare(events)
        connection, entry_type = self._connection.open()
        with connection.transaction():
            track(connection, tracking)
            [outcome] = send(connection, entry_type, [append])  # takes the log's lock, last
            return self._conclude(events, outcome)


def track(connection: Connection, tracking: Tracking) -> None:
    """Record a position in the transaction of a connection.

    Raises:
        IntegrityError: this position, or a higher one, was recorded before.
    """
    name, position = tracking.application_name, tracking.notification_id
    if not connection.execute(TRACK, {"application": name, "position": position}).rowcount:
        raise IntegrityError(
            f"The application {name!r} has been followed to position {position} or beyond already:"
            " go on from `max_tracking_id`."
        )
