"""History of a session in memory, to be gone through again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from application.fold import SessionFold
from application.history import Lineage, Segment, read_history
from application.ports import EventReader
from domain.event import RecordedEvent


@dataclass(frozen=True, slots=True)
class SessionHistory:
    """The events that tell what a session is, and those that were taken back between them.

    Attributes:
        events: in their order.
        taken_back: what was taken back, by the index of the event before which it stood.
        is_whole: whether nothing of the session follows.
    """

    session_id: UUID
    events: Sequence[RecordedEvent]
    taken_back: Mapping[int, Sequence[RecordedEvent]] = field(default_factory=dict)
    is_whole: bool = True

    def at(self, index: int) -> RecordedEvent | None:
        """Give an event; None behind the last one."""
        return self.events[index] if index < len(self.events) else None

    def skipped(self, index: int) -> Sequence[RecordedEvent]:
        """Give what was taken back just before an event."""
        return self.taken_back.get(index, ()) if self.taken_back else ()

    def fold(self, count: int) -> SessionFold:
        """Fold the first events."""
        fold = SessionFold()
        for index in range(count):
            for gone in self.skipped(index):
                fold.pass_over(gone)
            fold.evolve(self.events[index])
        return fold


def load_history(log: EventReader, lineage: Lineage, *, is_whole: bool) -> SessionHistory:
    """Read a session's history, and what was taken back in it."""
    events: list[RecordedEvent] = []
    taken_back: dict[int, list[RecordedEvent]] = {}
    former: Segment | None = None
    for segment in lineage.segments:
        if former is not None and former.session_id == segment.session_id:
            gap = log.read(session_id=segment.session_id, after=former.until, until=segment.after)
            taken_back[len(events)] = list(gap)
        events.extend(_of_segment(log, lineage, segment))
        former = segment
    return SessionHistory(lineage.session_id, events, taken_back, is_whole)


def _of_segment(log: EventReader, lineage: Lineage, segment: Segment) -> Sequence[RecordedEvent]:
    return list(read_history(log, replace(lineage, segments=(segment,))))
