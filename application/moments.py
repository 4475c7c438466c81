"""Moments: a past point of the log, said as a time, a position or an event id."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

from application.errors import BadRequestError
from application.ports import EventLog

FORMS = (
    "an ISO 8601 time with zone (2026-10-03T12:00:00Z), a position (1234) or an event id (a UUID)"
)

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)

LEAP_SECOND = re.compile(r"\d[Tt ]\d\d:?\d\d:?60(?:[.,]\d+)?\s*(?:[Zz]|[+-][0-9:]+)?$")
"""How ISO 8601 writes the second that is put in at the end of some half-years."""

LONGEST_POSITION = 18
"""Digits; a position is a 64-bit number."""


def resolve(moment: str | int | datetime | UUID, log: EventLog) -> int:
    """Turn a moment into a position, once; everything after works on positions.

    Args:
        moment: a time with a zone means the newest event recorded at or before it.

    Raises:
        BadRequestError: the moment is none of the known forms, or its time has no zone.
        NotFoundError: there is no event of this id.
    """
    value = _understood(moment)
    if isinstance(value, datetime):
        return log.position_at(value)
    if isinstance(value, UUID):
        return log.position_of(value)
    if value < 0:
        raise BadRequestError(f"{value} is no position; positions start at 1.")
    return value


def newest_before(moment: str | int | datetime | UUID, log: EventLog) -> int:
    """Tell the position of the newest event before a moment; 0 for none.

    Raises:
        BadRequestError: the moment is none of the known forms, or its time has no zone.
        NotFoundError: there is no event of this id.
    """
    value = _understood(moment)
    if isinstance(value, datetime):
        return log.position_at(value - timedelta.resolution) if value > EARLIEST else 0
    return max(resolve(value, log) - 1, 0)


def time_of(moment: str | int | datetime | UUID | None, log: EventLog, now: datetime) -> datetime:
    """Tell the time a moment means, in UTC and never later than now; for None, now.

    Args:
        moment: a position or an event id means the time its event was recorded at; position 0, the
            time of the first event.

    Raises:
        BadRequestError: the moment is none of the known forms, or its time has no zone.
        NotFoundError: there is no event of this id.
    """
    if moment is None:
        return now
    value = _understood(moment)
    if isinstance(value, datetime):
        return min(value, now)
    position = resolve(value, log)
    if position == 0:
        first = next(log.read(limit=1), None)
        return now if first is None else first.recorded_at
    newest = next(log.read(until=position, limit=1, backwards=True), None)
    return now if newest is None or newest.position < position else newest.recorded_at


def in_utc(value: datetime) -> datetime:
    """Say a time with a zone in UTC; one that lies outside of UTC's years becomes its nearest.

    So that arithmetic with it cannot leave the years that there are.
    """
    try:
        return value.astimezone(UTC)
    except OverflowError:
        return EARLIEST if value.year == EARLIEST.year else LATEST


def _understood(moment: str | int | datetime | UUID) -> int | datetime | UUID:
    """Read a moment; times come in UTC.

    Raises:
        BadRequestError: it is none of the known forms, or its time has no zone.
    """
    value = _parse(moment) if isinstance(moment, str) else moment
    if not isinstance(value, datetime):
        return value
    if value.utcoffset() is None:
        raise BadRequestError(
            f"The time {str(moment)!r} has no zone; add one, for example"
            f" {value.replace(tzinfo=None).isoformat()}+00:00."
        )
    return in_utc(value)


def _parse(text: str) -> int | datetime | UUID:
    stripped = text.strip()
    if stripped.isdecimal() and len(stripped) <= LONGEST_POSITION:
        return int(stripped)
    for form in (UUID, datetime.fromisoformat):
        try:
            return form(stripped)
        except ValueError:
            continue
    if LEAP_SECOND.search(stripped):
        raise BadRequestError(
            f"{text!r} names a leap second, which the clocks of computers leave out: give the"
            " second before it (59), or the first one of the next minute."
        )
    raise BadRequestError(f"{text!r} is no moment; give {FORMS}.")
