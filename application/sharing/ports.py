"""Ports of sharing: what merges replicas of a shared context."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from pydantic import JsonValue

SharedValues = Mapping[str, Mapping[str, JsonValue]]
"""What is shared, by agent and key."""


class Replicas(Protocol):
    """Makes and merges updates of replicas; in whatever order and however often, with one result.

    Updates are opaque; those that cannot be read, because their words were erased, are passed over.
    """

    def values(self, updates: Sequence[str]) -> SharedValues:
        """Tell what is shared after some updates."""
        ...

    def written(
        self, updates: Sequence[str], replica: int, agent: str, key: str, value: JsonValue
    ) -> str:
        """Make the update by which a replica, which knows some updates, writes a value.

        Args:
            value: None removes what is there.
        """
        ...

    def missing(self, mine: Sequence[str], theirs: Sequence[str]) -> str | None:
        """Make the update that brings what only they know; None when there is nothing."""
        ...
