"""PostgresEventLog: the port `EventLog` on the recorder and the mapper."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from application.errors import NotFoundError
from application.ports import Entry
from domain.event import RecordedEvent
from infrastructure.event_log.logged_event import LoggedEvent
from infrastructure.event_log.mapper import EventMapper
from infrastructure.event_log.recorder import PostgresEventRecorder

if TYPE_CHECKING:
    from eventsourcing.domain import Aggregate

A = TypeVar("A", bound="Aggregate")


class PostgresEventLog:
    """Domain events in, recorded events out."""

    def __init__(self, recorder: PostgresEventRecorder, mapper: EventMapper) -> None:
        self._recorder = recorder
        self._mapper = mapper

    def append(self, entries: Sequence[Entry]) -> Sequence[RecordedEvent]:
        """Append events of one or more streams, all or none; see the port."""
        stored = [self._mapper.to_stored_event(entry.event, entry.envelope) for entry in entries]
        logged = self._recorder.append(stored)
        return [
            RecordedEvent(place.position, place.recorded_at, entry.envelope, entry.event)
            for place, entry in zip(logged, entries, strict=True)
        ]

    def load(self, aggregate: type[A], stream: UUID) -> A:
        """Rebuild an aggregate by replay; see the port."""
        state: Any = None
        for stored in self._recorder.select_events(stream):
            state = self._mapper.to_domain_event(stored).mutate(state)
        if not isinstance(state, aggregate):
            raise NotFoundError(aggregate.__name__.lower(), stream)
        return state

    def read(
        self,
        *,
        after: int = 0,
        until: int | None = None,
        session_id: UUID | None = None,
        types: Collection[str] = (),
    ) -> Iterator[RecordedEvent]:
        """Read events in order of position; see the port."""
        logged = self._recorder.select_log(
            after=after, until=until, session_id=session_id, types=types
        )
        return map(self._recorded, logged)

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

    def _recorded(self, logged: LoggedEvent) -> RecordedEvent:
        event = self._mapper.to_domain_event(logged)
        return RecordedEvent(logged.position, logged.recorded_at, logged.enveloped, event)
