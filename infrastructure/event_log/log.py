"""PostgresEventLog: the port `EventLog` on the recorder and the mapper."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from application.errors import NotFoundError
from application.ports import Entry, Fence
from domain.event import RecordedEvent
from infrastructure.event_log.errors import TamperedEventError, UnreadableEventError
from infrastructure.event_log.loading import AggregateLoader
from infrastructure.event_log.logged_event import LoggedEvent, Row
from infrastructure.event_log.mapper import EnvelopedEvent, EventMapper
from infrastructure.event_log.read_event import read_events
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.event_log.subscription import LogFollower

if TYPE_CHECKING:
    from eventsourcing.domain import Aggregate

    from infrastructure.event_log.snapshots import PostgresSnapshots

A = TypeVar("A", bound="Aggregate")

POSITION, TYPE = 0, 4
"""Places in a row."""


class PostgresEventLog:
    """Domain events in, recorded events out.

    Args:
        snapshots: shorten the loading of long streams; without them all events are replayed.
    """

    def __init__(
        self,
        recorder: PostgresEventRecorder,
        mapper: EventMapper,
        snapshots: PostgresSnapshots | None = None,
    ) -> None:
        self._recorder = recorder
        self._mapper = mapper
        self._loader = AggregateLoader(recorder, mapper, snapshots)

    def append(self, entries: Sequence[Entry]) -> Sequence[RecordedEvent]:
        """Append events of one or more streams, all or none; see the port."""
        return _recorded(entries, self._recorder.append(self._stored(entries)))

    async def append_async(
        self, entries: Sequence[Entry], fence: Fence | None = None
    ) -> Sequence[RecordedEvent]:
        """Append without blocking the event loop; see the port."""
        if any(entry.envelope.subject is not None for entry in entries):
            stored = await asyncio.to_thread(self._stored, entries)  # asks for the subject's key
        else:
            stored = self._stored(entries)
        placed = await self._recorder.place_async(stored, fence)
        return [
            RecordedEvent(position, recorded_at, entry.envelope, entry.event)
            for (position, recorded_at), entry in zip(placed, entries, strict=True)
        ]

    def load(self, aggregate: type[A], stream: UUID) -> A:
        """Rebuild an aggregate by replay; see the port."""
        state = self._loader.load(aggregate, stream)
        if state is None:
            raise NotFoundError(aggregate.__name__.lower(), stream)
        return state

    def read(  # noqa: PLR0913 - filters, all by keyword
        self,
        *,
        after: int = 0,
        until: int | None = None,
        since: datetime | None = None,
        before: datetime | None = None,
        stream: UUID | None = None,
        session_id: UUID | None = None,
        types: Collection[str] = (),
        limit: int | None = None,
        backwards: bool = False,
    ) -> Iterator[RecordedEvent]:
        """Read events in order of position; see the port."""
        pages = self._recorder.pages(
            after=after,
            until=until,
            since=since,
            before=before,
            stream=stream,
            session_id=session_id,
            types=types,
            limit=limit,
            backwards=backwards,
        )
        return chain.from_iterable(read_events(rows, self._mapper) for rows in pages)

    def scan(
        self,
        after: int,
        until: int,
        types: Collection[str],
        unreadable: Collection[int] = (),
    ) -> Iterator[RecordedEvent]:
        """Read events of many types at `after < position <= until`; others are not decoded.

        Faster than `read` where most events of the range are wanted.

        Args:
            unreadable: positions of events that are left out if they cannot be decoded.

        Raises:
            UnreadableEventError: this version of Hansard does not know an event's schema.
            UnavailableError: the database cannot be used.
        """
        wanted = frozenset(types)
        for page in self._recorder.pages(after=after, until=until):
            rows = [row for row in page if row[TYPE] in wanted]
            if unreadable and any(row[POSITION] in unreadable for row in rows):
                yield from self._readable(rows, unreadable)
            else:
                yield from read_events(rows, self._mapper)

    def _readable(
        self, rows: Sequence[Row], unreadable: Collection[int]
    ) -> Iterator[RecordedEvent]:
        for row in rows:
            try:
                yield from read_events([row], self._mapper)
            except (UnreadableEventError, TamperedEventError):
                if row[POSITION] not in unreadable:
                    raise

    def follow(
        self, *, after: int = 0, session_id: UUID | None = None, types: Collection[str] = ()
    ) -> LogFollower[RecordedEvent]:
        """Follow the log; see the port."""
        decode = partial(read_events, mapper=self._mapper)
        return self._recorder.follow(decode, after=after, session_id=session_id, types=types)

    def wait_for(self, position: int, timeout_s: float) -> None:
        """Wait until the log has reached a position; see the port."""
        self._recorder.wait_for(position, timeout_s)

    def last_position(self) -> int:
        """Tell the position of the newest event; 0 for an empty log."""
        return self._recorder.max_notification_id() or 0

    def position_at(self, moment: datetime) -> int:
        """Tell the position of the newest event recorded at or before a moment."""
        return self._recorder.position_at(moment)

    def position_of(self, event_id: UUID) -> int:
        """Tell the position of an event."""
        position = self._recorder.position_of(event_id)
        if position is None:
            raise NotFoundError("event", event_id)
        return position

    def _stored(self, entries: Sequence[Entry]) -> list[EnvelopedEvent]:
        return [self._mapper.to_stored_event(entry.event, entry.envelope) for entry in entries]


def _recorded(entries: Sequence[Entry], logged: Sequence[LoggedEvent]) -> list[RecordedEvent]:
    return [
        RecordedEvent(place.position, place.recorded_at, entry.envelope, entry.event)
        for place, entry in zip(logged, entries, strict=True)
    ]
