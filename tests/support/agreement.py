"""Agreement: two answers are the same, but for the last digits of sums made in another order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel


def disagreement(found: Any, expected: Any, where: str = "answer") -> str:
    """Say where two answers differ; empty where they agree."""
    if isinstance(found, BaseModel):
        found = found.model_dump()
    if isinstance(found, Mapping) and isinstance(expected, Mapping):
        if found.keys() != expected.keys():
            return f"{where}: fields {sorted(set(found) ^ set(expected))}"
        parts = [(found[name], expected[name], f"{where}.{name}") for name in expected]
    elif isinstance(found, (list, tuple)) and isinstance(expected, (list, tuple)):
        if len(found) != len(expected):
            return f"{where}: {len(found)} entries, not {len(expected)}"
        parts = [
            (one, other, f"{where}[{place}]")
            for place, (one, other) in enumerate(zip(found, expected, strict=True))
        ]
    else:
        return "" if _equal(found, expected) else f"{where}: {found!r}, not {expected!r}"
    return next((said for part in parts if (said := disagreement(*part))), "")


def agree(found: Any, expected: Any) -> None:
    """Require that two answers agree."""
    said = disagreement(found, expected)
    assert not said, said


def agree_in_any_order(found: Sequence[Any], expected: Sequence[Any], *keys: str) -> None:
    """Require that two lists agree, entry by entry, whatever the order of their keys."""

    def key(entry: Any) -> str:
        fields = entry.model_dump() if isinstance(entry, BaseModel) else entry
        return repr([fields[name] for name in keys])

    agree(sorted(found, key=key), sorted(expected, key=key))


def _equal(found: Any, expected: Any) -> bool:
    if isinstance(found, float) or isinstance(expected, float):
        if found is None or expected is None:
            return False
        return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9)
    return bool(found == expected)
