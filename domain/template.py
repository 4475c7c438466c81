r"""Template: JSON in whose texts `{{name.part}}` stands for values that are known later.

A text that is one reference and nothing else becomes the value itself, with its JSON type; within
a longer text a value is written out, what is no text as JSON. What was filled in is never looked
through again, so that a result cannot bring references of its own. `\{{` stands for `{{`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from pydantic import JsonValue

from domain.errors import DomainError

MAX_FILLED = 1_000_000
"""Characters that one filled-in text may have."""

MAX_SHOWN = 20
"""Characters that are shown of what is never closed."""

_BRACES = re.compile(r"(\\?)\{\{(.*?)\}\}", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(\.([A-Za-z0-9_-]+))*")


class UnfilledError(DomainError):
    """A reference has no value."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What a pair of braces names.

    Attributes:
        name: the words between the braces, for example `extract.data.rows.0`.
        valid: whether they can name anything.
    """

    name: str

    @property
    def valid(self) -> bool:
        """Whether the name is made of names and numbers joined by full stops."""
        return _NAME.fullmatch(self.name) is not None

    @property
    def steps(self) -> tuple[str, ...]:
        """The name, cut at its full stops."""
        return tuple(self.name.split("."))

    def __str__(self) -> str:
        return "{{" + self.name + "}}"


def references_in(template: JsonValue) -> Iterator[Reference]:
    """List what the texts of a template refer to, in order; keys of objects are no templates."""
    if isinstance(template, str):
        for match in _BRACES.finditer(template):
            if not match[1]:
                yield Reference(match[2].strip())
        before, opened, rest = _BRACES.sub("", template).partition("{{")
        if opened and not before.endswith("\\"):  # and never closed
            yield Reference(f"{rest[:MAX_SHOWN]}...")
    elif isinstance(template, list):
        for item in template:
            yield from references_in(item)
    elif isinstance(template, dict):
        for item in template.values():
            yield from references_in(item)


def fill(template: JsonValue, values: Mapping[str, JsonValue]) -> JsonValue:
    """Put values in place of references.

    Args:
        values: what the first step of a reference names.

    Raises:
        UnfilledError: a reference has no value, or a text grows past `MAX_FILLED` characters.
    """
    if isinstance(template, str):
        return _fill_text(template, values)
    if isinstance(template, list):
        return [fill(item, values) for item in template]
    if isinstance(template, dict):
        return {key: fill(item, values) for key, item in template.items()}
    return template


def fill_text(template: str, values: Mapping[str, JsonValue]) -> str:
    """Put values in place of references in a text that stays one; raises as `fill` does."""
    return _written(_fill_text(template, values))


def _fill_text(text: str, values: Mapping[str, JsonValue]) -> JsonValue:
    whole = _BRACES.fullmatch(text)
    if whole is not None and not whole[1] and "}}" not in whole[2]:
        return _look_up(Reference(whole[2].strip()), values)

    def put(match: re.Match[str]) -> str:
        if match[1]:
            return match[0][1:]
        return _written(_look_up(Reference(match[2].strip()), values))

    filled = _BRACES.sub(put, text)
    if len(filled) > MAX_FILLED:
        raise UnfilledError(
            f"A text grows to {len(filled):,} characters when its references are filled in; at"
            f" most {MAX_FILLED:,} are allowed, so refer to less."
        )
    return filled


def _written(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _look_up(reference: Reference, values: Mapping[str, JsonValue]) -> JsonValue:
    found: JsonValue = dict(values)
    for number, step in enumerate(reference.steps):
        if isinstance(found, dict) and step in found:
            found = found[step]
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            _miss(reference, number, found)
    return found


def _miss(reference: Reference, number: int, found: JsonValue) -> NoReturn:
    before = ".".join(reference.steps[:number])
    if isinstance(found, dict):
        has = f"has {', '.join(map(repr, sorted(found)))}" if found else "is empty"
    elif isinstance(found, list):
        has = f"is a list of {len(found)}"
    else:
        has = "has no parts"
    holder = repr(before) if before else "what is known"
    raise UnfilledError(f"{reference} has no value: {holder} {has}.")
