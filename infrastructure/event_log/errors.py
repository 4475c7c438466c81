"""Errors of the event log."""

from __future__ import annotations

from uuid import UUID

from eventsourcing.persistence import IntegrityError

from application.errors import ConflictError


class VersionConflictError(ConflictError, IntegrityError):
    """The stream has moved on since its aggregate was loaded.

    Attributes:
        expected: version the append wanted to follow.
        actual: version the stream is at.
    """

    def __init__(self, stream: UUID, expected: int, actual: int) -> None:
        self.stream = stream
        self.expected = expected
        self.actual = actual
        super().__init__(
            f"Stream {str(stream)!r} is at version {actual}, not {expected}:"
            " somebody else has written to it; load it again and retry."
        )


class DuplicateEventError(ConflictError, IntegrityError):
    """An event id stands in the log already, with another event."""

    def __init__(self, event_id: UUID, position: int) -> None:
        self.event_id = event_id
        self.position = position
        super().__init__(
            f"Event id {str(event_id)!r} stands at position {position} already, for another event."
        )
