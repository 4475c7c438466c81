"""Errors of the event log."""

from __future__ import annotations

from uuid import UUID

from eventsourcing.persistence import IntegrityError, OperationalError

import application.errors
from application.errors import ApplicationError, BadRequestError, ConflictError, FencedError
from infrastructure.database.errors import DatabaseUnavailableError


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


class FenceBrokenError(FencedError, IntegrityError):
    """The stream that fences an append has moved on: somebody else has taken over.

    Attributes:
        expected: version that the append was made under.
        actual: version the stream is at.
    """

    def __init__(self, stream: UUID, expected: int, actual: int) -> None:
        self.stream = stream
        self.expected = expected
        self.actual = actual
        super().__init__(
            f"Stream {str(stream)!r} is at version {actual}, not {expected}: somebody else has"
            " taken over what is done under it, so nothing was recorded; leave it to them."
        )


class DuplicateEventError(ConflictError, IntegrityError):
    """An event id is taken.

    Attributes:
        position: where another append put an event of this id; None when one append gives it twice.
    """

    def __init__(self, event_id: UUID, position: int | None) -> None:
        self.event_id = event_id
        self.position = position
        place = "is given twice" if position is None else f"stands at position {position} already"
        super().__init__(
            f"Event id {str(event_id)!r} {place}: give each event an id of its own,"
            " and repeat an append only as a whole and unchanged."
        )


class EventTooLargeError(BadRequestError, IntegrityError):
    """An event is larger than the log takes.

    Attributes:
        size: bytes of its payload.
        limit: bytes a payload may have.
    """

    def __init__(self, event_type: str, size: int, limit: int) -> None:
        self.event_type = event_type
        self.size = size
        self.limit = limit
        super().__init__(
            f"Event {event_type!r} has a payload of {size:,} bytes, but the log takes up to"
            f" {limit:,}: keep what is large in a file and name it in the event, or raise"
            " HANSARD_MAX_EVENT_BYTES."
        )


class AppendTooLargeError(BadRequestError, IntegrityError):
    """An append is larger than the database takes at once.

    Attributes:
        events: how many there are.
        size: bytes of all of them, envelopes included.
        limit: bytes an append may have.
    """

    def __init__(self, events: int, size: int, limit: int) -> None:
        self.events = events
        self.size = size
        self.limit = limit
        super().__init__(
            f"An append of {events:,} events of {size:,} bytes together is too large: the log takes"
            f" up to {limit:,} bytes at once; divide it into several appends."
        )


class UnrecordableEventError(BadRequestError, IntegrityError):
    """The log cannot hold an event.

    Attributes:
        reason: which part of it, with its value.
    """

    def __init__(self, event_type: str, reason: str) -> None:
        self.event_type = event_type
        self.reason = reason
        super().__init__(
            f"Event {event_type[:100]!r} cannot be recorded: {reason}. Correct that and append"
            " again; nothing of this append was recorded."
        )


class StoreUnavailableError(DatabaseUnavailableError, OperationalError):
    """The log cannot be used now; what was to be appended may be recorded all the same.

    To repeat the append is safe: an event that is recorded already is recognised by its id.
    """


class TamperedEventError(application.errors.IntegrityError):
    """What an event seals for its subject does not open: it was changed or moved since."""

    def __init__(self, event_type: str, stream: object, version: int, position: int | None) -> None:
        self.event_type = event_type
        self.stream = stream
        self.version = version
        place = "" if position is None else f" at position {position}"
        super().__init__(
            f"Event {event_type!r}{place}, version {version} of stream {str(stream)!r}, was changed"
            " or moved after it was recorded: what it seals does not open. `hansard verify` tells"
            " what else was changed.",
            position,
        )


class UnreadableEventError(ApplicationError):
    """An event of the log cannot be decoded by this version of Hansard."""

    def __init__(self, event_type: str, stream: object, version: int, reason: str) -> None:
        self.event_type = event_type
        self.stream = stream
        self.version = version
        super().__init__(
            f"Event {event_type!r}, version {version} of stream {str(stream)!r},"
            f" cannot be read: {reason}"
        )
