"""Recordable: answers of the outside world in exactly the form in which the log holds them."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import TypeAdapter

from application.errors import EffectError
from domain.effect import Failure, FailureKind, ModelAnswer, ToolAnswer

T = TypeVar("T", bound=ModelAnswer | ToolAnswer)

_CODECS: dict[type[Any], TypeAdapter[dict[str, Any]]] = {
    ModelAnswer: TypeAdapter(dict[str, ModelAnswer]),
    ToolAnswer: TypeAdapter(dict[str, ToolAnswer]),
}


def as_recorded(answer: T) -> T:
    """Send an answer through JSON, as recording does, so that replay decides on the same.

    An answer that could be written but not read again (nested too deep, broken Unicode, a number
    of more than 4,300 digits) would make its session unreadable for ever.

    Raises:
        EffectError: the log cannot hold the answer.
    """
    codec = _CODECS[type(answer)]
    try:
        recorded: T = codec.validate_json(codec.dump_json({"answer": answer}))["answer"]
    except ValueError as error:
        reason = " ".join(str(error).split())
        message = f"The answer cannot be recorded as JSON: {reason}"
        raise EffectError(Failure(kind=FailureKind.BAD_ANSWER, message=message)) from error
    return recorded
