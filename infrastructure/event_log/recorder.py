"""Recorder: one total, gapless order of events in PostgreSQL."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

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
from infrastructure.event_log.entry_codec import encode_entry
from infrastructure.event_log.errors import (
    DuplicateEventError,
    EventTooLargeError,
    VersionConflictError,
)
from infrastructure.event_log.logged_event import LoggedEvent
from infrastructure.event_log.mapper import EnvelopedEvent
from infrastructure.event_log.subscription import PollingSubscription
from infrastructure.event_log.writer import KNOWN, RECORDED, Append, GroupWriter, Outcome

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from application.ports import IdFactory

END = 9_223_372_036_854_775_807
"""Higher than any position."""

PAGE_EVENTS = 1000
PAGE_BYTES = 8_000_000
MAX_EVENT_BYTES = 16_000_000


class PostgresEventRecorder(ApplicationRecorder):
    """Appends through a group writer, reads through a pool.

    It keeps no state of its own: any number of recorders, in any processes, share a log.

    Args:
        pool: connections in autocommit mode.
        writer: carries appends over, those of other recorders too.
        ids: makes event ids for events that come without an envelope.
        max_event_bytes: the largest payload that is taken.
    """

    def __init__(
        self,
        pool: ConnectionPool[Any],
        writer: GroupWriter,
        ids: IdFactory,
        max_event_bytes: int = MAX_EVENT_BYTES,
    ) -> None:
        self._pool = pool
        self._writer = writer
        self._ids = ids
        self._max_event_bytes = max_event_bytes

    def append(self, events: Sequence[EnvelopedEvent]) -> list[LoggedEvent]:
        """Append events of any streams, all or none.

        A stream begins at version 1 (or 0) and goes on by one. An append whose events all stand in
        the log already, unchanged, is answered with their places there.

        Raises:
            VersionConflictError: a version repeats or skips.
            DuplicateEventError: an event id is taken by another event.
            EventTooLargeError: a payload is larger than the bound.
            StoreUnavailableError: the database cannot be used. The events may have been recorded
                all the same; to append them again is safe.
        """
        if not events:
            return []
        return self._conclude(events, self._writer.append(self._prepare(events)))

    async def append_async(self, events: Sequence[EnvelopedEvent]) -> list[LoggedEvent]:
        """Append without blocking the event loop; see `append`."""
        if not events:
            return []
        outcome = await self._writer.append_async(self._prepare(events))
        if outcome.outcome == KNOWN:
            return await asyncio.to_thread(self._conclude, events, outcome)
        return self._conclude(events, outcome)

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

    def _prepare(self, events: Sequence[EnvelopedEvent]) -> Append:
        now = datetime.now(tz=UTC)
        entries = []
        for event in events:
            if len(event.state) > self._max_event_bytes:
                raise EventTooLargeError(event.topic, len(event.state), self._max_event_bytes)
            entries.append(encode_entry(event, now))
        return Append(_distinct_ids(events), entries, sum(map(len, entries)))

    def _conclude(self, events: Sequence[EnvelopedEvent], outcome: Outcome) -> list[LoggedEvent]:
        if outcome.outcome == RECORDED:
            return [
                LoggedEvent.of(event, position, outcome.recorded_at)
                for position, event in enumerate(events, start=outcome.first)
            ]
        if outcome.outcome == KNOWN:
            known = self._select(sql.SELECT_POSITIONS, (sql.LOG, outcome.positions))
            return _as_they_stand(events, {event.enveloped.event_id: event for event in known})
        raise VersionConflictError(outcome.stream, outcome.expected, outcome.actual)

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


def _distinct_ids(events: Sequence[EnvelopedEvent]) -> frozenset[UUID]:
    event_ids = frozenset(event.enveloped.event_id for event in events)
    if len(event_ids) < len(events):
        counted = Counter(event.enveloped.event_id for event in events)
        raise DuplicateEventError(counted.most_common(1)[0][0], None)
    return event_ids


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
