"""Recorder: one total, gapless order of events in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
from eventsourcing.persistence import (
    ApplicationRecorder,
    Notification,
    StoredEvent,
    Subscription,
)

from domain.event import SYSTEM, Envelope
from infrastructure.database.errors import translated
from infrastructure.event_log import sql
from infrastructure.event_log.errors import DuplicateEventError, VersionConflictError
from infrastructure.event_log.mapper import EnvelopedEvent

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from application.ports import IdFactory

NO_LIMIT = 9_223_372_036_854_775_807
PAGE = 1000
BEGINNING = datetime.min.replace(tzinfo=UTC)
TIME_INDEX_STEP = timedelta(seconds=1)
PARTITION_MARGIN = 500_000


@dataclass(frozen=True)
class LoggedEvent(EnvelopedEvent):
    """An enveloped event with its place in the log."""

    position: int = 0
    recorded_at: datetime = BEGINNING


@dataclass(frozen=True)
class LoggedNotification(Notification):
    """A notification of the library that keeps the time of the event."""

    occurred_at: datetime | None = None


class PostgresEventRecorder(ApplicationRecorder):
    """Appends under one advisory lock and numbers from the highest position.

    Args:
        pool: connections in their default (transactional) mode.
        ids: makes event ids for events that come without an envelope.
    """

    def __init__(self, pool: ConnectionPool[Any], ids: IdFactory) -> None:
        self._pool = pool
        self._ids = ids
        self._time_indexed_at = BEGINNING
        self._partition_end = 0

    def append(self, events: Sequence[EnvelopedEvent]) -> list[LoggedEvent]:
        """Append events of any streams, all or none.

        An append whose events all stand in the log already, under their ids, is answered with
        their old positions.

        Raises:
            VersionConflictError: a version repeats or skips.
            DuplicateEventError: an event id is taken by another event.
            DatabaseUnavailableError: the database cannot be used.
        """
        if not events:
            return []
        with translated(), self._pool.connection() as connection:
            connection.execute(sql.LOCK, (sql.LOCK_KEY,))
            repeated = self._find_repeated(connection, events)
            if repeated is not None:
                return repeated
            heads = self._check_versions(connection, events)
            last, recorded_at = _tail(connection)
            logged = [
                _place(event, last + offset, recorded_at)
                for offset, event in enumerate(events, start=1)
            ]
            self._insert(connection, logged, heads)
        return logged

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int] | None:
        """Append events that the library hands over; those without an envelope get one."""
        return [event.position for event in self.append([*map(self._enveloped, stored_events)])]

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[LoggedEvent]:
        """Read a stream by version."""
        statement = sql.SELECT_STREAM.format(direction="DESC" if desc else "ASC")
        parameters = (
            sql.LOG,
            originator_id,
            -1 if gt is None else gt,
            2**31 - 1 if lte is None else lte,
            limit,
        )
        with translated(), self._pool.connection() as connection:
            return [_logged(row) for row in connection.execute(statement, parameters)]

    def select_log(
        self,
        *,
        after: int = 0,
        until: int | None = None,
        session_id: UUID | None = None,
        types: Collection[str] = (),
        limit: int | None = None,
    ) -> Iterator[LoggedEvent]:
        """Read the log by position, page by page, so that memory stays constant."""
        left = NO_LIMIT if limit is None else limit
        until = NO_LIMIT if until is None else until
        while left > 0:
            page = self._select_page(after, until, session_id, types, min(PAGE, left))
            yield from page
            if len(page) < PAGE:
                return
            left -= len(page)
            after = page[-1].position

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Read the log in the library's terms."""
        after = 0 if start is None else start - inclusive_of_start
        return [
            LoggedNotification(
                id=event.position,
                originator_id=event.originator_id,
                originator_version=event.originator_version,
                topic=event.topic,
                state=event.state,
                occurred_at=event.occurred_at,
            )
            for event in self.select_log(after=after, until=stop, types=topics, limit=limit)
        ]

    def max_notification_id(self) -> int | None:
        """Tell the highest position; None for an empty log."""
        value: int | None = self._scalar(sql.LAST_POSITION, (sql.LOG,))
        return value

    def position_of(self, event_id: UUID) -> int | None:
        """Tell where an event stands; None when there is no such event."""
        value: int | None = self._scalar(sql.POSITION_OF, (sql.LOG, event_id))
        return value

    def position_at(self, moment: datetime) -> int:
        """Tell the highest position recorded at or before a moment; 0 for none."""
        value = self._scalar(sql.POSITION_AT, {"log": sql.LOG, "moment": moment})
        return value or 0

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        """Follow the log; see `PollingSubscription`."""
        from infrastructure.event_log.subscription import PollingSubscription  # noqa: PLC0415 - cycle

        return PollingSubscription(self, gt=gt, topics=topics)

    def _find_repeated(
        self, connection: psycopg.Connection[Any], events: Sequence[EnvelopedEvent]
    ) -> list[LoggedEvent] | None:
        by_id = {_envelope(event).event_id: event for event in events}
        known = connection.execute(sql.KNOWN, (sql.LOG, [*by_id])).fetchall()
        if not known:
            return None
        for event_id, position, stream, version, _ in known:
            event = by_id[event_id]
            if (stream, version) != (event.originator_id, event.originator_version):
                raise DuplicateEventError(event_id, position)
        if len(known) < len(events):
            raise DuplicateEventError(known[0][0], known[0][1])
        places = {event_id: (position, at) for event_id, position, _, _, at in known}
        return [_place(event, *places[_envelope(event).event_id]) for event in events]

    def _check_versions(
        self, connection: psycopg.Connection[Any], events: Sequence[EnvelopedEvent]
    ) -> dict[UUID | str, int]:
        streams = list({event.originator_id for event in events})
        rows = connection.execute(sql.HEADS, (sql.LOG, streams)).fetchall()
        stored: dict[UUID | str, int] = dict(rows)
        heads: dict[UUID | str, int] = {}
        for event in events:
            stream, version = event.originator_id, event.originator_version
            head = heads.get(stream, stored.get(stream, 0))
            if version != head + 1:
                raise VersionConflictError(UUID(str(stream)), version - 1, head)
            heads[stream] = version
        return heads

    def _insert(
        self,
        connection: psycopg.Connection[Any],
        logged: Sequence[LoggedEvent],
        heads: dict[UUID | str, int],
    ) -> None:
        last = logged[-1]
        self._ensure_partition(connection, last.position)
        columns = zip(*map(_row, logged), strict=True)
        connection.execute(sql.INSERT_EVENTS, (sql.LOG, *map(list, columns)))
        event_ids = [_envelope(event).event_id for event in logged]
        positions = [event.position for event in logged]
        connection.execute(sql.INSERT_IDS, (sql.LOG, event_ids, positions))
        connection.execute(sql.UPSERT_HEADS, (sql.LOG, [*heads], [*heads.values()]))
        if last.recorded_at - self._time_indexed_at >= TIME_INDEX_STEP:
            connection.execute(sql.INSERT_TIME, (sql.LOG, last.recorded_at, logged[0].position))
            self._time_indexed_at = last.recorded_at

    def _ensure_partition(self, connection: psycopg.Connection[Any], position: int) -> None:
        if position + PARTITION_MARGIN >= self._partition_end:
            row = connection.execute(
                "SELECT hansard.ensure_partitions(%s)", (position + PARTITION_MARGIN,)
            ).fetchone()
            self._partition_end = row[0] if row else 0

    def _select_page(
        self,
        after: int,
        until: int,
        session_id: UUID | None,
        types: Collection[str],
        limit: int,
    ) -> list[LoggedEvent]:
        filters = ""
        if session_id is not None:
            filters += " AND session_id = %(session_id)s"
        if types:
            filters += " AND type = ANY(%(types)s)"
        parameters = {
            "log": sql.LOG,
            "after": after,
            "until": until,
            "session_id": session_id,
            "types": list(types),
            "limit": limit,
        }
        with translated(), self._pool.connection() as connection:
            rows = connection.execute(sql.SELECT_LOG.format(filters=filters), parameters)
            return [_logged(row) for row in rows]

    def _scalar(self, statement: str, parameters: Any) -> Any:
        with translated(), self._pool.connection() as connection:
            row = connection.execute(statement, parameters).fetchone()
        return row[0] if row else None

    def _enveloped(self, event: StoredEvent) -> EnvelopedEvent:
        if isinstance(event, EnvelopedEvent) and event.envelope is not None:
            return event
        event_id = self._ids.new()
        return EnvelopedEvent(
            originator_id=event.originator_id,
            originator_version=event.originator_version,
            topic=event.topic,
            state=event.state,
            envelope=Envelope(event_id=event_id, actor=SYSTEM, correlation_id=event_id),
            occurred_at=getattr(event, "occurred_at", None),
            schema_version=getattr(event, "schema_version", 1),
        )


