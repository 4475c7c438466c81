"""Timing: which period and which comparison spans a request means in the data at hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from domain.value import Value
from infrastructure.models.offline.columns import Reading
from infrastructure.models.offline.periods import (
    MONTHS_OF,
    Mention,
    Span,
    Unit,
    join,
    resolve,
    span_of_dates,
)
from infrastructure.models.offline.requests import Kind, Wish
from infrastructure.models.offline.work import StoppedError


class Timing(Value):
    """The spans a request is about, with what was assumed and what is odd."""

    period: Span | None = None
    baseline: Span | None = None
    previous: Span | None = None
    year_earlier: Span | None = None
    assumptions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def settle(wish: Wish, covered: Sequence[date], last_day: date | None, reading: Reading) -> Timing:
    """Settle the spans.

    Raises:
        StoppedError: the request names a period that the data does not hold.
    """
    if not covered or last_day is None:
        return _undated(wish, reading)
    mentions = _asked(wish)
    spans = [_resolved(mention, covered, last_day, reading) for mention in mentions]
    asked_base = None
    if len(spans) > 1 and wish.ranged:
        period = join(spans[0], spans[1])
    elif len(spans) > 1:
        later, earlier = max(spans[:2], key=_start), min(spans[:2], key=_start)
        period, asked_base = (later, earlier) if later != earlier else (later, None)
    else:
        period = spans[0] if spans else span_of_dates(covered[0], covered[-1])
    _require_held(period, covered, reading)
    previous = _held(period.shifted(-period.months), covered)
    year_earlier = _held(period.shifted(-MONTHS_OF[Unit.YEAR]), covered)
    baseline = asked_base or (year_earlier if wish.year_before else previous)
    return Timing(
        period=period,
        baseline=baseline,
        previous=previous,
        year_earlier=year_earlier if year_earlier != previous else None,
        assumptions=_assumptions(mentions, period, reading),
        notes=_notes(period, covered, last_day),
    )


def _start(span: Span) -> date:
    return span.start


def _asked(wish: Wish) -> tuple[Mention, ...]:
    """Leave out the year that only says what to compare with; default for comparisons."""
    mentions = wish.mentions
    if wish.year_before:
        mentions = tuple(m for m in mentions if not (m.unit is Unit.YEAR and m.relative))
    years = [m for m in mentions if m.unit is Unit.YEAR and m.relative]
    if years and len(mentions) > len(years):
        mentions = tuple(m for m in mentions if m not in years)
    if not mentions and wish.kind is Kind.DRIVERS:
        return (Mention(unit=Unit.QUARTER, relative="last"),)
    if wish.kind is Kind.FORECAST:
        return ()
    return mentions


def _resolved(mention: Mention, covered: Sequence[date], last_day: date, reading: Reading) -> Span:
    found = resolve(mention, covered, last_day)
    if found is None:
        named = f"{'Q' if mention.unit is Unit.QUARTER else mention.unit + ' '}{mention.number}"
        raise StoppedError(_not_held(named, covered, reading))
    return found


def _require_held(period: Span, covered: Sequence[date], reading: Reading) -> None:
    if not any(period.start <= month < period.end for month in covered):
        raise StoppedError(_not_held(period.label, covered, reading))


def _not_held(label: str, covered: Sequence[date], reading: Reading) -> str:
    whole = span_of_dates(covered[0], covered[-1])
    return (
        f"{reading.profile.file} holds no entry for {label}; its entries are dated"
        f" {whole.label} (column {reading.date_name}). Ask for a period within that."
    )


def _held(span: Span, covered: Sequence[date]) -> Span | None:
    """Give a comparison span only when the data has entries in every month of it."""
    months = sum(span.start <= month < span.end for month in covered)
    return span if months == span.months else None


def _assumptions(mentions: Sequence[Mention], period: Span, reading: Reading) -> tuple[str, ...]:
    said = []
    if any(mention.unit in {Unit.QUARTER, Unit.HALF} for mention in mentions):
        said.append("Quarters are calendar quarters; a shifted fiscal year is not known here.")
    if any(mention.year is None and mention.number is not None for mention in mentions):
        said.append(f"The request names no year; {period.label} is the latest one in the data.")
    if any(mention.relative == "last" for mention in mentions):
        said.append(f"{period.label} is the last complete one in the data.")
    if not mentions:
        said.append(f"The request names no period; everything in {reading.profile.file} counts.")
    return tuple(said)


def _notes(period: Span, covered: Sequence[date], last_day: date) -> tuple[str, ...]:
    inside = [month for month in covered if period.start <= month < period.end]
    if period.start <= last_day < period.end - timedelta(days=1):
        said = (
            f"{period.label} is incomplete: the entries end on {last_day.isoformat()}, so"
            " comparisons with full periods mislead."
        )
        return (said,)
    if len(inside) < period.months:
        return (f"{period.months - len(inside)} months of {period.label} hold no entry.",)
    return ()


def _undated(wish: Wish, reading: Reading) -> Timing:
    """Without dates the request is served for all rows, and says so; a comparison cannot be."""
    asked = " and ".join(_name(mention) for mention in wish.mentions) or "a period"
    if wish.kind in {Kind.DRIVERS, Kind.FORECAST}:
        raise StoppedError(
            f"{reading.profile.file} has no date column, so nothing can be compared over time;"
            " add a column of dates."
        )
    if not wish.mentions:
        return Timing(notes=(f"{reading.profile.file} has no date column; all rows count.",))
    note = (
        f"{reading.profile.file} has no date column, so {asked} cannot be told apart; all rows"
        " count."
    )
    return Timing(notes=(note,))


def _name(mention: Mention) -> str:
    if mention.unit is Unit.QUARTER and mention.number:
        return f"Q{mention.number}{f' {mention.year}' if mention.year else ''}"
    return " ".join(
        str(part) for part in (mention.relative, mention.unit, mention.number, mention.year) if part
    )
