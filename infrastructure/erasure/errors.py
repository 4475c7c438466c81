"""Errors of sealing and erasure."""

from __future__ import annotations

from application.errors import ConflictError, UnavailableError


class SubjectForgottenError(ConflictError):
    """The subject was forgotten: nothing can be recorded for it any more."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        super().__init__(
            f"The subject {subject!r} was forgotten, and nothing is recorded for it any more:"
            " use another name for what is new."
        )


class KeyFileError(UnavailableError):
    """The file of master keys cannot be used."""


class SubjectKeyError(UnavailableError):
    """The key of a subject cannot be used, though it was not destroyed."""

    def __init__(self, subject: str, fault: str) -> None:
        self.subject = subject
        super().__init__(
            f"The key of the subject {subject!r} {fault}: restore that table from a backup, with"
            " the key file of the same time."
        )


class BrokenSealError(Exception):
    """A sealed part does not open: it, or what it was sealed with, was changed or moved."""
