"""Errors: one sentence that says what is wrong, with which value, and what to do."""

from __future__ import annotations

from application.errors import (
    ApplicationError,
    BadRequestError,
    ConflictError,
    EffectError,
    NotFoundError,
    UnavailableError,
)
from domain.effect import Failure, FailureKind


def test_an_error_without_words_says_its_docstring() -> None:
    assert str(UnavailableError()) == (
        "Something outside that the command needs cannot be used now."
    )
    assert str(ConflictError("Somebody holds it.")) == "Somebody holds it."


def test_what_is_not_found_is_named_with_advice() -> None:
    error = NotFoundError("agent", "FIN_099", "`hansard agents list` lists those there are.")

    assert (error.kind, error.name) == ("agent", "FIN_099")
    assert str(error) == (
        "No agent 'FIN_099' is known. `hansard agents list` lists those there are."
    )
    assert str(NotFoundError("agent", 7)) == "No agent '7' is known."


def test_a_failed_effect_carries_its_failure() -> None:
    failure = Failure(kind=FailureKind.TIMED_OUT, message="It took too long.")

    assert EffectError(failure).failure == failure
    assert str(EffectError(failure)) == "It took too long."


def test_every_error_of_a_use_case_has_one_root() -> None:
    for kind in (NotFoundError, BadRequestError, ConflictError, UnavailableError, EffectError):
        assert issubclass(kind, ApplicationError)
