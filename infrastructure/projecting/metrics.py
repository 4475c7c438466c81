"""Metrics of projecting, in the text format that Prometheus scrapes.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING

from infrastructure.projecting.status import ProjectionStatus

if TYPE_CHECKING:
    from infrastructure.projecting.storing import Folded

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the histogram of batches."""


class Meter:
    """Counts what this process has taken in; may be used from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts = Counts()

    def took_in(self, folded: Folded) -> None:
        """Count a batch that was stored."""
        seconds = monotonic() - folded.begun
        with self._lock:
            counts = self._counts
            counts.batches[bisect_left(BUCKETS_S, seconds)] += 1
            counts.seconds += seconds
            for member, _ in folded.batches:
                counts.events[member.name, member.slot] += folded.until - folded.after

    def counts(self) -> Counts:
        """Give what was counted so far."""
        with self._lock:
            counts = self._counts
            return Counts(list(counts.batches), counts.seconds, Counter(counts.events))


@dataclass
class Counts:
    """What a process has taken in.

    Attributes:
        batches: how many took up to each bound of `BUCKETS_S` but longer than the one before, and
            how many took longer than all of them.
        seconds: how long they took together, reading and storing.
        events: positions passed, by read model and slot.
    """

    batches: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    seconds: float = 0.0
    events: Counter[tuple[str, str]] = field(default_factory=Counter)


def render(
    statuses: Sequence[ProjectionStatus], counts: Counts, led: Collection[str]
) -> Iterator[str]:
    """Write metrics line by line.

    Args:
        led: names of the read models that this process leads.
    """
    for name, saying, values in (
        (
            "position",
            "Position of the newest event that the read model holds.",
            {each.name: each.position for each in statuses},
        ),
        (
            "lag_events",
            "Positions that the log is ahead of the read model.",
            {each.name: each.lag for each in statuses},
        ),
        (
            "lag_seconds",
            "Seconds for which the oldest event that it lacks has been recorded.",
            {each.name: each.lag_s for each in statuses},
        ),
        (
            "stopped",
            "1 while the read model waits at an event that it cannot take in.",
            {each.name: int(each.stopped) for each in statuses},
        ),
        (
            "paused",
            "1 while the read model is paused.",
            {each.name: int(each.paused_at is not None) for each in statuses},
        ),
        (
            "rebuilding",
            "1 while a successor of the read model is being built.",
            {each.name: int(each.rebuilt_to is not None) for each in statuses},
        ),
        (
            "events_set_aside",
            "Events that the read model was told to do without.",
            {each.name: len(each.set_aside) for each in statuses},
        ),
        (
            "leads",
            "1 while this process keeps the read model up to date.",
            {each.name: int(each.name in led) for each in statuses},
        ),
    ):
        yield from _head(f"hansard_projection_{name}", saying, "gauge")
        for projection, value in values.items():
            yield f'hansard_projection_{name}{{projection="{projection}"}} {value}'
    yield from _taken_in(counts)


def _taken_in(counts: Counts) -> Iterator[str]:
    name = "hansard_projection_events_total"
    yield from _head(name, "Positions that this process has taken in.", "counter")
    for (projection, slot), number in sorted(counts.events.items()):
        yield f'{name}{{projection="{projection}",slot="{slot}"}} {number}'
    name = "hansard_projection_batch_seconds"
    yield from _head(name, "Seconds that this process took for a batch.", "histogram")
    total = 0
    for bound, number in zip((*BUCKETS_S, "+Inf"), counts.batches, strict=True):
        total += number
        yield f'{name}_bucket{{le="{bound}"}} {total}'
    yield f"{name}_sum {counts.seconds}"
    yield f"{name}_count {total}"


def _head(name: str, saying: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} {saying}"
    yield f"# TYPE {name} {kind}"
