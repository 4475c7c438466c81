"""Marking: which parts of an event's payload are personal, found once from its type hints."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache, reduce
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, JsonValue

from domain.value import Personal

HIDDEN = "[sealed]"
"""Stands in the open part of a payload where a text was sealed."""

ERASED = "[erased]"
"""Stands in an event where a text was, once its key is gone."""


class Leaf(Enum):
    """How a personal value is hidden so that the payload still fits its type."""

    TEXT = "text"
    OBJECT = "object"
    ANYTHING = "anything"


@dataclass(frozen=True)
class Fields:
    """An object, some of whose fields are or hold something personal."""

    parts: Mapping[str, Part]


@dataclass(frozen=True)
class Items:
    """An array whose items are or hold something personal."""

    each: Part


@dataclass(frozen=True)
class Entries:
    """An object of free keys whose values are or hold something personal."""

    each: Part


Part: TypeAlias = Leaf | Fields | Items | Entries


class MarkError(TypeError):
    """Something is marked as personal whose type says no way to hide it."""


def find_parts(attributes: Mapping[str, Any]) -> Fields | None:
    """Find what is personal in a payload; None when nothing is.

    Args:
        attributes: type hint of each attribute of the event, with what `Annotated` adds.

    Raises:
        MarkError: something is marked that cannot be hidden.
    """
    parts = {name: part for name, hint in attributes.items() if (part := _part(hint)) is not None}
    return Fields(parts) if parts else None


def hide(value: Any, part: Part) -> Any:
    """Take what is personal out of decoded JSON; empty texts and nulls stay, for they say nothing.

    What was given is not changed.
    """
    if value is None or value == "":
        return value
    match part:
        case Leaf.OBJECT:
            return {}
        case Leaf.TEXT | Leaf.ANYTHING:
            return HIDDEN
        case Fields(parts):
            return value | {
                name: hide(value[name], inner) for name, inner in parts.items() if name in value
            }
        case Items(each):
            return [hide(item, each) for item in value]
        case Entries(each):
            return {key: hide(item, each) for key, item in value.items()}


def _part(hint: Any) -> Part | None:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        marked = any(isinstance(extra, Personal) for extra in arguments[1:])
        return _leaf(arguments[0]) if marked else _part(arguments[0])
    if origin in (Union, types.UnionType):
        found = [part for argument in arguments if (part := _part(argument)) is not None]
        return reduce(_merged, found) if found else None
    if origin in (tuple, list):
        each = _part(arguments[0])
        if each is not None and arguments[1:] not in ((), (...,)):
            raise MarkError(f"the items of {hint!r} cannot be hidden: mark the whole")
        return Items(each) if each is not None else None
    if origin is dict:
        if _part(arguments[0]) is not None:
            raise MarkError(f"the keys of {hint!r} cannot be hidden: mark the whole")
        each = _part(arguments[1])
        return Entries(each) if each is not None else None
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return _model(hint)
    return None


@cache
def _model(model: type[BaseModel]) -> Fields | None:
    hints = get_type_hints(model, include_extras=True)
    return find_parts({name: hints[name] for name in model.model_fields})


def _leaf(base: Any) -> Leaf:
    if base is str:
        return Leaf.TEXT
    if base is JsonValue:
        return Leaf.ANYTHING
    if get_origin(base) is dict:
        return Leaf.OBJECT
    raise MarkError(f"{base!r} is marked as personal, but only texts and JSON can be hidden")


def _merged(one: Part, other: Part) -> Part:
    """Hide what either member of a union would hide."""
    if isinstance(one, Fields) and isinstance(other, Fields):
        common = {
            name: _merged(one.parts[name], other.parts[name])
            for name in one.parts.keys() & other.parts.keys()
        }
        return Fields({**one.parts, **other.parts, **common})
    if one == other:
        return one
    raise MarkError(f"a union marks {one!r} and {other!r}, which are hidden in different ways")
