"""LogHistory: reads from the log what contexts need of earlier events."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from uuid import UUID

from application.fold import stream_in
from application.history import read_lineage
from domain.event import RecordedEvent
from infrastructure.projecting.folding import ScannedLog
from projections.contexts import CONTEXT_TYPES, Segment

AGENT_TYPES = ("agent.registered", "agent.changed")
TURNING_TYPES = ("session.forked", "session.rewound")


class LogHistory:
    """Reads parts of the log; see the protocol `projections.contexts.History`.

    Args:
        unreadable: positions of events that are left out if they cannot be decoded: read models
            were told to do without them.
    """

    def __init__(self, log: ScannedLog, unreadable: frozenset[int] = frozenset()) -> None:
        self._log = log
        self.unreadable = unreadable

    def without(self, unreadable: frozenset[int]) -> LogHistory:
        """Read the same log, but for events that cannot be decoded."""
        return LogHistory(self._log, unreadable)

    def stream(self, stream: UUID, until: int) -> Iterable[RecordedEvent]:
        """Read a stream."""
        return self._read(CONTEXT_TYPES, until=until, stream=stream)

    def agents(self, until: int) -> Iterable[RecordedEvent]:
        """Read what was recorded of agents."""
        return self._read(AGENT_TYPES, until=until)

    def turnings(self, session_id: UUID, until: int) -> Iterable[RecordedEvent]:
        """Read where a session was forked off and rewound."""
        return self._read(TURNING_TYPES, until=until, stream=session_id)

    def segments(self, session_id: UUID, until: int) -> Sequence[Segment]:
        """Tell of what a session's history is made.

        Raises:
            NotFoundError: there is no such session at that position.
        """
        lineage = read_lineage(self._log, session_id, until)
        return [Segment(each.session_id, each.after, each.until) for each in lineage.segments]

    def aggregate(
        self, session_id: UUID, aggregate_id: UUID, until: int
    ) -> Iterable[RecordedEvent]:
        """Read what a session's history says of a task or conversation.

        An aggregate has its own stream in the session that made it, and in every fork that went on
        with it one that is named after both.
        """
        for segment in self.segments(session_id, until):
            for stream in (aggregate_id, stream_in(segment.session_id, aggregate_id)):
                events = self._read(
                    CONTEXT_TYPES, after=segment.after, until=segment.until, stream=stream
                )
                yield from (each for each in events if each.session_id == segment.session_id)

    def newest(self, session_id: UUID, types: Collection[str], until: int) -> RecordedEvent | None:
        """Find the newest event of some types in a session's history."""
        for segment in reversed(self.segments(session_id, until)):
            newest = deque(self._of_segment(segment, types), maxlen=1)
            if newest:
                return newest[0]
        return None

    def count(self, session_id: UUID, types: Collection[str], until: int) -> dict[str, int]:
        """Count events by type in a session's history."""
        return Counter(
            recorded.type
            for segment in self.segments(session_id, until)
            for recorded in self._of_segment(segment, types)
        )

    def _of_segment(self, segment: Segment, types: Collection[str]) -> Iterator[RecordedEvent]:
        _, after, until = segment
        return self._read(types, after=after, until=until, session_id=segment.session_id)

    def _read(
        self,
        types: Collection[str],
        *,
        after: int = 0,
        until: int,
        stream: UUID | None = None,
        session_id: UUID | None = None,
    ) -> Iterator[RecordedEvent]:
        for position in sorted(self.unreadable):
            if after < position <= until:
                yield from self._log.read(
                    after=after,
                    until=position - 1,
                    stream=stream,
                    session_id=session_id,
                    types=types,
                )
                yield from (
                    recorded
                    for recorded in self._log.scan(position - 1, position, types, self.unreadable)
                    if stream in (None, recorded.event.originator_id)
                    and session_id in (None, recorded.session_id)
                )
                after = position
        yield from self._log.read(
            after=after, until=until, stream=stream, session_id=session_id, types=types
        )
