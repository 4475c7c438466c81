"""Rehearsing: a log on top of another one, which keeps to itself what is appended to it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from eventsourcing.domain import Aggregate

from application.ports import Clock, Entry, EventLog, Fence, Follower, OutputFiles
from domain.artefact import Artefact
from domain.event import RecordedEvent

A = TypeVar("A", bound=Aggregate)


@dataclass(slots=True)
class RehearsalLog:
    """The port `EventLog`, for one process and one new session: nothing reaches the log below.

    Positions go on from that log's newest one; they are nobody's, and no later event bears them.
    """

    log: EventLog
    clock: Clock
    last: int = 0
    events: list[RecordedEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.last = self.log.last_position()

    def append(self, entries: Sequence[Entry]) -> Sequence[RecordedEvent]:
        """Keep events in memory."""
        now = self.clock.now()
        first = self.last_position() + 1
        recorded = [
            RecordedEvent(position, now, entry.envelope, entry.event)
            for position, entry in enumerate(entries, start=first)
        ]
        self.events += recorded
        return recorded

    async def append_async(
        self, entries: Sequence[Entry], fence: Fence | None = None
    ) -> Sequence[RecordedEvent]:
        """Keep events in memory, where nobody can take over."""
        del fence
        return self.append(entries)

    def load(self, aggregate: type[A], stream: UUID) -> A:
        """Rebuild an aggregate of the log below."""
        return self.log.load(aggregate, stream)

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
        """Read the log below and what was kept."""
        below = self.log.read(
            after=after,
            until=self.last if until is None else min(until, self.last),
            since=since,
            before=before,
            stream=stream,
            session_id=session_id,
            types=types,
            backwards=backwards,
        )
        kept = [
            recorded
            for recorded in self.events
            if after < recorded.position
            and (until is None or recorded.position <= until)
            and (since is None or recorded.recorded_at >= since)
            and (before is None or recorded.recorded_at < before)
            and stream in {None, recorded.event.originator_id}
            and session_id in {None, recorded.envelope.session_id}
            and (not types or recorded.type in types)
        ]
        return islice(chain(kept[::-1], below) if backwards else chain(below, kept), limit)

    def follow(
        self, *, after: int = 0, session_id: UUID | None = None, types: Collection[str] = ()
    ) -> Follower:
        """Follow the log below."""
        return self.log.follow(after=after, session_id=session_id, types=types)

    def wait_for(self, position: int, timeout_s: float) -> None:
        """Wait for the log below."""
        self.log.wait_for(position, timeout_s)

    def last_position(self) -> int:
        """Tell the position of the newest event, kept or below."""
        return self.last + len(self.events)

    def position_at(self, moment: datetime) -> int:
        """Tell a position of the log below."""
        return self.log.position_at(moment)

    def position_of(self, event_id: UUID) -> int:
        """Tell a position of the log below."""
        return self.log.position_of(event_id)


@dataclass(frozen=True, slots=True)
class UntouchedFiles:
    """The port `OutputFiles` that only looks."""

    files: OutputFiles

    def copy(
        self, artefacts: Sequence[Artefact], source: Path, _target: Path | None
    ) -> tuple[str, ...]:
        """Tell which files are not there any more as they were; see the port."""
        return self.files.copy(artefacts, source, None)
