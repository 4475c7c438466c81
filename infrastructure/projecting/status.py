"""Status of a read model: how far it has come, whether it is well, and how much it lags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from application.errors import UnavailableError
from domain.value import Value
from infrastructure.projecting import sql
from projections.protocol import REBUILD_SCHEMA, SCHEMA, Projection

if TYPE_CHECKING:
    from infrastructure.database import Connection

LIVE, NEXT = "live", "next"


class EventSetAside(Value):
    """An event that a read model was told to do without.

    Attributes:
        error: why it could not be taken in.
        reason: why somebody set it aside.
    """

    position: int
    error: str
    reason: str
    set_aside_at: datetime


class ProjectionStatus(Value):
    """How a read model stands.

    Attributes:
        position: position of the newest event it holds.
        lag: how many positions the log is ahead.
        lag_s: for how many seconds the oldest of them has been recorded; 0 without any.
        failed_position: the event it stopped at, or, where it waits for a successor of another
            version, that one did; None while it runs.
        error: why it stopped there.
        paused_at: since when it waits to be resumed; None while it runs.
        rebuilt_to: position that its successor has come to; None while none is being built.
        rebuild_error: why the successor stopped behind that position; None while it goes on.
        set_aside: events that it, or its successor, was told to do without, in order.
        updated_at: when it last moved; None before the first time.
    """

    name: str
    version: int
    position: int
    lag: int
    lag_s: float = 0.0
    failed_position: int | None = None
    error: str | None = None
    paused_at: datetime | None = None
    rebuilt_to: int | None = None
    rebuild_error: str | None = None
    set_aside: tuple[EventSetAside, ...] = ()
    updated_at: datetime | None = None

    @property
    def stopped(self) -> bool:
        """Whether it waits for somebody to repair the cause and resume it."""
        return self.failed_position is not None

    @property
    def runs(self) -> bool:
        """Whether it takes in what is appended."""
        return not self.stopped and self.paused_at is None


@dataclass(frozen=True, slots=True)
class Member:
    """A read model, or its successor that is being built, as its row says it stands.

    Attributes:
        slot: `live`, or `next` for the successor.
        generation: rises when what was read of the log before must not be stored any more.
        aside: positions of events to do without.
    """

    projection: Projection
    slot: str
    version: int
    position: int
    generation: int
    failed_position: int | None
    error: str | None
    paused_at: datetime | None
    updated_at: datetime | None
    aside: frozenset[int] = frozenset()

    @classmethod
    def of(cls, projection: Projection, row: tuple[Any, ...], aside: frozenset[int]) -> Member:
        """Read a row of `sql.ROWS`."""
        slot, version, position, generation, failed_position, error, paused_at, updated_at = row[1:]
        return cls(
            projection,
            slot,
            version,
            position,
            generation,
            failed_position,
            error,
            paused_at,
            updated_at,
            aside,
        )

    @property
    def name(self) -> str:
        """Name of the read model."""
        return self.projection.name

    @property
    def schema(self) -> str:
        """Where its tables are."""
        return SCHEMA if self.slot == LIVE else REBUILD_SCHEMA

    @property
    def runs(self) -> bool:
        """Whether it may be advanced."""
        return self.failed_position is None and self.paused_at is None


class NewerProjectionError(UnavailableError):
    """The read model was built by a newer Hansard."""

    def __init__(self, projection: str, stored: int, known: int) -> None:
        super().__init__(
            f"The read model {projection!r} was built by a newer Hansard (version {stored}; this"
            f" one knows {known}): upgrade Hansard, or use another database."
        )


class FencedError(Exception):
    """Somebody else has advanced, paused or changed the read models meanwhile."""


def read_members(
    connection: Connection, projections: Sequence[Projection], *, lock: bool = False
) -> list[Member]:
    """Read how read models and their successors stand, the live ones first for each name.

    Args:
        lock: keep others from changing that until the transaction ends.
    """
    known = {projection.name: projection for projection in projections}
    names = {"names": list(known)}
    rows = connection.execute(sql.LOCKED_ROWS if lock else sql.ROWS, names).fetchall()
    aside = _read_aside(connection, names)
    return [
        Member.of(known[row[0]], row, frozenset(aside.get((row[0], row[1]), ()))) for row in rows
    ]


def read_status(
    connection: Connection, projections: Sequence[Projection], last: int
) -> tuple[ProjectionStatus, ...]:
    """Read how read models stand, while the log ends at position `last`."""
    members = {
        (member.name, member.slot): member for member in read_members(connection, projections)
    }
    aside = _read_aside(connection, {"names": [projection.name for projection in projections]})
    return tuple(
        _status(
            connection,
            projection,
            members.get((projection.name, LIVE)),
            members.get((projection.name, NEXT)),
            _of_both_slots(aside, projection.name),
            last,
        )
        for projection in projections
    )


def _status(  # noqa: PLR0913, PLR0917 - the parts of one view
    connection: Connection,
    projection: Projection,
    live: Member | None,
    successor: Member | None,
    aside: tuple[EventSetAside, ...],
    last: int,
) -> ProjectionStatus:
    position = live.position if live else 0
    outdated = live is not None and live.version < projection.version
    failed = live if live and live.failed_position else successor if outdated else None
    return ProjectionStatus(
        name=projection.name,
        version=live.version if live else projection.version,
        position=position,
        lag=max(last - position, 0),
        lag_s=_lag_s(connection, position) if position < last else 0.0,
        failed_position=failed.failed_position if failed else None,
        error=failed.error if failed else None,
        paused_at=live.paused_at if live else None,
        rebuilt_to=successor.position if successor else None,
        rebuild_error=successor.error if successor else None,
        set_aside=aside,
        updated_at=live.updated_at if live else None,
    )


def _lag_s(connection: Connection, position: int) -> float:
    row = connection.execute(sql.WAITING_SINCE, {"position": position}).fetchone()
    return max((datetime.now(UTC) - row[0]).total_seconds(), 0.0) if row else 0.0


def _read_aside(
    connection: Connection, names: dict[str, list[str]]
) -> dict[tuple[str, str], dict[int, EventSetAside]]:
    """Read what was set aside, by read model and slot, and by position."""
    aside: dict[tuple[str, str], dict[int, EventSetAside]] = {}
    for name, slot, position, error, reason, moment in connection.execute(sql.ASIDE, names):
        each = EventSetAside(position=position, error=error, reason=reason, set_aside_at=moment)
        aside.setdefault((name, slot), {})[position] = each
    return aside


def _of_both_slots(
    aside: dict[tuple[str, str], dict[int, EventSetAside]], name: str
) -> tuple[EventSetAside, ...]:
    both = aside.get((name, NEXT), {}) | aside.get((name, LIVE), {})
    return tuple(both[position] for position in sorted(both))
