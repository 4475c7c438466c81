"""Stream recorder: the log for those who know nothing but streams of stored events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from eventsourcing.persistence import AggregateRecorder, StoredEvent

from infrastructure.event_log.logged_event import LoggedEvent
from infrastructure.event_log.recorder import PostgresEventRecorder


class StreamEvent(LoggedEvent):
    """A logged event that equals the library's plain stored event which says the same.

    It keeps its envelope, which the mapper needs, and the library compares without.
    """

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StoredEvent) or type(other) not in (StoredEvent, StreamEvent):
            return NotImplemented
        return _said(self) == _said(other)

    def __hash__(self) -> int:
        return hash(_said(self))


class PostgresStreamRecorder(AggregateRecorder):
    """Appends to streams and reads them; positions in the log stay out of sight."""

    def __init__(self, recorder: PostgresEventRecorder) -> None:
        self._recorder = recorder

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> None:
        """Append events, all or none; see `PostgresEventRecorder.append`."""
        self._recorder.insert_events(stored_events)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StreamEvent]:
        """Read a stream by version."""
        events = self._recorder.select_events(originator_id, gt=gt, lte=lte, desc=desc, limit=limit)
        return [StreamEvent.like(event) for event in events]


def _said(event: StoredEvent) -> tuple[Any, ...]:
    return event.originator_id, event.originator_version, event.topic, event.state
