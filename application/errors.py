"""The root of every error a use case raises, and the errors all doors know."""

from __future__ import annotations

from uuid import UUID

from domain.effect import Failure


class ApplicationError(Exception):
    """A use case could not be carried out."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__ or type(self).__name__)


class NotFoundError(ApplicationError):
    """Nothing is known under this name."""

    def __init__(self, kind: str, name: object, advice: str = "") -> None:
        self.kind = kind
        self.name = str(name)
        super().__init__(f"No {kind} {self.name!r} is known.{' ' + advice if advice else ''}")


class BadRequestError(ApplicationError):
    """The request cannot be understood or breaks a limit."""


class ConflictError(ApplicationError):
    """Somebody else changed, or holds, what the command wanted to change."""


class SessionStoppedError(ConflictError):
    """The process that ran a session was asked to stop, and did; all that was recorded stays.

    Attributes:
        by: who asked.
    """

    def __init__(self, session_id: UUID, by: str) -> None:
        self.session_id = session_id
        self.by = by
        super().__init__(
            f"Session {str(session_id)!r} was stopped by request of {by}: unless it was cancelled,"
            f" `hansard resume {session_id}` goes on."
        )


class HaltedError(ConflictError):
    """All work of the organisation stands still.

    Attributes:
        by: who said so.
        reason: why.
    """

    def __init__(self, by: str, reason: str) -> None:
        self.by = by
        self.reason = reason
        super().__init__(
            f"All work was stopped by {by} ({reason!r}): sessions stay as they are until"
            " `hansard release` lets them go on."
        )


class InactiveAgentError(ConflictError):
    """An agent takes no work until it is activated."""

    def __init__(self, handle: str) -> None:
        self.handle = handle
        super().__init__(
            f"Agent {handle!r} is not active: `hansard agents activate {handle}` lets it take work."
        )


class NoActiveAgentError(ConflictError):
    """Nobody is there who takes work."""

    def __init__(self, among: str) -> None:
        self.among = among
        super().__init__(
            f"No agent of {among} is active: `hansard agents activate HANDLE` lets one take work."
        )


class FencedError(ConflictError):
    """Somebody else has taken over what an append was made under; nothing was recorded."""


class UnavailableError(ApplicationError):
    """Something outside that the command needs cannot be used now."""


class IntegrityError(ApplicationError):
    """The record is not what it was when it was made.

    Attributes:
        position: first position that is not as it was; None where it cannot be known.
    """

    def __init__(self, message: str | None = None, position: int | None = None) -> None:
        self.position = position
        super().__init__(message)


class PositionNotReachedError(UnavailableError, TimeoutError):
    """The log did not reach a position in time.

    Attributes:
        position: position that was waited for.
        reached: position of the newest event when the time was over.
    """

    def __init__(self, position: int, reached: int, timeout_s: float) -> None:
        self.position = position
        self.reached = reached
        super().__init__(
            f"The log stands at position {reached}, and has not reached {position} within"
            f" {timeout_s:g} s: see whether its writer still runs, or wait longer."
        )


class EffectError(ApplicationError):
    """An effect failed; the adapter says how, and the engine records it."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.message)
