"""Patterns: regular expressions held against texts that models and tools wrote.

RE2 takes time linear in the text, whatever the pattern and the text are, and therefore knows no
look-around and no back-references. https://github.com/google/re2/wiki/Syntax
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from pydantic import JsonValue


def pattern_problem(pattern: str) -> str | None:
    """Say what is wrong with a pattern; None when it can be used."""
    try:
        _compiled(pattern)
    except ValueError as error:
        return str(error)
    return None


def occurs(pattern: str, value: JsonValue) -> bool:
    """Tell whether a pattern occurs in one of the texts of a JSON value, its keys among them.

    Raises:
        ValueError: the pattern cannot be used.
    """
    found = _compiled(pattern)
    return any(found.search(text) is not None for text in texts_of(value))


def replaced(pattern: str, replacement: str, value: JsonValue) -> JsonValue:
    """Replace whatever a pattern finds in the texts of a JSON value; keys stay as they are.

    Raises:
        ValueError: the pattern cannot be used.
    """
    found = _compiled(pattern)
    if isinstance(value, str):
        text: str = found.sub(lambda _: replacement, value)
        return text
    if isinstance(value, list):
        return [replaced(pattern, replacement, each) for each in value]
    if isinstance(value, dict):
        return {key: replaced(pattern, replacement, each) for key, each in value.items()}
    return value


def texts_of(value: JsonValue) -> Iterator[str]:
    """Go through the texts of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from texts_of(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from texts_of(each)


@lru_cache(256)
def _compiled(pattern: str) -> Any:
    import re2  # noqa: PLC0415 - only where a pattern is

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        said = error.args[0] if error.args else "it cannot be read"
        reason = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        raise ValueError(f"The pattern {pattern!r} cannot be used: {reason}") from error
