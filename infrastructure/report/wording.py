"""Wording: figures as people read them, always with the same precision and unit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

NONE = "-"
"""Stands where there is no figure."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_MOST_LETTERS = 160


def number(value: float | None) -> str:
    """Write a count, or a mean of counts."""
    if value is None:
        return NONE
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def rounded(value: int) -> str:
    """Write a count with few digits, when it is too large to be read at a glance."""
    for size, unit in ((1e9, "bn"), (1e6, "M")):
        if value >= 10 * size:
            return f"{value / size:,.1f} {unit}"
    return number(value)


def share(value: float | None) -> str:
    """Write a share between 0 and 1 as a percentage."""
    if value is None:
        return NONE
    return "<0.1%" if 0 < value < 0.0005 else f"{value:.1%}"  # noqa: PLR2004 - would round to zero


def money(value: Decimal | float | None) -> str:
    """Write US dollars; small sums keep the digits that tell them apart."""
    if value is None:
        return NONE
    dollars = float(value)
    digits = 2 if abs(dollars) >= 100 or not dollars else 4  # noqa: PLR2004 - cents do
    return f"{dollars:,.{digits}f}"


def milliseconds(value: float | None) -> str:
    """Write how long something took."""
    return NONE if value is None else span(value / 1000)


def span(seconds: float) -> str:
    """Write a length of time by its two largest units."""
    if seconds < 1:
        return f"{seconds * 1000:.1f} ms" if seconds < 0.01 else f"{seconds * 1000:.0f} ms"  # noqa: PLR2004 - a digit more
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    if seconds < _HOUR:
        return _two(whole // _MINUTE, "min", whole % _MINUTE, "s")
    if seconds < _DAY:
        return _two(whole // _HOUR, "h", whole % _HOUR // _MINUTE, "min")
    return _two(whole // _DAY, "d", whole % _DAY // _HOUR, "h")


def _two(large: int, unit: str, small: int, part: str) -> str:
    return f"{large} {unit} {small} {part}" if small else f"{large} {unit}"


def since(moment: datetime, now: datetime) -> str:
    """Write how long ago a moment was."""
    return span(max((now - moment) / timedelta(seconds=1), 0.0))


def clock_time(moment: datetime | None) -> str:
    """Write a moment, in UTC."""
    return NONE if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def minute(moment: datetime) -> str:
    """Write a moment in UTC, to the minute, for a column whose name says so."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def amount(value: float, unit: str) -> str:
    """Write a figure of a forecast: tasks, seconds or US dollars, which the column names."""
    if unit == "s":
        return span(value)
    return money(value) if unit == "USD" else f"{value:,.1f}"


def short(text: str) -> str:
    """Bring a text onto one line, and cut it when it is too long for a table."""
    line = " ".join(text.split())
    return line if len(line) <= _MOST_LETTERS else line[: _MOST_LETTERS - 1] + "…"


def plural(count: int, word: str) -> str:
    """Write a count with its word."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
