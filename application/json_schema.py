"""JSON Schema: whether a value fits, and whether a schema is one.

A schema comes from the author of a workflow, the value from a model. No schema is ever fetched, and
patterns run in time linear in the text (so look-around and back-references are refused).
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

from pydantic import JsonValue

if TYPE_CHECKING:
    from jsonschema_rs import Validator

MAX_MISFITS = 5
"""Problems that are told of at once."""

MAX_SHOWN = 200


def schema_problem(schema: dict[str, JsonValue]) -> str | None:
    """Say what is wrong with a schema; None when it can be used.

    Draft 2020-12 is meant where `$schema` names no other.
    """
    try:
        _validator(json.dumps(schema))
    except ValueError as error:
        return _shown(getattr(error, "message", None) or str(error))
    return None


def misfits(schema: dict[str, JsonValue], value: JsonValue) -> tuple[str, ...]:
    """Say where a value does not fit a schema, at most `MAX_MISFITS` places; empty when it does.

    Raises:
        ValueError: the schema cannot be used; see `schema_problem`.
    """
    found = []
    for error in _validator(json.dumps(schema)).iter_errors(value):
        place = ".".join(map(str, error.instance_path))
        found.append(f"{place}: {_shown(error.message)}" if place else _shown(error.message))
        if len(found) == MAX_MISFITS:
            break
    return tuple(found)


@lru_cache(256)
def _validator(schema: str) -> Validator:
    from jsonschema_rs import RegexOptions, validator_for  # noqa: PLC0415 - only where a schema is

    return validator_for(json.loads(schema), offline=True, pattern_options=RegexOptions())


def _shown(message: str) -> str:
    said = " ".join(message.split())
    return said if len(said) <= MAX_SHOWN else f"{said[:MAX_SHOWN]}..."
