"""InMemoryEventLog: the port `EventLog` in a list, with the rules of the real one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from application.errors import ConflictError, NotFoundError
from application.ports import Entry
from domain.event import RecordedEvent

if TYPE_CHECKING:
    from eventsourcing.domain import Aggregate

A = TypeVar("A", bound="Aggregate")

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


class InMemoryEventLog:
    """Records one event a millisecond, from the beginning of 2026 on.

    Attributes:
        appends: number of appends that went through.
        before_append: called at the start of each append; lets a test be faster than a use case.
    """

    def __init__(self) -> None:
        self.events: list[RecordedEvent] = []
        self.appends = 0
        self.before_append: Callable[[], None] = lambda: None
        self._lock = Lock()

    def append(self, entries: Sequence[Entry]) -> Sequence[RecordedEvent]:
        """Append all or none; events that are all known already are answered as they stand."""
        self.before_append()
        with self._lock:
            known = {recorded.envelope.event_id: recorded for recorded in self.events}
            event_ids = [entry.envelope.event_id for entry in entries]
            if len(set(event_ids)) < len(event_ids):
                raise ConflictError("An event id is given twice.")
            repeated = [entry for entry in entries if entry.envelope.event_id in known]
            if repeated and all(_is(entry, known) for entry in entries):
                return [known[event_id] for event_id in event_ids]
            if repeated:
                raise ConflictError("An event id stands in the log already.")
            self._check_versions(entries)
            recorded = [
                RecordedEvent(position, self._moment(position), entry.envelope, entry.event)
                for position, entry in enumerate(entries, start=len(self.events) + 1)
            ]
            self.events.extend(recorded)
            self.appends += bool(entries)
            return recorded

    def load(self, aggregate: type[A], stream: UUID) -> A:
        """Rebuild an aggregate by replay."""
        state: Any = None
        for recorded in list(self.events):
            if recorded.event.originator_id == stream:
                event: Any = recorded.event
                state = event.mutate(state)
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
        """Read `after < position <= until`, of one session and of some types where asked."""
        for recorded in self.events[max(after, 0) : until]:
            if session_id is not None and recorded.envelope.session_id != session_id:
                continue
            if not types or recorded.type in types:
                yield recorded

    def last_position(self) -> int:
        """Tell the position of the newest event; 0 for an empty log."""
        return len(self.events)

    def position_at(self, moment: datetime) -> int:
        """Tell the position of the newest event recorded at or before a moment; 0 for none."""
        return sum(recorded.recorded_at <= moment for recorded in self.events)

    def position_of(self, event_id: UUID) -> int:
        """Tell the position of an event."""
        for recorded in self.events:
            if recorded.envelope.event_id == event_id:
                return recorded.position
        raise NotFoundError("event", event_id)

    def _check_versions(self, entries: Sequence[Entry]) -> None:
        heads: dict[UUID, int] = {}
        for recorded in self.events:
            heads[recorded.event.originator_id] = recorded.event.originator_version
        for entry in entries:
            stream, version = entry.event.originator_id, entry.event.originator_version
            if version != heads.get(stream, 0) + 1:
                raise ConflictError(
                    f"Stream {str(stream)!r} is at version {heads.get(stream, 0)},"
                    f" not {version - 1}."
                )
            heads[stream] = version

    @staticmethod
    def _moment(position: int) -> datetime:
        return BEGINNING + timedelta(milliseconds=position)


def _is(entry: Entry, known: dict[UUID, RecordedEvent]) -> bool:
    recorded = known.get(entry.envelope.event_id)
    return recorded is not None and (recorded.event, recorded.envelope) == (
        entry.event,
        entry.envelope,
    )
