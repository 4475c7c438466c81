"""InMemoryEventLog: the port `EventLog` in a list, with the rules of the real one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from threading import Condition
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar
from uuid import UUID

from application.errors import (
    ConflictError,
    FencedError,
    NotFoundError,
    PositionNotReachedError,
)
from application.ports import Entry, Fence
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
        grown: notified after each append.
    """

    def __init__(self) -> None:
        self.events: list[RecordedEvent] = []
        self.appends = 0
        self.before_append: Callable[[], None] = lambda: None
        self.grown = Condition()  # the lock of which its holder may take again

    def append(self, entries: Sequence[Entry]) -> Sequence[RecordedEvent]:
        """Append all or none; events that are all known already are answered as they stand."""
        self.before_append()
        with self.grown:
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
            self.grown.notify_all()
            return recorded

    async def append_async(
        self, entries: Sequence[Entry], fence: Fence | None = None
    ) -> Sequence[RecordedEvent]:
        """Append in another thread."""
        return await asyncio.to_thread(self._append_fenced, entries, fence)

    def _append_fenced(self, entries: Sequence[Entry], fence: Fence | None) -> Any:
        with self.grown:
            if fence is not None:
                newest = list(self.read(stream=fence.stream, backwards=True, limit=1))
                if not newest or newest[0].event.originator_version != fence.version:
                    raise FencedError(f"Stream {str(fence.stream)!r} has moved on.")
            return self.append(entries)

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
        """Read events by position, as far as they pass the filters."""
        found = (
            recorded
            for recorded in self._between(after, until, backwards=backwards)
            if (since is None or recorded.recorded_at >= since)
            and (before is None or recorded.recorded_at < before)
            and stream in (None, recorded.event.originator_id)
            and session_id in (None, recorded.envelope.session_id)
            and (not types or recorded.type in types)
        )
        return islice(found, limit)

    def follow(
        self, *, after: int = 0, session_id: UUID | None = None, types: Collection[str] = ()
    ) -> InMemoryFollower:
        """Follow the list while it grows."""
        return InMemoryFollower(self, after, session_id, types)

    def wait_for(self, position: int, timeout_s: float) -> None:
        """Wait until the list is that long."""
        with self.grown:
            if not self.grown.wait_for(lambda: len(self.events) >= position, timeout_s):
                raise PositionNotReachedError(position, len(self.events), timeout_s)

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

    def _between(
        self, after: int, until: int | None, *, backwards: bool
    ) -> Iterator[RecordedEvent]:
        """Give the events between two positions; forwards, those of appends meanwhile too."""
        if backwards:
            last = len(self.events) if until is None else until
            yield from self.events[max(after, 0) : max(last, 0)][::-1]
            return
        position = max(after, 0)
        while position < len(self.events) and (until is None or position < until):
            yield self.events[position]
            position += 1

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


class InMemoryFollower:
    """Gives the events of a list one after the other, and waits where there are no more."""

    def __init__(
        self, log: InMemoryEventLog, after: int, session_id: UUID | None, types: Collection[str]
    ) -> None:
        self._log = log
        self._after = after
        self._session_id = session_id
        self._types = types
        self._stopped = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> RecordedEvent:
        with self._log.grown:
            while not self._stopped:
                wanted = self._log.read(
                    after=self._after, session_id=self._session_id, types=self._types, limit=1
                )
                for recorded in wanted:
                    self._after = recorded.position
                    return recorded
                self._log.grown.wait()
        raise StopIteration

    def stop(self) -> None:
        """End the iteration, also one that waits."""
        with self._log.grown:
            self._stopped = True
            self._log.grown.notify_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def _is(entry: Entry, known: dict[UUID, RecordedEvent]) -> bool:
    recorded = known.get(entry.envelope.event_id)
    return recorded is not None and (recorded.event, recorded.envelope) == (
        entry.event,
        entry.envelope,
    )