def _tail(connection: psycopg.Connection[Any]) -> tuple[int, datetime]:
    row = connection.execute(sql.TAIL, (sql.LOG,)).fetchone()
    assert row is not None, "an aggregate always answers with a row"  # noqa: S101
    return row[0], row[1]


def _envelope(event: EnvelopedEvent) -> Envelope:
    assert event.envelope is not None, "events enter the log in an envelope"  # noqa: S101
    return event.envelope


def _place(event: EnvelopedEvent, position: int, recorded_at: datetime) -> LoggedEvent:
    fields = vars(event) | {"occurred_at": event.occurred_at or recorded_at}
    return LoggedEvent(**fields, position=position, recorded_at=recorded_at)


def _row(event: LoggedEvent) -> tuple[Any, ...]:
    envelope = _envelope(event)
    return (
        event.position,
        event.originator_id,
        event.originator_version,
        envelope.event_id,
        event.topic,
        event.schema_version,
        envelope.tenant,
        envelope.session_id,
        envelope.actor,
        envelope.correlation_id,
        envelope.causation_id,
        envelope.traceparent,
        event.occurred_at,
        event.recorded_at,
        event.state,
    )


def _logged(row: tuple[Any, ...]) -> LoggedEvent:
    return LoggedEvent(
        position=row[0],
        originator_id=row[1],
        originator_version=row[2],
        topic=row[4],
        schema_version=row[5],
        envelope=Envelope(
            event_id=row[3],
            tenant=row[6],
            session_id=row[7],
            actor=row[8],
            correlation_id=row[9],
            causation_id=row[10],
            traceparent=row[11],
        ),
        occurred_at=row[12].astimezone(UTC),
        recorded_at=row[13].astimezone(UTC),
        state=bytes(row[14]),
    )
