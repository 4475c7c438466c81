"""How a tool says no: one sentence with a failure kind, raised as an effect's error."""

from __future__ import annotations

from application.errors import EffectError
from domain.effect import Failure, FailureKind


def bad_input(message: str) -> EffectError:
    """Make the error for arguments or files that cannot be worked with."""
    return EffectError(Failure(kind=FailureKind.BAD_INPUT, message=message))


def not_allowed(message: str) -> EffectError:
    """Make the error for something outside the session's files."""
    return EffectError(Failure(kind=FailureKind.NOT_ALLOWED, message=message))


def not_found(message: str) -> EffectError:
    """Make the error for a name that nothing in the session bears."""
    return EffectError(Failure(kind=FailureKind.NOT_FOUND, message=message))


def too_large(message: str) -> EffectError:
    """Make the error for a file or an answer over the limit."""
    return EffectError(Failure(kind=FailureKind.TOO_LARGE, message=message))


def timed_out(message: str) -> EffectError:
    """Make the error for a call that took longer than it may."""
    return EffectError(Failure(kind=FailureKind.TIMED_OUT, message=message))


def internal(message: str) -> EffectError:
    """Make the error for a tool that failed on its own account."""
    return EffectError(Failure(kind=FailureKind.INTERNAL, message=message))
