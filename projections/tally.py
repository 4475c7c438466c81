"""Tally: sums of activity, by whatever they are asked for; all statistics are made of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias

import sqlalchemy as sa

Key: TypeAlias = tuple[Any, ...]


@dataclass(slots=True)
class Tally:
    """Sums over some activity.

    Attributes:
        durations: how many rows say how long something took; `duration_ms` adds those up.
        latencies: how many rows say how long something was waited for; `latency_ms` adds those up.
        input_tokens: without those that were read from or written to the provider's cache.
        cost_usd: US dollars; None when nothing had a price.
        priced: how many rows had a price.
        first_seen: time of recording of the oldest row, `last_seen` of the newest; None for none.
    """

    count: int = 0
    durations: int = 0
    duration_ms: float = 0.0
    latencies: int = 0
    latency_ms: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: Decimal | None = None
    priced: int = 0
    first_seen: datetime | None = None
    last_seen: datetime | None = None

    @property
    def mean_duration_ms(self) -> float | None:
        """Mean milliseconds something took; None before the first."""
        return self.duration_ms / self.durations if self.durations else None

    @property
    def mean_latency_ms(self) -> float | None:
        """Mean milliseconds something was waited for; None before the first."""
        return self.latency_ms / self.latencies if self.latencies else None

    @property
    def context_tokens(self) -> int:
        """All tokens that went in, cached or not."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens

    @property
    def cache_hit_rate(self) -> float | None:
        """Share of the tokens that went in which the provider read from its cache, 0 to 1."""
        return self.cache_read_tokens / self.context_tokens if self.context_tokens else None

    def add(self, other: Tally) -> None:
        """Take in another tally."""
        self.count += other.count
        self.durations += other.durations
        self.duration_ms += other.duration_ms
        self.latencies += other.latencies
        self.latency_ms += other.latency_ms
        self.input_tokens += other.input_tokens
        self.output_tokens += other.output_tokens
        self.cache_read_tokens += other.cache_read_tokens
        self.cache_write_tokens += other.cache_write_tokens
        self.priced += other.priced
        if other.cost_usd is not None:
            self.cost_usd = (self.cost_usd or Decimal(0)) + other.cost_usd
        if other.first_seen is not None:
            self.first_seen = min(self.first_seen or other.first_seen, other.first_seen)
        if other.last_seen is not None:
            self.last_seen = max(self.last_seen or other.last_seen, other.last_seen)


class Tallies:
    """The tallies of one agent, one department or whatever else, by kind of activity."""

    def __init__(self) -> None:
        self._by_kind: dict[str, list[Tally]] = {}

    def put(self, kind: str, part: Tally) -> None:
        """Add a tally of a kind."""
        self._by_kind.setdefault(kind, []).append(part)

    def of(self, *kinds: str) -> Tally:
        """Add up the tallies of some kinds; all of them when none is named."""
        parts = [part for kind in kinds or self._by_kind for part in self._by_kind.get(kind, ())]
        if len(parts) == 1:
            return parts[0]
        added = Tally()
        for part in parts:
            added.add(part)
        return added

    def number(self, *kinds: str) -> int:
        """Count activity of some kinds."""
        counted = 0
        for kind in kinds:
            for part in self._by_kind.get(kind, ()):
                counted += part.count
        return counted

    @property
    def last_seen(self) -> datetime | None:
        """Time of recording of the newest row of all; None for none."""
        parts = (part.last_seen for parts in self._by_kind.values() for part in parts)
        return max((time for time in parts if time is not None), default=None)


COUNT = ("count",)
DURATION = ("durations", "duration_ms")
LATENCY = ("latencies", "latency_ms")
TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
COST = ("cost_usd", "priced")
FIRST, LAST = ("first_seen",), ("last_seen",)
EVERYTHING = (*COUNT, *DURATION, *LATENCY, *TOKENS, *COST, *FIRST, *LAST)


def tally(
    connection: sa.Connection,
    source: sa.CTE,
    groups: Sequence[sa.ColumnElement[Any]],
    *conditions: sa.ColumnElement[bool],
    sums: Sequence[str] = EVERYTHING,
) -> list[tuple[Key, Tally]]:
    """Sum activity up by groups.

    Args:
        source: what `measured` or `by_day` of `projections.activity` gave.
        groups: expressions over its columns.
        conditions: which of its rows count.
        sums: fields of tallies that are needed; the others stay as they are without activity.
    """
    width = len(groups)
    wanted = (_sum(source.columns, name) for name in sums)
    query = sa.select(*groups, *wanted).where(*conditions).group_by(*groups)
    return [
        (tuple(row[:width]), Tally(**dict(zip(sums, row[width:], strict=True))))
        for row in connection.execute(query).all()
    ]


def _sum(column: Any, name: str) -> sa.ColumnElement[Any]:
    match name:
        case "first_seen":
            return sa.func.min(column.first_recorded_at)
        case "last_seen":
            return sa.func.max(column.last_recorded_at)
        case "cost_usd":
            return sa.func.sum(column.cost_usd)
        case "duration_ms" | "latency_ms":
            return sa.func.coalesce(sa.func.sum(column[name]), 0.0)
    return sa.cast(sa.func.coalesce(sa.func.sum(column[name]), 0), sa.BigInteger)


def by_kind(found: Iterable[tuple[Key, Tally]]) -> dict[Any, Tallies]:
    """Sort tallies that were made by something and by kind, in that order."""
    sorted_out: dict[Any, Tallies] = {}
    for (subject, kind, *_), part in found:
        sorted_out.setdefault(subject, Tallies()).put(kind, part)
    return sorted_out
