"""Sealing in tests: seals with keys that need no database, and what an event says in words."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from pydantic import BaseModel, JsonValue

from domain.event import Envelope
from domain.value import Personal
from infrastructure.erasure import sealing
from infrastructure.erasure.errors import SubjectForgottenError
from infrastructure.erasure.marking import Entries, Fields, Items, Leaf, Part
from infrastructure.erasure.sealing import DataKey, Place

SUBJECT = "customer-42"
EVENT_ID = UUID(int=3)


class MemorySeals:
    """Seals with one key for each subject, made of its name."""

    def __init__(self) -> None:
        self.forgotten: set[str] = set()

    def seal(self, payload: bytes, parts: Fields, place: Place) -> bytes:
        """Seal a payload."""
        if place.subject in self.forgotten:
            raise SubjectForgottenError(place.subject)
        return sealing.seal(payload, parts, key_of(place.subject), place)

    def open(self, payload: bytes, place: Place) -> bytes:
        """Open a payload."""
        if place.subject in self.forgotten:
            return sealing.erased(payload)
        return sealing.unseal(payload, key_of(place.subject), place)


def key_of(subject: str) -> DataKey:
    """Make a key of a name."""
    return DataKey(subject.encode().ljust(32, b"."))


def envelope_of(subject: str | None = SUBJECT, event_id: UUID = EVENT_ID) -> Envelope:
    """Make an envelope."""
    return Envelope(
        event_id=event_id, actor="NOVA_001", correlation_id=UUID(int=4), subject=subject
    )


def personal_values(value: Any, part: Part) -> Iterator[Any]:
    """List what is personal in decoded JSON and says anything."""
    if value in (None, "", {}):
        return
    match part:
        case Leaf():
            yield value
        case Fields(parts):
            for name, inner in parts.items():
                yield from personal_values(value.get(name), inner)
        case Items(each):
            for item in value:
                yield from personal_values(item, each)
        case Entries(each):
            for item in value.values():
                yield from personal_values(item, each)


def without_words(value: Any, part: Part) -> Any:
    """Take what is personal out of decoded JSON, whatever stands there, to compare the rest."""
    match part:
        case Leaf():
            return ... if value is not None else None
        case Fields(parts) if isinstance(value, dict):
            return value | {
                name: without_words(value[name], it) for name, it in parts.items() if name in value
            }
        case Items(each):
            return [without_words(item, each) for item in value]
        case Entries(each) if isinstance(value, dict):
            return {key: without_words(item, each) for key, item in value.items()}
        case _:
            return value


def open_texts(hint: Any, path: str) -> Iterator[str]:
    """List the places of a type where a text may stand that is not marked as personal."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        if not any(isinstance(extra, Personal) for extra in arguments[1:]):
            yield from open_texts(arguments[0], path)
    elif origin in (Union, types.UnionType):
        for argument in arguments:
            yield from open_texts(argument, path)
    elif origin is tuple:
        yield from open_texts(arguments[0], f"{path}[]")
    elif origin is dict:
        yield from open_texts(arguments[0], f"{path}{{key}}")
        yield from open_texts(arguments[1], f"{path}{{}}")
    elif hint is JsonValue or hint is str:
        yield path
    elif issubclass(hint, BaseModel):
        hints = get_type_hints(hint, include_extras=True)
        for name in hint.model_fields:
            yield from open_texts(hints[name], f"{path}.{name}")
