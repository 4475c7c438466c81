"""The root of every error a use case raises, and the errors all doors know."""

from __future__ import annotations

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


class UnavailableError(ApplicationError):
    """Something outside that the command needs cannot be used now."""


class EffectError(ApplicationError):
    """An effect failed; the adapter says how, and the engine records it."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.message)
