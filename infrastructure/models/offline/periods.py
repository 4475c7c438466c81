"""Periods: what span of time a request names, and which dates that means in the data at hand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from enum import StrEnum
from statistics import median

from domain.value import Value
from infrastructure.models.offline.language import plain

_MONTHS = (
    "january jan januar janner jan. janvier enero gennaio janeiro",
    "february feb februar fevrier febrero febbraio fevereiro",
    "march mar marz maerz mars marzo marco",
    "april apr avril abril aprile",
    "may mai mayo maggio maio",
    "june jun juni juin junio giugno junho",
    "july jul juli juillet julio luglio julho",
    "august aug aout agosto",
    "september sep sept septembre septiembre settembre setembro",
    "october oct oktober okt octobre octubre ottobre outubro",
    "november nov novembre noviembre novembro",
    "december dec dezember dez decembre diciembre dicembre dezembro",
)
_MONTH_NUMBER = {word: n for n, words in enumerate(_MONTHS, 1) for word in words.split()}
_ORDINALS = {
    1: "1st first 1 erste erstes ersten 1er premier primer primero primo primeiro",
    2: "2nd second 2 zweite zweites zweiten 2e deuxieme second segundo secondo",
    3: "3rd third 3 dritte drittes dritten 3e troisieme tercer tercero terzo terceiro",
    4: "4th fourth 4 vierte viertes vierten 4e quatrieme cuarto quarto",
}
_ORDINAL_NUMBER = {word: n for n, words in _ORDINALS.items() for word in words.split()}
_YEAR = r"(?:\s*(?:of|von|de|del|du|en|in|im|/|-|,|')?\s*(?:fy\s*)?(?P<year>(?:19|20)\d\d))?"
_QUARTER_WORD = r"(?:quarter|quartals?|quarts|trimestres?|trim)"
_HALF_WORD = r"(?:half(?:\s*-?\s*year)?|halbjahr(?:es)?|semestres?)"
_ORDINAL = r"(?P<ordinal>" + "|".join(sorted(_ORDINAL_NUMBER, key=len, reverse=True)) + r")"
_LAST = (
    r"(?:last|latest|previous|most recent|past|letzte[snr]?|vorige[sn]?|vergangene[sn]?|dernier"
    r"|derniere|ultimo|ultima|passado|pasado|scorso)"
)
_THIS = r"(?:this|current|diese[sn]?|aktuelle[sn]?|laufende[sn]?|ce|cet|cette|este|questo)"
_MONTH_WORD = r"(?P<month>" + "|".join(re.escape(w) for w in _MONTH_NUMBER if w.isalpha()) + r")"
_SPAN_WORD = r"(?:quarter|quartal|trimestre|month|monat|mois|mes|mese|year|jahr|annee|an|ano|anno)"


class Unit(StrEnum):
    """Length of a named span of time."""

    MONTH = "month"
    QUARTER = "quarter"
    HALF = "half"
    YEAR = "year"


_WEEK = 7
MONTHS_OF = {Unit.MONTH: 1, Unit.QUARTER: 3, Unit.HALF: 6, Unit.YEAR: 12}


class Mention(Value):
    """A span of time as a request names it.

    Attributes:
        number: which month, quarter or half; None for a year or a relative mention.
        relative: `last` or `this`, as the data knows it; None for a mention by number.
    """

    unit: Unit
    number: int | None = None
    year: int | None = None
    relative: str | None = None


class Span(Value):
    """Whole calendar months; `start` is the first day, `end` the first day after the last."""

    label: str
    start: date
    end: date

    @property
    def months(self) -> int:
        """Length in months."""
        return _index(self.end) - _index(self.start)

    def shifted(self, months: int) -> Span:
        """Give the span of equal length so many months later (or earlier, when negative)."""
        first = _index(self.start) + months
        return span(first, self.months)


_PATTERNS: tuple[tuple[str, Unit], ...] = (
    (r"\b(?P<year>(?:19|20)\d\d)\s*[-/ ]?\s*[qt](?P<number>[1-4])\b", Unit.QUARTER),
    (r"\b[qt]\s?(?P<number>[1-4])\b" + _YEAR, Unit.QUARTER),
    (r"\b(?P<number>[1-4])[qt]\b" + _YEAR, Unit.QUARTER),
    (rf"\b{_ORDINAL}(?:er|eme|o|\.|º|ª)?\s*{_QUARTER_WORD}\b" + _YEAR, Unit.QUARTER),
    (rf"\b{_QUARTER_WORD}\s*(?P<number>[1-4])\b" + _YEAR, Unit.QUARTER),
    (r"\bh(?P<number>[12])\b" + _YEAR, Unit.HALF),
    (rf"\b{_ORDINAL}(?:er|eme|o|\.|º|ª)?\s*{_HALF_WORD}\b" + _YEAR, Unit.HALF),
    (r"\b(?P<year>(?:19|20)\d\d)[-/](?P<number>0[1-9]|1[0-2])\b(?![-/]\d)", Unit.MONTH),
    (r"\b(?P<number>0?[1-9]|1[0-2])[/.](?P<year>(?:19|20)\d\d)\b", Unit.MONTH),
    (rf"\b{_MONTH_WORD}\b\.?" + _YEAR, Unit.MONTH),
    (rf"\b(?P<last>{_LAST})\s+(?:[a-z]+\s+)?(?P<unit>{_SPAN_WORD})\b", Unit.QUARTER),
    (rf"\b(?P<unit>{_SPAN_WORD})\s+(?P<last>{_LAST})\b", Unit.QUARTER),
    (rf"\b(?P<this>{_THIS})\s+(?P<unit>{_SPAN_WORD})\b", Unit.QUARTER),
    (r"\b(?:fy\s*)?(?P<year>(?:19|20)\d\d)\b", Unit.YEAR),
)
_UNIT_WORDS = {
    Unit.QUARTER: ("quarter", "quartal", "trimestre"),
    Unit.MONTH: ("month", "monat", "mois", "mes", "mese"),
    Unit.YEAR: ("year", "jahr", "annee", "an", "ano", "anno"),
}
_AMBIGUOUS_MONTHS = frozenset({"may", "mar", "mars", "marco", "dec", "sep", "mai", "jan", "march"})


def find_mentions(text: str) -> tuple[Mention, ...]:
    """Find the spans of time that a request names, in order of appearance."""
    folded = plain(text)
    found: list[tuple[int, Mention]] = []
    for pattern, unit in _PATTERNS:
        for match in re.finditer(pattern, folded):
            mention = _mention(match, unit, folded)
            if mention is not None:
                found.append((match.start(), mention))
        # What one pattern has read, the later ones must not read again.
        folded = re.sub(pattern, lambda match: "\0" * len(match.group()), folded)
    return tuple(mention for _, mention in sorted(found, key=lambda pair: pair[0]))


def _mention(match: re.Match[str], unit: Unit, text: str) -> Mention | None:
    parts = match.groupdict()
    year = int(parts["year"]) if parts.get("year") else None
    if parts.get("unit"):
        unit = next(u for u, words in _UNIT_WORDS.items() if parts["unit"] in words)
        return Mention(unit=unit, relative="last" if parts.get("last") else "this")
    if word := parts.get("month"):
        before = text[: match.start()].rstrip()
        alone = year is None and not re.search(r"\b(?:in|im|en|for|of|fur|since|to|and)$", before)
        if word in _AMBIGUOUS_MONTHS and alone:
            return None
        return Mention(unit=unit, number=_MONTH_NUMBER[word], year=year)
    number = parts.get("number")
    if parts.get("ordinal"):
        number = str(_ORDINAL_NUMBER[parts["ordinal"]])
    return Mention(unit=unit, number=int(number) if number else None, year=year)


def is_range(text: str, mentions: Sequence[Mention]) -> bool:
    """Tell whether two named months or quarters are the ends of one span (`January to March`)."""
    ends = 2
    if len(mentions) != ends or mentions[0].unit != mentions[1].unit:
        return False
    joint = r"\b(?:to|until|through|bis|jusqu|hasta|fino|ate)\b|[-\u2013]"
    starts = re.search(r"\b(?:from|between|von|zwischen|de|du|entre|desde|da)\b", plain(text))
    return re.search(joint, plain(text)) is not None or starts is not None


def _index(day: date) -> int:
    return day.year * 12 + day.month - 1


def _first_day(index: int) -> date:
    return date(index // 12, index % 12 + 1, 1)


def span(first: int, months: int) -> Span:
    """Make a span from the index of its first month (`year * 12 + month - 1`)."""
    start, end = _first_day(first), _first_day(first + months)
    return Span(label=_label(start, months), start=start, end=end)


def span_of_dates(first: date, last: date) -> Span:
    """Make the span of whole months that holds two dates."""
    return span(_index(first), _index(last) - _index(first) + 1)


def join(first: Span, second: Span) -> Span:
    """Make the span from the beginning of the earlier one to the end of the later one."""
    start, end = min(first.start, second.start), max(first.end, second.end)
    return span(_index(start), _index(end) - _index(start))


def _label(start: date, months: int) -> str:
    year, month = start.year, start.month
    if months == MONTHS_OF[Unit.MONTH]:
        return f"{_name(month)} {year}"
    if months == MONTHS_OF[Unit.QUARTER] and month % 3 == 1:
        return f"Q{(month + 2) // 3} {year}"
    if months == MONTHS_OF[Unit.HALF] and month in {1, 7}:
        return f"H{1 if month == 1 else 2} {year}"
    if months == MONTHS_OF[Unit.YEAR] and month == 1:
        return str(year)
    last = _first_day(_index(start) + months - 1)
    return f"{_name(month)[:3]} {year} to {_name(last.month)[:3]} {last.year}"


def month_name(month: str) -> str:
    """Write `2025-10` as `October 2025`."""
    year, number = month.split("-")
    return f"{_name(int(number))} {year}"


def _name(month: int) -> str:
    return _MONTHS[month - 1].split()[0].capitalize()


def resolve(mention: Mention, covered: Sequence[date], last_day: date) -> Span | None:
    """Turn a mention into dates.

    A mention without a year means the latest year that the data covers; `last` means the last
    complete span of that length in the data, `this` the one that holds the newest entry.

    Args:
        covered: first days of the months that hold entries, in order, not empty.
        last_day: day up to which the data counts as complete.

    Returns:
        The span, whether or not the data covers it; None when the mention names a month, quarter
        or half that the data covers in no year.
    """
    length = MONTHS_OF[mention.unit]
    if mention.relative:
        return _relative(mention, covered, last_day)
    offset = ((mention.number or 1) - 1) * length
    if mention.year is not None:
        return span(mention.year * 12 + offset, length)
    indexes = [_index(day) for day in covered]
    for year in range(covered[-1].year, covered[0].year - 1, -1):
        first = year * 12 + offset
        if any(first <= index < first + length for index in indexes):
            return span(first, length)
    return None


def _relative(mention: Mention, covered: Sequence[date], last_day: date) -> Span:
    length = MONTHS_OF[mention.unit]
    newest = _index(last_day) // length * length
    current = span(newest, length)
    if mention.relative == "this" or is_complete(current, covered, last_day):
        return current
    return span(newest - length, length)


def covered_until(last_days: Sequence[date]) -> date:
    """Tell up to which day the data counts as complete, by the last entry of each month.

    The newest month counts as whole when its last entry comes about as late in the month, within
    a week, as is usual in the months before it; else the data ends with its newest entry.
    """
    newest = last_days[-1]
    end = span_of_dates(newest, newest).end - timedelta(days=1)
    usual = median([day.day for day in last_days[:-1]] or [end.day])
    return end if newest.day >= usual - _WEEK else newest


def is_complete(whole: Span, covered: Sequence[date], last_day: date) -> bool:
    """Tell whether the data reaches to the end of a span and has entries in all its months."""
    days = [_first_day(_index(whole.start) + n) for n in range(whole.months)]
    return set(days) <= set(covered) and last_day >= whole.end - timedelta(days=1)
