"""PycrdtReplicas: the port `Replicas` on pycrdt, which is Yjs in Rust.

A replica is a Yjs document with one map, whose keys name agent and key together: maps within maps
would be made twice where two replicas begin at once, and one of them would be lost.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pydantic import JsonValue

from application.sharing.ports import SharedValues

if TYPE_CHECKING:
    from pycrdt import Doc, Map

VALUES = "values"


class PycrdtReplicas:
    """Makes a document of the updates of a history each time; it keeps none."""

    def values(self, updates: Sequence[str]) -> SharedValues:
        """Tell what is shared after some updates; see the port."""
        found: dict[str, dict[str, JsonValue]] = {}
        for name, text in (_map(_document(updates)).to_py() or {}).items():
            agent, key = json.loads(name)
            found.setdefault(agent, {})[key] = json.loads(text)
        return found

    def written(
        self, updates: Sequence[str], replica: int, agent: str, key: str, value: JsonValue
    ) -> str:
        """Make the update by which a replica writes a value; see the port."""
        document = _document(updates, replica)
        known = document.get_state()
        name, values = json.dumps([agent, key]), _map(document)
        if value is None:
            values.pop(name, None)
        else:
            values[name] = json.dumps(value)
        return _encoded(document.get_update(known))

    def missing(self, mine: Sequence[str], theirs: Sequence[str]) -> str | None:
        """Make the update that brings what only they know; see the port."""
        document = _document(mine)
        before, known = document.get_update(), document.get_state()
        other = _document(theirs)
        update = other.get_update(known)
        document.apply_update(update)
        if document.get_update() == before:
            return None
        return _encoded(update)


def _document(updates: Iterable[str], replica: int | None = None) -> Doc[Map[str]]:
    from pycrdt import Doc  # noqa: PLC0415 - only where something is shared

    document: Doc[Map[str]] = Doc(client_id=replica)
    for update in updates:
        try:
            raw = base64.b64decode(update, validate=True)
        except binascii.Error:
            continue  # its words were erased
        document.apply_update(raw)
    return document


def _map(document: Doc[Map[str]]) -> Map[str]:
    from pycrdt import Map  # noqa: PLC0415 - only where something is shared

    return document.get(VALUES, type=Map)


def _encoded(update: bytes) -> str:
    return base64.b64encode(update).decode()
