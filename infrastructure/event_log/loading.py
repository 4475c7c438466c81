"""Loading: rebuild an aggregate from its stream, from a snapshot on where that is sure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from uuid import UUID

if TYPE_CHECKING:
    from eventsourcing.domain import Aggregate

    from infrastructure.event_log.logged_event import LoggedEvent
    from infrastructure.event_log.mapper import EventMapper
    from infrastructure.event_log.snapshots import PostgresSnapshots

A = TypeVar("A", bound="Aggregate")


class Streams(Protocol):
    """Reads streams by version."""

    def select_events(
        self, originator_id: UUID, *, gt: int | None = None, limit: int | None = None
    ) -> Sequence[LoggedEvent]:
        """Read the events of a stream above a version, in order."""
        ...


class AggregateLoader:
    """Folds streams; snapshots only save work, and never say anything that events do not.

    A short stream costs one query. Of a long one, the events after its snapshot are read, with the
    event that the snapshot was taken after, which must be the same.

    Args:
        snapshots: None to replay every stream from its first event.
    """

    def __init__(
        self, streams: Streams, mapper: EventMapper, snapshots: PostgresSnapshots | None = None
    ) -> None:
        self._streams = streams
        self._mapper = mapper
        self._snapshots = snapshots

    def load(self, kind: type[A], stream: UUID) -> A | None:
        """Rebuild an aggregate; None when the stream is empty or of another kind."""
        snapshots = self._snapshots
        if snapshots is None:
            return self._folded(kind, None, self._streams.select_events(stream))
        every = snapshots.policy.every
        events = self._streams.select_events(stream, limit=every + 1)
        if len(events) <= every:
            return self._folded(kind, None, events)
        state, since = self._since_snapshot(kind, stream, snapshots)
        if state is None:
            since = [*events, *self._streams.select_events(stream, gt=_version(events))]
        state = self._folded(kind, state, since)
        if state is not None and len(since) > every and not _is_personal(since):
            snapshots.keep(state, since[-1].enveloped.event_id)
        return state

    def _since_snapshot(
        self, kind: type[A], stream: UUID, snapshots: PostgresSnapshots
    ) -> tuple[A | None, Sequence[LoggedEvent]]:
        found = snapshots.find(kind, stream)
        if found is None:
            return None, ()
        state, event_id = found
        events = self._streams.select_events(stream, gt=state.version - 1)
        if not events or _version(events[:1]) != state.version:
            return None, ()
        if events[0].enveloped.event_id != event_id:
            return None, ()
        return state, events[1:]

    def _folded(self, kind: type[A], state: A | None, events: Iterable[LoggedEvent]) -> A | None:
        folded: Any = state
        for event in events:
            folded = self._mapper.to_domain_event(event).mutate(folded)
        return folded if isinstance(folded, kind) else None


def _version(events: Sequence[LoggedEvent]) -> int:
    return events[-1].originator_version


def _is_personal(events: Iterable[LoggedEvent]) -> bool:
    return any(event.enveloped.subject is not None for event in events)
