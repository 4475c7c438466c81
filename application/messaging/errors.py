"""Errors of messaging."""

from __future__ import annotations

from uuid import UUID

from application.errors import ApplicationError, ConflictError, UnavailableError
from domain.message import DeadReason


class UndeliverableError(ConflictError):
    """A message can never be delivered.

    Attributes:
        reason: why; it stands in the log, too.
    """

    def __init__(self, message_id: UUID, to_agent: str, reason: DeadReason) -> None:
        self.message_id = message_id
        self.reason = reason
        super().__init__(
            f"Message {str(message_id)!r} to {to_agent!r} cannot be delivered"
            f" ({reason.value.replace('_', ' ')}): `hansard agents list` lists who can get one."
        )


class NoReplyError(UnavailableError, TimeoutError):
    """Nobody answered a request in time.

    Attributes:
        request_ids: the request and its repetitions, in order.
    """

    def __init__(self, request_ids: tuple[UUID, ...], to_agent: str, timeout_s: float) -> None:
        self.request_ids = request_ids
        tries = f"{len(request_ids)} requests" if len(request_ids) > 1 else "the request"
        super().__init__(
            f"{to_agent!r} did not answer {tries} within {timeout_s:g} s"
            f"{' each' if len(request_ids) > 1 else ''} (first: {str(request_ids[0])!r}):"
            " see whether anything serves that agent's inbox, or wait longer."
        )


class RefusedError(ApplicationError):
    """A handler raises it to refuse a message for good; its text says why."""
