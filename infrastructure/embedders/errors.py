"""Errors of embedders: those that pass, and those that stay with a text."""

from __future__ import annotations

from application.errors import ApplicationError, IntegrityError, UnavailableError


class EmbedderUnavailableError(UnavailableError):
    """The embedder cannot be used now; the same texts may be embedded later.

    Attributes:
        retry_after_s: how long the service asks to wait, in seconds; None when it said nothing.
    """

    def __init__(self, message: str | None = None, retry_after_s: float | None = None) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class EmbedderRejectedError(ApplicationError):
    """The embedder will never embed a text.

    Attributes:
        index: place of the text among those that were given, counted from 0.
    """

    def __init__(self, message: str, index: int) -> None:
        self.index = index
        super().__init__(message)


class EmbedderPackageError(IntegrityError):
    """What was fetched, or what is installed, is not the model that this version knows."""
