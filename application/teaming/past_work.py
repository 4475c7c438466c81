"""Past work: the port that tells what agents did, alone and together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Work:
    """What an agent did in a stretch of the log.

    Attributes:
        mean_s: seconds that a task took it on average; None without a task that ended.
        load: tasks that it has under way.
    """

    completed: int = 0
    failed: int = 0
    mean_s: float | None = None
    load: int = 0


class PastWork(Protocol):
    """What agents did, alone and together, as far as the log tells."""

    def work(self, since: Mapping[str, int], until: int) -> Mapping[str, Work]:
        """Tell what agents did up to a position; who did nothing may be missing.

        Args:
            since: position after which it counts, by handle.
        """
        ...

    def together(self, until: int) -> Mapping[tuple[str, str], int]:
        """Count the sessions in which two agents both had tasks, by their handles in order."""
        ...
