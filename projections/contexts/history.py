"""History: the port through which contexts read what happened before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol
from uuid import UUID

from domain.event import RecordedEvent
from projections.contexts.values import Segment


class History(Protocol):
    """Reads what happened before; a part of the log."""

    def stream(self, stream: UUID, until: int, /) -> Iterable[RecordedEvent]:
        """Read the events of a stream up to a position, whatever was taken back."""
        ...

    def agents(self, until: int, /) -> Iterable[RecordedEvent]:
        """Read what was recorded of all agents up to a position."""
        ...

    def turnings(self, session_id: UUID, until: int, /) -> Iterable[RecordedEvent]:
        """Read where a session was forked off and rewound, up to a position."""
        ...

    def segments(self, session_id: UUID, until: int, /) -> Sequence[Segment]:
        """Tell of what a session's history is made at a position, in the order of the log."""
        ...

    def aggregate(
        self, session_id: UUID, aggregate_id: UUID, until: int, /
    ) -> Iterable[RecordedEvent]:
        """Read what a session's history at a position says of a task or conversation."""
        ...

    def newest(
        self, session_id: UUID, types: Collection[str], until: int, /
    ) -> RecordedEvent | None:
        """Find the newest event of some types in a session's history at a position."""
        ...

    def count(self, session_id: UUID, types: Collection[str], until: int, /) -> dict[str, int]:
        """Count events by type in a session's history at a position."""
        ...
