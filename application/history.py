"""History: which events tell what a session is, after rewinds and across forks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from uuid import UUID

from application.errors import NotFoundError
from application.ports import EventReader
from domain.event import RecordedEvent
from domain.session import Origin, Session

END = 2**63 - 1
"""Higher than any position."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the log, `after < position <= until`, of which a session's events count."""

    session_id: UUID
    after: int
    until: int


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a session's history is made of.

    Attributes:
        segments: in the order of the log, those of its ancestors first.
        origins: where it left its parent, where that left its own, and so on.
        rewinds: rewinds of the session itself that were recorded, undone ones too, oldest first.
        what_if: whether it or an ancestor is a what-if.
    """

    session_id: UUID
    segments: tuple[Segment, ...]
    origins: tuple[Origin, ...] = ()
    rewinds: tuple[RecordedEvent, ...] = ()
    what_if: bool = False

    @property
    def skipped(self) -> tuple[Segment, ...]:
        """The stretches of the session's own events that are no longer its history."""
        own = [segment for segment in self.segments if segment.session_id == self.session_id]
        return tuple(
            Segment(self.session_id, former.until, latter.after)
            for former, latter in pairwise(own)
            if former.until < latter.after
        )

    def shared_until(self, other: Lineage) -> int:
        """Tell up to which position two histories are the very same events; 0 for none."""
        same = 0
        for mine, theirs in zip(self.segments, other.segments, strict=False):
            if (mine.session_id, mine.after) != (theirs.session_id, theirs.after):
                break
            same = min(mine.until, theirs.until)
            if mine.until != theirs.until:
                break
        return same

    def until(self, position: int) -> Lineage:
        """Cut everything off that lies behind a position."""
        return replace(self, segments=_cut(self.segments, position))


def read_lineage(log: EventReader, session_id: UUID, until: int | None = None) -> Lineage:
    """Read what a session's history is made of, as of a position.

    Only the session's own stream is read, and those of its ancestors: a few events each.

    Raises:
        NotFoundError: there is no such session, or it was opened after the position.
    """
    last = END if until is None else until
    began: RecordedEvent | None = None
    states: list[tuple[int, tuple[Segment, ...]]] = []
    rewinds: list[RecordedEvent] = []
    parent = Lineage(session_id, ())
    origins: tuple[Origin, ...] = ()
    what_if = False
    for recorded in log.read(stream=session_id, until=until):
        event = recorded.event
        if began is None:
            began = recorded
            if isinstance(event, Session.Forked):
                parent = read_lineage(log, event.origin.session_id, event.origin.position)
                origins = (event.origin, *parent.origins)
                what_if = event.what_if or parent.what_if
            own = Segment(session_id, recorded.position - 1, last)
            states.append((recorded.position, (*parent.segments, own)))
        elif isinstance(event, Session.Rewound):
            rewinds.append(recorded)
            kept = _as_of(states, event.to_position)
            own = Segment(session_id, recorded.position - 1, last)
            states.append((recorded.position, (*kept, own)))
    if began is None or not isinstance(began.event, Session.Created | Session.Forked):
        advice = "`hansard sessions` lists those there are."
        if until is not None:
            advice = f"It may have been opened after position {until}. {advice}"
        raise NotFoundError("session", session_id, advice)
    return Lineage(session_id, states[-1][1], origins, tuple(rewinds), what_if)


def read_history(log: EventReader, lineage: Lineage, *, after: int = 0) -> Iterator[RecordedEvent]:
    """Read the events that tell what a session is, in their order, in constant memory.

    Args:
        after: only those behind this position.
    """
    for segment in lineage.segments:
        if segment.until > after:
            until = None if segment.until == END else segment.until
            first = max(segment.after, after)
            yield from log.read(session_id=segment.session_id, after=first, until=until)


def _as_of(states: list[tuple[int, tuple[Segment, ...]]], position: int) -> tuple[Segment, ...]:
    """Tell the segments as they were at a position, which a rewind may go back behind."""
    newest = next(segments for began, segments in reversed(states) if began <= position)
    return _cut(newest, position)


def _cut(segments: tuple[Segment, ...], position: int) -> tuple[Segment, ...]:
    return tuple(
        replace(segment, until=min(segment.until, position))
        for segment in segments
        if segment.after < position
    )
