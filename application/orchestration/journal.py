"""Journal: collects the new events of a session and appends them in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from eventsourcing.domain import Aggregate

from application.fold import SessionFold
from application.ports import Clock, Entry, EventLog, IdFactory
from domain.event import Envelope, RecordedEvent

Listener = Callable[[RecordedEvent], None]
"""Is told of every event of a session after it was recorded."""


class Journal:
    """Gives each new event its envelope, in the order in which they happened.

    An event follows from the previous one of its stream; the first of a stream from the previous
    one of the journal.
    """

    def __init__(
        self, log: EventLog, clock: Clock, ids: IdFactory, fold: SessionFold, listener: Listener
    ) -> None:
        self._log = log
        self._clock = clock
        self._ids = ids
        self._fold = fold
        self._listener = listener
        self._entries: list[Entry] = []
        self._latest: UUID | None = None

    def now(self) -> datetime:
        """Tell the time for the next events."""
        return self._clock.now()

    def new_id(self) -> UUID:
        """Make a new id."""
        return self._ids.new()

    def collect(self, aggregate: Aggregate, actor: str) -> None:
        """Take an aggregate's pending events, which `actor` caused."""
        session_id = self._fold.session.id
        for event in aggregate.collect_events():
            stream = event.originator_id
            cause = self._fold.last_event_ids.get(stream, self._latest)
            event_id = self._ids.new()
            envelope = Envelope(
                event_id=event_id,
                actor=actor,
                correlation_id=session_id,
                causation_id=cause,
                session_id=session_id,
                traceparent=self._fold.traceparent,
                subject=self._fold.session.charter.subject,
            )
            self._entries.append(Entry(event, envelope))
            self._fold.last_event_ids[stream] = event_id
            self._latest = event_id

    async def flush(self) -> None:
        """Append what was collected, all or none, and tell the listener.

        Who is cancelled meanwhile still waits for the append, so that nobody takes the session up
        while it is being written.
        """
        if not self._entries:
            return
        entries, self._entries = self._entries, []
        append = asyncio.ensure_future(self._log.append_async(entries))
        try:
            recorded_events = await asyncio.shield(append)
        except asyncio.CancelledError:
            await asyncio.gather(append, return_exceptions=True)
            raise
        for recorded in recorded_events:
            self._fold.note(recorded)
            self._listener(recorded)
