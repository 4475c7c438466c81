"""Exit codes of errors and of ended sessions."""

from __future__ import annotations

from application.errors import (
    ApplicationError,
    BadRequestError,
    ConflictError,
    EffectError,
    IntegrityError,
    NotFoundError,
    UnavailableError,
)
from application.views import SessionView
from domain.effect import FailureKind
from domain.errors import DomainError
from domain.session import SessionStatus
from hansard.cli.main import (
    CONFLICT,
    INTEGRITY,
    NOT_ALLOWED,
    NOT_FOUND,
    OK,
    UNAVAILABLE,
    USAGE,
    WAITING,
)

BY_ERROR: tuple[tuple[type[Exception], int], ...] = (
    (BadRequestError, USAGE),
    (NotFoundError, NOT_FOUND),
    (ConflictError, CONFLICT),
    (DomainError, CONFLICT),
    (UnavailableError, UNAVAILABLE),
    (IntegrityError, INTEGRITY),
    (ApplicationError, UNAVAILABLE),
)

BY_FAILURE = {
    FailureKind.BAD_INPUT: USAGE,
    FailureKind.TOO_LARGE: USAGE,
    FailureKind.NOT_ALLOWED: NOT_ALLOWED,
    FailureKind.REFUSED: NOT_ALLOWED,
    FailureKind.NOT_FOUND: NOT_FOUND,
    FailureKind.UNABLE: NOT_FOUND,
}
"""Exit codes of failures; every other kind means that something needed was unavailable."""


def exit_code(error: Exception) -> int:
    """Tell the exit code of an error."""
    if isinstance(error, EffectError):
        return BY_FAILURE.get(error.failure.kind, UNAVAILABLE)
    return next(code for kind, code in BY_ERROR if isinstance(error, kind))


def session_exit_code(view: SessionView) -> int:
    """Tell the exit code of a session: a declined request found nobody who can serve it."""
    if view.status is SessionStatus.DECLINED:
        return NOT_FOUND
    if view.status is SessionStatus.CANCELLED:
        return CONFLICT
    if view.waits_for_approval:
        return WAITING
    if view.failure is not None:
        return BY_FAILURE.get(view.failure.kind, UNAVAILABLE)
    return OK
