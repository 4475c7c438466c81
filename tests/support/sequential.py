"""Sequential order: the plain rules of the log, one append after the other, in memory.

What many writers did at once is held against these: the log must look as if somebody had done it
in some order, one append at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from infrastructure.event_log.logged_event import LoggedEvent
from infrastructure.event_log.mapper import EnvelopedEvent

Stream: TypeAlias = object
Heads: TypeAlias = dict[Stream, int]
"""Newest version of each stream."""


class Conflict(NamedTuple):
    """Why an append is refused: the first version in it that repeats or skips."""

    stream: Stream
    expected: int
    actual: int


def conflict_of(events: Sequence[EnvelopedEvent], heads: Heads) -> Conflict | None:
    """Tell why an append is refused where streams stand like this; None when it fits."""
    heads = dict(heads)
    for event in events:
        stream, version = event.originator_id, event.originator_version
        head = heads.get(stream, min(version, 1) - 1)
        if version != head + 1:
            return Conflict(stream, version - 1, head)
        heads[stream] = version
    return None


@dataclass
class Attempt:
    """An append and what its caller knows of it.

    Attributes:
        positions: where it was said to be recorded; None as long as nobody said so.
        conflict: why it was said to be refused.
    """

    events: Sequence[EnvelopedEvent]
    positions: list[int] | None = None
    conflict: Conflict | None = None


class SequentialLog:
    """A log that takes one append at a time."""

    def __init__(self) -> None:
        self.events: list[EnvelopedEvent] = []
        self.heads: Heads = {}

    def explain(self, rows: Sequence[LoggedEvent], attempts: Sequence[Attempt]) -> None:
        """Go through what is new in the log as whole appends, and see that each was due.

        Args:
            rows: what follows in the real log.
            attempts: what may be there, and what must be because it was acknowledged.

        Raises:
            AssertionError: no sequential order of the attempts leads to this log and to what the
                callers were told.
        """
        by_first = {attempt.events[0].enveloped.event_id: attempt for attempt in attempts}
        stages = [self.heads]
        left = list(rows)
        while left:
            attempt = by_first.get(left[0].enveloped.event_id)
            assert attempt is not None, "something is recorded that nobody waits for"
            self._take(attempt, left[: len(attempt.events)])
            del left[: len(attempt.events)]
            stages.append(self.heads)
        for attempt in attempts:
            if attempt.positions is not None:
                there = [self.events[position - 1] for position in attempt.positions]
                assert there == list(attempt.events), "an acknowledged append is not there"
            elif attempt.conflict is not None:
                reasons = [conflict_of(attempt.events, heads) for heads in stages]
                assert attempt.conflict in reasons, "an append was refused without a reason"

    def _take(self, attempt: Attempt, rows: Sequence[LoggedEvent]) -> None:
        first = len(self.events) + 1
        assert [row.position for row in rows] == list(range(first, first + len(attempt.events)))
        assert list(rows) == [
            LoggedEvent.of(event, row.position, row.recorded_at)
            for event, row in zip(attempt.events, rows, strict=True)
        ]
        assert attempt.conflict is None, "a refused append is recorded"
        assert conflict_of(attempt.events, self.heads) is None, "a version repeats or skips"
        self.events.extend(attempt.events)
        self.heads = self.heads | {e.originator_id: e.originator_version for e in attempt.events}
