"""Inputs of a workflow, as they are typed on the command line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from application.errors import BadRequestError

if TYPE_CHECKING:
    from pydantic import JsonValue


def read_values(
    assignments: Iterable[str], inputs: Mapping[str, JsonValue]
) -> dict[str, JsonValue]:
    """Read `name=value`; a value is JSON, or else text, where the workflow's own is no text.

    Args:
        inputs: the workflow's own values, by name.

    Raises:
        BadRequestError: one is no assignment, or a name comes twice.
    """
    values: dict[str, JsonValue] = {}
    for assignment in assignments:
        name, is_one, text = assignment.partition("=")
        if not is_one or not name:
            raise BadRequestError(f"{assignment!r} is no value for an input; write name=value.")
        if name in values:
            raise BadRequestError(f"The input {name!r} is given twice; give it once.")
        values[name] = text if isinstance(inputs.get(name), str) else _value(text)
    return values


def _value(text: str) -> JsonValue:
    try:
        value: JsonValue = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
