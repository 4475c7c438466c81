"""Dates: reads days, months, quarters and moments in the ways people write them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import Enum

_MONTH_NAMES = (
    "january jan januar jän jänner januari janvier janv enero ene gennaio gen",
    "february feb februar febr février fevrier févr fevr fév fev febrero febbraio",
    "march mar märz maerz mär mrz mars marzo",
    "april apr avril avr abril abr aprile",
    "may mai mayo maggio mag",
    "june jun juni juin junio giugno giu",
    "july jul juli juillet juil julio luglio lug",
    "august aug août aout agosto ago",
    "september sep sept septembre septiembre set settembre",
    "october oct oktober okt octobre octubre ottobre ott",
    "november nov novembre noviembre",
    "december dec dezember dez décembre decembre déc diciembre dic dicembre",
)
_MONTHS = {name: i for i, names in enumerate(_MONTH_NAMES, 1) for name in names.split()}
_WORD = r"[^\W\d_]+"
_TIME = (
    r"(?:[T ,]+(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<part>\d{1,9}))?)?"
    r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?\s*(?P<zone>Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?)?"
)
_YEAR_FIRST = re.compile(
    rf"(?P<y>\d{{4}})(?P<sep>[-/.])(?P<m>\d{{1,2}})(?P=sep)(?P<d>\d{{1,2}}){_TIME}"
)
_YEAR_LAST = re.compile(
    rf"(?P<a>\d{{1,2}})(?P<sep>[-/.])(?P<b>\d{{1,2}})(?P=sep)(?P<y>\d{{4}}|\d\d){_TIME}"
)
_DAY_NAME = re.compile(
    rf"(?P<d>\d{{1,2}})(?:\.|st|nd|rd|th|er|º|°)?(?:\s+(?:of|de))?[\s-]+(?P<name>{_WORD})\.?"
    rf"(?:\s+de[l]?)?[\s,-]+(?P<y>\d{{4}}|\d\d){_TIME}"
)
_NAME_DAY = re.compile(
    rf"(?P<name>{_WORD})\.?[\s-]+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?[\s,-]+(?P<y>\d{{4}}){_TIME}"
)
_NAME_YEAR = re.compile(rf"(?P<name>{_WORD})\.?(?:\s+de)?[\s,/-]+'?(?P<y>\d{{4}}|\d\d)")
_YEAR_NAME = re.compile(rf"(?P<y>\d{{4}})[\s/-]+(?P<name>{_WORD})\.?")
_YEAR_MONTH = re.compile(
    r"(?P<y>(?:19|20)\d\d)[-/.](?P<m>0[1-9]|1[0-2])|(?P<m2>\d{1,2})[/.-](?P<y2>(?:19|20)\d\d)"
)
_QUARTER = re.compile(
    r"(?P<y>(?:19|20)\d\d)[\s/-]*[QqTt](?P<q>[1-4])|[QqTt](?P<q2>[1-4])[\s/-]*(?P<y2>(?:19|20)\d\d)"
)
_COMPACT = re.compile(r"(?P<y>(?:19|20)\d\d)(?P<m>\d\d)(?P<d>\d\d)")
_WEEKDAY = re.compile(
    rf"{_WORD}\.?,\s*(?=\d)|^(?:Mo|Di|Mi|Do|Fr|Sa|So|Mon|Tue|Wed|Thu|Fri|Sat|Sun)\.?\s+(?=\d)"
)
_PIVOT_YEAR = 69


class Order(Enum):
    """Which comes first in `03/10/2026`."""

    DAY_FIRST = "day first"
    MONTH_FIRST = "month first"


@dataclass(frozen=True, slots=True)
class Moment:
    """A day or a moment as it was read.

    Attributes:
        when: start of the day, month or quarter; moments in UTC when a zone was given.
        grain: the word for what was written.
        zoned: whether the text named a zone.
    """

    when: datetime
    grain: str = "day"
    zoned: bool = False
    short_year: bool = False


@dataclass(slots=True)
class DateColumn:
    """The values of a column read as dates.

    Attributes:
        moments: what each text says.
        strangers: texts that are no dates.
        order: what was decided for days and months both written as figures; None when it
            never mattered.
        assumed: whether the order is an assumption.
    """

    moments: dict[str, Moment] = field(default_factory=dict)
    strangers: list[str] = field(default_factory=list)
    order: Order | None = None
    assumed: bool = False

    @property
    def has_times(self) -> bool:
        """Whether any value has a time of day."""
        return any(moment.grain == "moment" for moment in self.moments.values())


def looks_like_date(value: str) -> bool:
    """Tell whether a single value is written like a date."""
    text = value.strip()
    return any(read_moment(text, order) is not None for order in Order)


def read_moment(value: str, order: Order, *, compact: bool = False) -> Moment | None:
    """Read one text as a date or moment; None when it is none.

    Args:
        compact: whether eight digits are a date, `20261003`.
    """
    text = _WEEKDAY.sub("", value.strip(), count=1)
    try:
        return (
            _read_figures(text, order, compact=compact) or _read_names(text) or _read_period(text)
        )
    except ValueError:
        return None


def _read_figures(text: str, order: Order, *, compact: bool) -> Moment | None:
    match = _YEAR_FIRST.fullmatch(text)
    if match:
        return _moment(match, int(match["y"]), int(match["m"]), int(match["d"]))
    match = _YEAR_LAST.fullmatch(text)
    if match:
        first, second = int(match["a"]), int(match["b"])
        day, month = (first, second) if order is Order.DAY_FIRST else (second, first)
        return _moment(match, _full_year(match["y"]), month, day)
    match = _COMPACT.fullmatch(text) if compact else None
    if match:
        return Moment(datetime(int(match["y"]), int(match["m"]), int(match["d"])))  # noqa: DTZ001  # a day has no zone
    return None


def _read_names(text: str) -> Moment | None:
    for pattern in (_DAY_NAME, _NAME_DAY):
        match = pattern.fullmatch(text)
        month = _MONTHS.get(match["name"].lower()) if match else None
        if match and month:
            return _moment(match, _full_year(match["y"]), month, int(match["d"]))
    return None


def _read_period(text: str) -> Moment | None:
    match = _QUARTER.fullmatch(text)
    if match:
        quarter = int(match["q"] or match["q2"])
        return _start_of(int(match["y"] or match["y2"]), 3 * quarter - 2, "quarter")
    match = _YEAR_MONTH.fullmatch(text)
    if match:
        return _start_of(int(match["y"] or match["y2"]), int(match["m"] or match["m2"]), "month")
    for pattern in (_NAME_YEAR, _YEAR_NAME):
        match = pattern.fullmatch(text)
        month = _MONTHS.get(match["name"].lower()) if match else None
        if match and month:
            return _start_of(_full_year(match["y"]), month, "month")
    return None


def _start_of(year: int, month: int, grain: str) -> Moment:
    return Moment(datetime(year, month, 1), grain)  # noqa: DTZ001  # a period has no zone


def _full_year(text: str) -> int:
    year = int(text)
    if len(text) > 2:  # noqa: PLR2004  # written in full
        return year
    return year + (2000 if year < _PIVOT_YEAR else 1900)


def _moment(match: re.Match[str], year: int, month: int, day: int) -> Moment:
    short = len(match["y"]) == 2  # noqa: PLR2004  # `26` for 2026
    start = datetime(year, month, day)  # noqa: DTZ001  # the zone, if any, is added below
    if match["hour"] is None:
        return Moment(start, short_year=short)
    hour = int(match["hour"])
    if match["half"]:
        if not 1 <= hour <= 12:  # noqa: PLR2004  # a clock face
            raise ValueError
        hour = hour % 12 + (12 if match["half"].lower() == "p" else 0)
    fraction = (match["part"] or "")[:6].ljust(6, "0")
    clock = time(hour, int(match["minute"]), int(match["second"] or 0), int(fraction))
    moment = datetime.combine(start.date(), clock)
    if match["zone"]:
        zoned = moment.replace(tzinfo=_zone(match["zone"])).astimezone(UTC)
        return Moment(zoned.replace(tzinfo=None), "moment", zoned=True, short_year=short)
    return Moment(moment, "moment", short_year=short)


def _zone(text: str) -> timezone:
    if text in {"Z", "UTC", "GMT"}:
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)


def read_column(
    counts: Mapping[str, int], *, day_first_hint: bool, compact: bool = False
) -> DateColumn:
    """Read all different texts of a column as dates.

    Args:
        counts: how often each text occurs.
        day_first_hint: whether other signs in the file point to days before months.
        compact: whether eight digits are a date.
    """
    column = DateColumn()
    column.order, column.assumed = _decide_order(counts, day_first_hint=day_first_hint)
    order = column.order or Order.DAY_FIRST
    other = Order.MONTH_FIRST if order is Order.DAY_FIRST else Order.DAY_FIRST
    for text in counts:
        # A value that fits only the other order is a date all the same: the decision is a majority.
        moment = read_moment(text, order, compact=compact) or read_moment(text, other)
        if moment is None:
            column.strangers.append(text)
        else:
            column.moments[text] = moment
    return column


def _decide_order(counts: Mapping[str, int], *, day_first_hint: bool) -> tuple[Order | None, bool]:
    votes = dict.fromkeys(Order, 0)
    ambiguous: list[tuple[int, int, str]] = []
    separators = set()
    for text, count in counts.items():
        match = _YEAR_LAST.fullmatch(_WEEKDAY.sub("", text.strip(), count=1))
        if not match:
            continue
        first, second = int(match["a"]), int(match["b"])
        separators.add(match["sep"])
        if first > 12:  # noqa: PLR2004  # no month
            votes[Order.DAY_FIRST] += count
        elif second > 12:  # noqa: PLR2004  # no month
            votes[Order.MONTH_FIRST] += count
        else:
            ambiguous.append((first, second, match["y"]))
    if not separators:
        return None, False
    if votes[Order.DAY_FIRST] != votes[Order.MONTH_FIRST]:
        return max(votes, key=lambda order: votes[order]), False
    if all(first == second for first, second, _ in ambiguous) and ambiguous:
        return None, False
    return _assume_order(ambiguous, separators, day_first_hint=day_first_hint), True


def _assume_order(
    ambiguous: Collection[tuple[int, int, str]], separators: set[str], *, day_first_hint: bool
) -> Order:
    firsts = {first for first, _, _ in ambiguous}
    seconds = {second for _, second, _ in ambiguous}
    # Monthly figures are dated on the first of the month, so that one of the two never changes.
    if firsts == {1} and len(seconds) > 2:  # noqa: PLR2004  # fewer tell nothing
        return Order.DAY_FIRST
    if seconds == {1} and len(firsts) > 2:  # noqa: PLR2004  # fewer tell nothing
        return Order.MONTH_FIRST
    if "/" not in separators or day_first_hint:
        return Order.DAY_FIRST
    return Order.MONTH_FIRST


def as_day(moment: Moment) -> date:
    """Drop the time of day."""
    return moment.when.date()
