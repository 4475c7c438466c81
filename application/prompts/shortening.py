"""Shortening: what is left of a JSON value when it must be small, its structure kept as a hint."""

from __future__ import annotations

from pydantic import JsonValue

from application.prompts.wording import json_text

RUNGS = ((60, 2000), (20, 400), (8, 160), (3, 80), (1, 40))
"""Elements of a list and characters of a text that are kept, more and more strictly."""

OPTIONAL_KEYS = frozenset({"samples"})
"""Parts that a shortened value goes without."""

_WRAPPING = 20  # characters around the text of a value that was cut


def shorten(value: JsonValue, limit: int) -> JsonValue:
    """Shorten a value until it is at most `limit` characters of JSON.

    The result never gets longer with a smaller limit: a stricter rung is taken only when the one
    before was over the limit.
    """
    if size(value) <= limit:
        return value
    for elements, characters in RUNGS:
        candidate = _trim(value, elements, characters)
        if size(candidate) <= limit:
            return candidate
    # A quote inside the text takes two characters.
    room = max(limit - _WRAPPING, 0) // 2
    return {"shortened": json_text(value)[:room]}


def size(value: JsonValue) -> int:
    """Count the characters of a value's JSON."""
    return len(json_text(value))


def _trim(value: JsonValue, elements: int, characters: int) -> JsonValue:
    if isinstance(value, str):
        return cut(value, characters)
    if isinstance(value, list):
        kept = [_trim(element, elements, characters) for element in value[:elements]]
        left_out = len(value) - elements
        return [*kept, f"… {left_out} more"] if left_out > 0 else kept
    if isinstance(value, dict):
        return {
            key: _trim(element, elements, characters)
            for key, element in value.items()
            if key not in OPTIONAL_KEYS
        }
    return value


def cut(text: str, characters: int) -> str:
    """Cut a text to a number of characters, the last one an ellipsis."""
    return text if len(text) <= characters else f"{text[: characters - 1]}…"
