"""Recorder: one total, gapless order of events in PostgreSQL."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from eventsourcing.persistence import (
    ApplicationRecorder,
    Notification,
    ProgrammingError,
    StoredEvent,
    Subscription,
)

from application.ports import Fence
from domain.event import SYSTEM, Envelope
from infrastructure.database.errors import DatabaseUnavailableError
from infrastructure.erasure.errors import SubjectForgottenError
from infrastructure.event_log.entry_codec import encode_entry
from infrastructure.event_log.errors import (
    AppendTooLargeError,
    DuplicateEventError,
    EventTooLargeError,
    FenceBrokenError,
    StoreUnavailableError,
    VersionConflictError,
)
from infrastructure.event_log.logged_event import LoggedEvent
from infrastructure.event_log.mapper import EnvelopedEvent
from infrastructure.event_log.reader import PostgresEventReader
from infrastructure.event_log.subscription import LogSubscription
from infrastructure.event_log.writer import (
    FENCED,
    FORGOTTEN,
    KNOWN,
    RECORDED,
    Append,
    GroupWriter,
    Outcome,
)

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from application.ports import IdFactory
    from infrastructure.archive.events import ArchivedEvents
    from infrastructure.event_log.wakeup import Wakeup

MAX_EVENT_BYTES = 16_000_000
MAX_APPEND_BYTES = 500_000_000
"""PostgreSQL refuses arrays of 1 GB, and breaks the connection off over larger messages."""


class PostgresEventRecorder(PostgresEventReader, ApplicationRecorder):
    """Appends through a group writer, and reads as its base does.

    It keeps no state of its own: any number of recorders, in any processes, share a log.

    Args:
        pool: connections in autocommit mode.
        writer: carries appends over, those of other recorders too.
        ids: makes event ids for events that come without an envelope.
        max_event_bytes: the largest payload that is taken.
        archived: reads what was moved to archives.
        wakeup: tells who follows of appends; the writer's, so that it knows of them.
    """

    def __init__(  # noqa: PLR0913 - the parts that the composition root wires
        self,
        pool: ConnectionPool[Any],
        writer: GroupWriter,
        ids: IdFactory,
        max_event_bytes: int = MAX_EVENT_BYTES,
        *,
        archived: ArchivedEvents | None = None,
        wakeup: Wakeup | None = None,
    ) -> None:
        super().__init__(pool, archived, wakeup)
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
            AppendTooLargeError: all of it together is larger than the database takes.
            UnrecordableEventError: the database cannot hold an event.
            SubjectForgottenError: the subject of an event was forgotten.
            StoreUnavailableError: the database cannot be used. The events may have been recorded
                all the same; to append them again is safe.
        """
        if not events:
            return []
        return self._conclude(events, self._writer.append(self._prepare(events)))

    async def append_async(
        self, events: Sequence[EnvelopedEvent], fence: Fence | None = None
    ) -> list[LoggedEvent]:
        """Append without blocking the event loop; see `append`.

        Args:
            fence: under what they are appended.

        Raises:
            FenceBrokenError: the fence does not hold any more.
        """
        if not events:
            return []
        outcome = await self._writer.append_async(self._prepare(events, fence))
        if outcome.outcome == KNOWN:
            return await asyncio.to_thread(self._conclude, events, outcome)
        return self._conclude(events, outcome)

    async def place_async(
        self, events: Sequence[EnvelopedEvent], fence: Fence | None = None
    ) -> list[tuple[int, datetime]]:
        """Append as `append_async` does, and tell only where and when each event was recorded."""
        if not events:
            return []
        outcome = await self._writer.append_async(self._prepare(events, fence))
        if outcome.outcome == RECORDED:
            first, at = outcome.first, outcome.recorded_at
            return [(position, at) for position in range(first, first + len(events))]
        known = await asyncio.to_thread(self._conclude, events, outcome)
        return [(event.position, event.recorded_at) for event in known]

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int] | None:
        """Append events that the library hands over; those without an envelope get one."""
        return [event.position for event in self.append([*map(self._enveloped, stored_events)])]

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

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        """Follow the log from behind a position on; see `LogFollower`."""
        follower = self.follow(LoggedEvent.of_rows, after=gt or 0, types=topics)
        return LogSubscription(self, follower, topics)

    def _prepare(self, events: Sequence[EnvelopedEvent], fence: Fence | None = None) -> Append:
        entries = []
        for event in events:
            if len(event.state) > self._max_event_bytes:
                raise EventTooLargeError(event.topic, len(event.state), self._max_event_bytes)
            entries.append(encode_entry(event))
        size = sum(map(len, entries))
        if size > MAX_APPEND_BYTES:
            raise AppendTooLargeError(len(entries), size, MAX_APPEND_BYTES)
        return Append(_distinct_ids(events), entries, size, fence)

    def _conclude(self, events: Sequence[EnvelopedEvent], outcome: Outcome) -> list[LoggedEvent]:
        if outcome.outcome == RECORDED:
            return [
                LoggedEvent.of(event, position, outcome.recorded_at)
                for position, event in enumerate(events, start=outcome.first)
            ]
        if outcome.outcome == KNOWN:
            try:
                known = self.select_positions(outcome.positions or ())
            except DatabaseUnavailableError as error:
                raise StoreUnavailableError(str(error)) from error
            return _as_they_stand(events, {event.enveloped.event_id: event for event in known})
        if outcome.outcome == FORGOTTEN:
            subjects = {event.originator_id: event.enveloped.subject for event in events}
            raise SubjectForgottenError(str(subjects[outcome.stream]))
        if outcome.outcome == FENCED:
            raise FenceBrokenError(outcome.stream, outcome.expected, outcome.actual)
        raise VersionConflictError(outcome.stream, outcome.expected, outcome.actual)

    def _enveloped(self, event: StoredEvent) -> EnvelopedEvent:
        if not isinstance(event.originator_id, UUID):
            raise ProgrammingError(f"Streams are named by UUIDs, not by {event.originator_id!r}.")
        if isinstance(event, EnvelopedEvent) and event.envelope is not None:
            return event
        event_id = self._ids.new()
        envelope = Envelope(event_id=event_id, actor=SYSTEM, correlation_id=event_id)
        return EnvelopedEvent(**vars(event) | {"envelope": envelope})


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
