"""Moments of the API: what may be given as one, and which positions of the log a range means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID

from application.errors import BadRequestError
from application.moments import EARLIEST, newest_before, resolve, time_of

if TYPE_CHECKING:
    import sqlalchemy as sa

    from application.ports import EventLog

Moment = str | int | datetime | UUID
"""A time with a zone (also as ISO 8601 text), a position of the log, or an event id."""

LAST = "last"
"""Names the newest session in place of its id."""

Bound: TypeAlias = Moment | timedelta
"""A moment, or how long before the end of what is asked about: a duration, or text as `7d`."""

_AGO = re.compile(r"([0-9]{1,5})\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True)
class Range:
    """Which part of the log a question is about.

    Attributes:
        since: what was recorded at or after it counts; None for all from the beginning on.
        until: what was recorded before it counts; None for all up to `at`.
        at: the moment as of which it is asked; None for now. Durations count back from it.
    """

    since: Bound | None = None
    until: Bound | None = None
    at: Moment | None = None

    def resolve(self, log: EventLog, connection: sa.Connection) -> tuple[int, int | None]:
        """Tell after which position it begins, and at which it ends (None: the newest there is).

        Raises:
            BadRequestError: a moment cannot be understood.
            NotFoundError: there is no event of this id.
        """
        end = None if self.at is None else resolve(self.at, log)
        if self.until is not None:
            before = self._newest_before(self.until, log, connection)
            end = before if end is None else min(before, end)
        after = 0 if self.since is None else self._newest_before(self.since, log, connection)
        return after, end

    def ends_at(self, log: EventLog, connection: sa.Connection) -> datetime:
        """Tell the time at which it ends; raises as `resolve` does."""
        from projections.clock import database_time  # noqa: PLC0415 - heavy

        at = time_of(self.at, log, database_time(connection))
        if self.until is None:
            return at
        span = _span(self.until)
        if span is not None:
            return at - span
        assert not isinstance(self.until, timedelta)  # noqa: S101 - for type checkers
        return time_of(self.until, log, at)

    def _newest_before(self, bound: Bound, log: EventLog, connection: sa.Connection) -> int:
        span = _span(bound)
        if span is None:
            assert not isinstance(bound, timedelta)  # noqa: S101 - for type checkers
            return newest_before(bound, log)
        from projections.clock import database_time  # noqa: PLC0415 - heavy

        end = time_of(self.at, log, database_time(connection))
        return newest_before(end - span, log) if span < end - EARLIEST else 0


def as_duration(value: timedelta | str) -> timedelta:
    """Read how long something takes, for example `30d`, `24h` or `30m`.

    Raises:
        BadRequestError: it cannot be understood.
    """
    span = _span(value)
    if span is None:
        raise BadRequestError(f"{value!r} is no duration; write for example '30d', '24h' or '30m'.")
    return span


def _span(bound: Bound) -> timedelta | None:
    if isinstance(bound, timedelta):
        return bound
    found = _AGO.fullmatch(bound.strip()) if isinstance(bound, str) else None
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None
