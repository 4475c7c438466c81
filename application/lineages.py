"""Lineages: where a session's history comes from, what was taken back, and what goes on from it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from application.history import END, read_lineage
from application.ports import EventLog
from domain.event import RecordedEvent
from domain.session import Origin, Session
from domain.value import Value


class SegmentView(Value):
    """A stretch of the log, `after < position <= until`, of which a session's events count.

    Attributes:
        until: None for all that is still to come.
    """

    session_id: UUID
    after: int
    until: int | None


class RewindEventView(Value):
    """A rewind that was recorded."""

    position: int
    recorded_at: datetime
    to_position: int
    reason: str


class ForkEventView(Value):
    """A fork that was made of the session, also of a part of its history that was taken back."""

    session_id: UUID
    position: int
    recorded_at: datetime
    origin_position: int
    reason: str
    what_if: bool


class LineageView(Value):
    """What a session's history is made of.

    Attributes:
        origins: where it left its parent, where that left its own, and so on.
        segments: what counts, in the order of the log.
        rewinds: of the session itself, oldest first, undone ones too.
        forks: made of the session, oldest first.
    """

    session_id: UUID
    what_if: bool
    origins: tuple[Origin, ...]
    segments: tuple[SegmentView, ...]
    rewinds: tuple[RewindEventView, ...]
    forks: tuple[ForkEventView, ...]


def lineage_view(log: EventLog, session_id: UUID) -> LineageView:
    """View the lineage of a session.

    Raises:
        NotFoundError: there is no such session.
    """
    lineage = read_lineage(log, session_id)
    forks = log.read(types=(Session.Forked.TOPIC,))
    return LineageView(
        session_id=session_id,
        what_if=lineage.what_if,
        origins=lineage.origins,
        segments=tuple(
            SegmentView(
                session_id=segment.session_id,
                after=segment.after,
                until=None if segment.until == END else segment.until,
            )
            for segment in lineage.segments
        ),
        rewinds=tuple(map(_rewind_view, lineage.rewinds)),
        forks=tuple(
            _fork_view(recorded, recorded.event)
            for recorded in forks
            if isinstance(recorded.event, Session.Forked)
            and recorded.event.origin.session_id == session_id
        ),
    )


def _rewind_view(recorded: RecordedEvent) -> RewindEventView:
    event = recorded.event
    assert isinstance(event, Session.Rewound)  # noqa: S101 - for type checkers
    return RewindEventView(
        position=recorded.position,
        recorded_at=recorded.recorded_at,
        to_position=event.to_position,
        reason=event.reason,
    )


def _fork_view(recorded: RecordedEvent, event: Session.Forked) -> ForkEventView:
    return ForkEventView(
        session_id=event.originator_id,
        position=recorded.position,
        recorded_at=recorded.recorded_at,
        origin_position=event.origin.position,
        reason=event.reason,
        what_if=event.what_if,
    )
