"""Comparing: where two payloads differ, field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

ABSENT = object()
"""Stands for a value that one side does not have."""

LONGEST = 300
"""Characters of a value that are shown."""


def payload_differences(
    recorded: bytes, recomputed: bytes
) -> Iterator[tuple[str, str | None, str | None]]:
    """Tell where two payloads differ.

    Yields:
        The path, such as `decision.candidates[0].score`, and both values as JSON; None for a value
        that is not there. Payloads that say the same in other bytes differ as a whole.
    """
    if recorded == recomputed:
        return
    try:
        one, other = json.loads(recorded), json.loads(recomputed)
    except ValueError:
        one, other = _text(recorded), _text(recomputed)
    found = list(_walk("", one, other))
    if not found:
        yield "payload", shown(_text(recorded)), shown(_text(recomputed))
    for path, left, right in found:
        yield path or "payload", shown(left), shown(right)


def shown(value: Any) -> str | None:
    """Say a value as JSON that is not too long to show; None for one that is not there."""
    if value is ABSENT:
        return None
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _text(payload: bytes) -> str:
    return payload.decode(errors="backslashreplace")


def _walk(path: str, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, dict) and isinstance(other, dict):
        for name in dict.fromkeys((*one, *other)):
            inner = f"{path}.{name}" if path else name
            yield from _walk(inner, one.get(name, ABSENT), other.get(name, ABSENT))
    elif isinstance(one, list) and isinstance(other, list):
        for index in range(max(len(one), len(other))):
            left = one[index] if index < len(one) else ABSENT
            right = other[index] if index < len(other) else ABSENT
            yield from _walk(f"{path}[{index}]", left, right)
    elif type(one) is not type(other) or one != other:
        yield path, one, other
