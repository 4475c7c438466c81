"""Exit codes tell scripts what kind of problem there was."""

from __future__ import annotations

import pytest

from application.errors import (
    ApplicationError,
    BadRequestError,
    ConflictError,
    EffectError,
    IntegrityError,
    NotFoundError,
    UnavailableError,
)
from application.views import SessionView, session_view
from domain.effect import Failure, FailureKind
from domain.errors import DomainError
from domain.session import SessionStatus
from hansard.cli.exits import exit_code, session_exit_code
from tests.support.office import office


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadRequestError(), 2),
        (NotFoundError("session", "x"), 3),
        (ConflictError(), 4),
        (DomainError(), 4),
        (UnavailableError(), 6),
        (IntegrityError(), 7),
        (ApplicationError(), 6),
    ],
)
def test_each_error_has_its_code(error: Exception, code: int) -> None:
    assert exit_code(error) == code


CODES = {
    FailureKind.BAD_INPUT: 2,
    FailureKind.TOO_LARGE: 2,
    FailureKind.NOT_FOUND: 3,
    FailureKind.UNABLE: 3,
    FailureKind.NOT_ALLOWED: 5,
    FailureKind.REFUSED: 5,
}


@pytest.mark.parametrize("kind", FailureKind)
def test_each_failure_has_its_code(kind: FailureKind, ended: SessionView) -> None:
    failure = Failure(kind=kind, message="It failed.")
    failed = ended.model_copy(update={"status": SessionStatus.FAILED, "failure": failure})

    assert exit_code(EffectError(failure)) == CODES.get(kind, 6)
    assert session_exit_code(failed) == CODES.get(kind, 6)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (SessionStatus.COMPLETED, 0),
        (SessionStatus.DECLINED, 3),
        (SessionStatus.CANCELLED, 4),
    ],
)
def test_each_end_of_a_session_has_its_code(
    status: SessionStatus, code: int, ended: SessionView
) -> None:
    assert session_exit_code(ended.model_copy(update={"status": status})) == code


@pytest.fixture(scope="module")
def ended() -> SessionView:
    return session_view(office().run())
