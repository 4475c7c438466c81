"""Ports of routing: what strategies draw on from outside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from domain.routing import TrackRecord

ANY_SKILL = ""
"""Stands for all work of an agent, whatever skill it asked for."""


class Similarity(Protocol):
    """Compares texts by meaning; may be used from several threads."""

    @property
    def name(self) -> str:
        """Name of the model of meaning, with its version."""
        ...

    def compare(self, text: str, descriptions: Sequence[str]) -> Sequence[float]:
        """Give the cosine of a text and each description, -1 to 1.

        It is called between two events of a session, so it takes far less than a millisecond.
        """
        ...


@dataclass(frozen=True, slots=True)
class LearnedRecords:
    """What became of work, as the log tells it up to a position.

    Attributes:
        position: of the log.
        records: by handle and skill that the work asked for.
    """

    position: int = 0
    records: Mapping[str, Mapping[str, TrackRecord]] = field(default_factory=dict)

    def record_of(self, handles: Iterable[str], skills: Sequence[str]) -> TrackRecord | None:
        """Give the record of one or several agents in work that asks for some skills.

        Args:
            skills: most important first; the n-th weighs 1/n. Without any, all work counts.

        Returns:
            None when there is none yet.
        """
        weighed = [
            (1 / rank, record)
            for rank, skill in enumerate(skills or (ANY_SKILL,), start=1)
            for handle in handles
            if (record := self.records.get(handle, {}).get(skill)) is not None
        ]
        total = sum(1 / rank for rank in range(1, len(skills or (ANY_SKILL,)) + 1))
        if not weighed:
            return None
        return TrackRecord(
            completed=round(sum(weight * each.completed for weight, each in weighed) / total, 6),
            failed=round(sum(weight * each.failed for weight, each in weighed) / total, 6),
            duration_s=_mean([(weight, each.tasks, each.duration_s) for weight, each in weighed]),
            cost_usd=_mean([(weight, each.tasks, each.cost_usd) for weight, each in weighed]),
        )


class TrackRecords(Protocol):
    """What agents made of their work so far; a read model provides it."""

    def learned(self, until: int) -> LearnedRecords:
        """Give the records as the log told them up to a position, or some way before it.

        Args:
            until: position of the log.

        Raises:
            UnavailableError: the database cannot be used.
        """
        ...


def _mean(weighed: Iterable[tuple[float, float, float | None]]) -> float | None:
    """Average figures over tasks."""
    known = [
        (weight * tasks, figure)
        for weight, tasks, figure in weighed
        if figure is not None and tasks
    ]
    total = sum(share for share, _ in known)
    return round(sum(share * figure for share, figure in known) / total, 6) if total else None
