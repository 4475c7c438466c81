"""Verdict: what stands in the log, held against what its writers and readers have noted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple
from uuid import UUID

from infrastructure.database import Connection
from tests.support.stress.journal import Account, Append

WHOLE_LOG = (
    "SELECT position, event_id, stream, version, recorded_at FROM hansard.events ORDER BY position"
)


class Row(NamedTuple):
    """An event as the log has it."""

    position: int
    event_id: UUID
    stream: UUID
    version: int
    recorded_at: datetime


class Verdict(NamedTuple):
    """How it went; the last five say what never may happen.

    Attributes:
        acknowledged: appends.
        refused: appends that were refused or rolled back.
        unanswered: appends of which the writer never learned what became of them.
        kept: those among them that were recorded.
        missed: acknowledged events that are not where they were said to be, and events that a
            reader did not see.
        repeated: events that stand in the log twice, or that a reader saw twice.
        gaps: positions that are left out, in the log or by a reader.
        inversions: positions, times or versions that run backwards, in the log or for a reader.
        torn: appends recorded in part or scattered, and refused ones that are recorded.
    """

    events: int
    acknowledged: int
    refused: int
    unanswered: int
    kept: int
    missed: int
    repeated: int
    gaps: int
    inversions: int
    torn: int

    @property
    def faults(self) -> dict[str, int]:
        """What never may happen, and how often it did."""
        names = ("missed", "repeated", "gaps", "inversions", "torn")
        return {name: getattr(self, name) for name in names}

    @property
    def clean(self) -> bool:
        """Whether none of it happened."""
        return not any(self.faults.values())

    def table(self, **counted: int) -> str:
        """Write it down for people; `counted` is what befell the writers."""
        rows = {**counted, **self._asdict()}
        return "\n".join(f"{name.replace('_', ' '):<22}{n:>12,}" for name, n in rows.items())


def judge(connection: Connection, account: Account) -> Verdict:
    """Read the whole log and hold it against the journals."""
    log = [Row(*row) for row in connection.execute(WHOLE_LOG)]
    places: dict[str, int] = {str(row.event_id): row.position for row in log}
    positions = [row.position for row in log]
    answered = [append for append in account.appends if append.positions is not None]
    refused = [append for append in account.appends if append.refused]
    open_ones = [a for a in account.appends if a.positions is None and not a.refused]
    kept = [append for append in open_ones if append.event_ids[0] in places]
    readers = account.readers
    seen = [[position for position, _ in reader] for reader in readers]
    return Verdict(
        events=len(log),
        acknowledged=len(answered),
        refused=len(refused),
        unanswered=len(open_ones),
        kept=len(kept),
        missed=sum(_misplaced(append, places) for append in answered)
        + sum(len(places.items() - {(i, p) for p, i in reader}) for reader in readers),
        repeated=len(log)
        - len(places)
        + sum(_extra(event_id for _, event_id in reader) for reader in readers),
        gaps=_gaps(positions) + sum(map(_gaps, seen)),
        inversions=_inversions(log) + sum(b <= a for read in seen for a, b in pairwise(read)),
        torn=sum(_is_torn(append, places) for append in (*answered, *open_ones))
        + sum(any(i in places for i in append.event_ids) for append in refused),
    )


def _misplaced(append: Append, places: dict[str, int]) -> int:
    said = zip(append.event_ids, append.positions or (), strict=True)
    return sum(places.get(event_id) != position for event_id, position in said)


def _extra(event_ids: Iterable[str]) -> int:
    return sum(times - 1 for times in Counter(event_ids).values())


def _gaps(positions: list[int]) -> int:
    return sum(b - a - 1 for a, b in pairwise([0, *sorted(set(positions))]))


def _inversions(log: list[Row]) -> int:
    backwards = sum(b.recorded_at < a.recorded_at for a, b in pairwise(log))
    heads: dict[UUID, int] = {}
    for row in log:
        backwards += row.version != heads.get(row.stream, 0) + 1
        heads[row.stream] = row.version
    return backwards


def _is_torn(append: Append, places: dict[str, int]) -> bool:
    """Tell whether an append is recorded otherwise than as a whole and in one piece."""
    found = [places.get(event_id) for event_id in append.event_ids]
    if found[0] is None:
        return any(place is not None for place in found)
    return found != list(range(found[0], found[0] + len(found)))
