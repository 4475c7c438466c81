"""Level: an agent's rank in the hierarchy."""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    """Rank in the hierarchy, as the mission numbers it."""

    PERSONAL = "L-1"
    ORCHESTRATOR = "L0"
    DIRECTOR = "L1"
    SPECIALIST = "L2"

    @property
    def rank(self) -> int:
        """Steps below the personal agent."""
        return _RANKS[self]


_RANKS = {level: rank for rank, level in enumerate(Level)}
