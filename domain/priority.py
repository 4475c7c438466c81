"""Priority: what goes first where not everything can go at once."""

from __future__ import annotations

from enum import StrEnum


class Priority(StrEnum):
    """How urgent something is."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"

    @property
    def rank(self) -> int:
        """Place in the order: 0 for the most urgent."""
        return _RANKS[self]


_RANKS = {Priority.URGENT: 0, Priority.HIGH: 1, Priority.NORMAL: 2, Priority.LOW: 3}
