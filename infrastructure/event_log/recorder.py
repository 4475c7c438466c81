"""Recorder: one total, gapless order of events in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
from eventsourcing.persistence import (
    ApplicationRecorder,
    Notification,
    ProgrammingError,
    StoredEvent,
    Subscription,
)

from domain.event import SYSTEM, Envelope
from infrastructure.database.errors import translated
from infrastructure.event_log import sql
from infrastructure.event_log.errors import DuplicateEventError, VersionConflictError
from infrastructure.event_log.logged_event import LoggedEvent
from infrastructure.event_log.mapper import EnvelopedEvent
from infrastructure.event_log.subscription import PollingSubscription

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from application.ports import IdFactory

END = 9_223_372_036_854_775_807
"""Higher than any position."""

PAGE_EVENTS = 1000
PAGE_BYTES = 8_000_000
PARTITION_STEP = 100_000
PARTITION_LEAD = 1_000_000
"""At every step the partitions for this many further positions are made."""


class PostgresEventRecorder(ApplicationRecorder):
    """Appends under one advisory lock and numbers from the highest position.

    It keeps no state of its own: any number of recorders, in any processes, share a log.

    Args:
        pool: connections in their default (transactional) mode.
        ids: makes event ids for events that come without an envelope.
    """

    def __init__(self, pool: ConnectionPool[Any], ids: IdFactory) -> None:
        self._pool = pool
        self._ids = ids

    def append(self, events: Sequence[EnvelopedEvent]) -> list[LoggedEvent]:
        """Append events of any streams, all or none.

        A stream begins at version 1 (0 in the hands of the library) and goes on by one. An append
        whose events all stand in the log already, unchanged, is answered with their places there.

        Raises:
            VersionConflictError: a version repeats or skips.
            DuplicateEventError: an event id is taken by another event.
            DatabaseUnavailableError: the database cannot be used. The events may have been
                recorded all the same; to append them again is safe.
        """
        if not events:
            return []
        event_ids = _distinct_ids(events)
        with translated(), self._pool.connection() as connection:
            connection.execute(sql.LOCK, prepare=False)
            known = _find_known(connection, event_ids)
            if known:
                return _as_they_stand(events, known)
            _check_versions(events, _heads(connection, events))
            return _insert(connection, events)

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
        lowest = -1 if gt is None else gt
        highest = 2**31 - 1 if lte is None else lte
        return self._select(statement, (sql.LOG, originator_id, lowest, highest, limit))

    def select_log(
        self,
        *,
        after: int = 0,
        until: int | None = None,
        session_id: UUID | None = None,
        types: Collection[str] = (),
        limit: int | None = None,
    ) -> Iterator[LoggedEvent]:
        """Read the log by position, page by page, so that memory stays constant.

        No connection is held between two pages.
        """
        statement = _page_statement(session_id, types)
        left = END if limit is None else limit
        while left > 0:
            rows = min(PAGE_EVENTS, left)
            parameters = {
                "log": sql.LOG,
                "after": after,
                "until": END if until is None else until,
                "session_id": session_id,
                "types": list(set(types)),
                "limit": rows,
                "bytes": PAGE_BYTES,
            }
            page = self._select(statement, parameters)
            yield from page
            if len(page) < rows and sum(len(event.state) for event in page) < PAGE_BYTES:
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
        events = self.select_log(after=after, until=stop, types=topics, limit=limit)
        return [event.to_notification() for event in events]

    def max_notification_id(self) -> int | None:
        """Tell the highest position; None for an empty log."""
        return self._find_position(sql.LAST_POSITION, (sql.LOG,))

    def position_of(self, event_id: UUID) -> int | None:
        """Tell where an event stands; None when there is no such event."""
        return self._find_position(sql.POSITION_OF, (sql.LOG, event_id))

    def position_at(self, moment: datetime) -> int:
        """Tell the highest position recorded at or before a moment, which has a zone; 0 for none.

        An append under way can still be recorded at a moment that has only just passed.
        """
        return self._find_position(sql.POSITION_AT, {"log": sql.LOG, "moment": moment}) or 0

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        """Follow the log; see `PollingSubscription`."""
        return PollingSubscription(self, gt=gt, topics=topics)

    def _select(self, statement: str, parameters: Any) -> list[LoggedEvent]:
        with translated(), self._pool.connection() as connection:
            cursor = connection.execute(statement, parameters, binary=True)
            return [LoggedEvent.from_row(row) for row in cursor]

    def _find_position(self, statement: str, parameters: Any) -> int | None:
        with translated(), self._pool.connection() as connection:
            row = connection.execute(statement, parameters).fetchone()
        return row[0] if row else None

    def _enveloped(self, event: StoredEvent) -> EnvelopedEvent:
        if not isinstance(event.originator_id, UUID):
            raise ProgrammingError(f"Streams are named by UUIDs, not by {event.originator_id!r}.")
        if isinstance(event, EnvelopedEvent) and event.envelope is not None:
            return event
        event_id = self._ids.new()
        envelope = Envelope(event_id=event_id, actor=SYSTEM, correlation_id=event_id)
        return EnvelopedEvent(**vars(event) | {"envelope": envelope})


def _page_statement(session_id: UUID | None, types: Collection[str]) -> str:
    if session_id is not None:
        filters = sql.OF_SESSION + (sql.OF_TYPES if types else "")
    else:
        filters = sql.OF_RARE_TYPES if types else ""
    return sql.SELECT_PAGE.format(filters=filters)


def _distinct_ids(events: Iterable[EnvelopedEvent]) -> list[UUID]:
    event_ids: dict[UUID, None] = {}
    for event in events:
        event_id = event.enveloped.event_id
        if event_id in event_ids:
            raise DuplicateEventError(event_id, None)
        event_ids[event_id] = None
    return list(event_ids)


def _find_known(
    connection: psycopg.Connection[Any], event_ids: list[UUID]
) -> dict[UUID, LoggedEvent]:
    positions = [row[0] for row in connection.execute(sql.KNOWN, (sql.LOG, event_ids))]
    if not positions:
        return {}
    rows = connection.execute(sql.SELECT_POSITIONS, (sql.LOG, positions), binary=True)
    return {event.enveloped.event_id: event for event in map(LoggedEvent.from_row, rows)}


def _as_they_stand(
    events: Iterable[EnvelopedEvent], known: Mapping[UUID, LoggedEvent]
) -> list[LoggedEvent]:
    unchanged = []
    for event in events:
        stands = known.get(event.enveloped.event_id)
        if stands is None:
            first = next(iter(known.values()))
            raise DuplicateEventError(first.enveloped.event_id, first.position)
        if LoggedEvent.of(event, stands.position, stands.recorded_at) != stands:
            raise DuplicateEventError(event.enveloped.event_id, stands.position)
        unchanged.append(stands)
    return unchanged


def _heads(
    connection: psycopg.Connection[Any], events: Iterable[EnvelopedEvent]
) -> dict[UUID | str, int]:
    streams = list({event.originator_id for event in events})
    return dict(connection.execute(sql.HEADS, (sql.LOG, streams)).fetchall())


def _check_versions(events: Iterable[EnvelopedEvent], heads: dict[UUID | str, int]) -> None:
    for event in events:
        stream, version = event.originator_id, event.originator_version
        if stream not in heads and version == 0:
            heads[stream] = -1
        head = heads.get(stream, 0)
        if version != head + 1:
            raise VersionConflictError(UUID(str(stream)), version - 1, head)
        heads[stream] = version


def _insert(
    connection: psycopg.Connection[Any], events: Sequence[EnvelopedEvent]
) -> list[LoggedEvent]:
    row = connection.execute(sql.TAIL, {"log": sql.LOG}).fetchone()
    assert row is not None, "the statement answers with one row"  # noqa: S101 - for the type
    tail, recorded_at, time_is_due = row
    last = tail + len(events)
    if last // PARTITION_STEP > tail // PARTITION_STEP:
        connection.execute(sql.ENSURE_PARTITIONS, (last + PARTITION_LEAD,))
    logged = [
        LoggedEvent.of(event, position, recorded_at)
        for position, event in enumerate(events, start=tail + 1)
    ]
    columns = zip(*(event.to_row() for event in logged), strict=True)
    connection.execute(sql.INSERT, (sql.LOG, *map(list, columns)))
    if time_is_due:
        connection.execute(sql.INSERT_TIME, (sql.LOG, recorded_at, tail + 1))
    return logged
