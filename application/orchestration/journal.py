"""Journal: collects the new events of a session and appends them in one transaction."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from application.fold import SessionFold, in_stream
from application.ports import Clock, Entry, EventLog, Fence, IdFactory
from domain.approval import Approval
from domain.conversation import Conversation
from domain.event import SYSTEM, Envelope, RecordedEvent
from domain.routing import Evidence
from domain.session import Session
from domain.task import Task

Listener = Callable[[RecordedEvent], None]
"""Is told of every event of a session after it was recorded."""


class Collector(ABC):
    """Takes the new events of a session, in the order in which they happened.

    An event follows from the previous one of its stream; the first of a stream from the previous
    one that was taken.
    """

    def __init__(self, fold: SessionFold) -> None:
        self._fold = fold
        self._latest: UUID | None = None

    @abstractmethod
    def now(self) -> datetime:
        """Tell the time for the next events."""

    @abstractmethod
    def new_id(self) -> UUID:
        """Make a new id."""

    @abstractmethod
    def evidence(self, gather: Callable[[], Evidence]) -> Evidence:
        """Give what the next decision draws on from outside.

        Args:
            gather: gathers it, where it was not recorded before.
        """

    def collect(self, aggregate: Session | Task | Conversation | Approval, actor: str) -> None:
        """Take an aggregate's pending events, which `actor` caused."""
        stream = self._fold.stream_of(aggregate.id)
        for event in aggregate.collect_events():
            if stream != aggregate.id and not self._fold.version_of(stream):
                self._begin(stream, aggregate, event.timestamp)
            self._take(event, aggregate.id, stream, actor)

    def _begin(
        self, stream: UUID, aggregate: Session | Task | Conversation | Approval, at: datetime
    ) -> None:
        """Mark that a fork goes on with an aggregate of its parent; it has begun as a session."""
        if not isinstance(aggregate, Session):
            begin: Any = type(aggregate).Continued
            marker = begin(
                originator_id=stream, originator_version=1, timestamp=at, origin=aggregate.id
            )
            self._take(marker, aggregate.id, stream, SYSTEM)

    @abstractmethod
    def _take(self, event: Any, aggregate_id: UUID, stream: UUID, actor: str) -> None:
        """Take one event, which belongs to a stream of the log."""


class Journal(Collector):
    """Gives each new event its envelope, and appends them all at once.

    Args:
        fence: under what they are appended.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the parts that its maker wires
        self,
        log: EventLog,
        clock: Clock,
        ids: IdFactory,
        fold: SessionFold,
        listener: Listener,
        fence: Fence | None = None,
    ) -> None:
        super().__init__(fold)
        self._fence = fence
        self._log = log
        self._clock = clock
        self._ids = ids
        self._listener = listener
        self._entries: list[Entry] = []

    def now(self) -> datetime:
        """Tell the time for the next events."""
        return self._clock.now()

    def new_id(self) -> UUID:
        """Make a new id."""
        return self._ids.new()

    def evidence(self, gather: Callable[[], Evidence]) -> Evidence:
        """Gather what the next decision draws on from outside."""
        return gather()

    def _take(self, event: Any, aggregate_id: UUID, stream: UUID, actor: str) -> None:
        fold = self._fold
        event_id, cause = self._ids.new(), fold.cause_of(aggregate_id) or self._latest
        placed = in_stream(event, stream, fold.sent(stream, event_id))
        envelope = Envelope(
            event_id=event_id,
            actor=actor,
            correlation_id=fold.session_id,
            causation_id=cause,
            session_id=fold.session_id,
            traceparent=fold.traceparent,
            subject=fold.session.charter.subject,
        )
        self._entries.append(Entry(placed, envelope))
        self._latest = event_id

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits to be appended."""
        return not self._entries

    async def flush(self) -> None:
        """Append what was collected, all or none, and tell the listener.

        Who is cancelled meanwhile still waits for the append, so that nobody takes the session up
        while it is being written.
        """
        if not self._entries:
            return
        entries, self._entries = self._entries, []
        append = asyncio.ensure_future(self._log.append_async(entries, self._fence))
        try:
            recorded_events = await asyncio.shield(append)
        except asyncio.CancelledError:
            await asyncio.gather(append, return_exceptions=True)
            raise
        for recorded in recorded_events:
            self._fold.note(recorded)
            self._listener(recorded)
