"""Columns: what each column of a profiled table is good for, read from its role, type and name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from infrastructure.models.offline.periods import find_mentions
from infrastructure.models.offline.sql import identifier
from infrastructure.models.offline.vocabulary import means
from infrastructure.tools.schemas import ColumnProfile, TableProfile

_MOST_GROUPS = 60
_ALWAYS_FEW = 6
_FEWEST_MONTH_COLUMNS = 3
_TAX_WORDS = re.compile(r"\b(vat|tax|mwst|ust|tva|iva|steuer|mehrwertsteuer)\b", re.IGNORECASE)
_MEANINGS = (
    "tax",
    "quantity",
    "debit",
    "credit",
    "revenue",
    "result",
    "expenses",
    "amount",
    "other",
)
_CURRENCY_IN_NAME = re.compile(
    r"(?:^|[^A-Za-z])(EUR|USD|GBP|CHF|JPY|SEK|NOK|DKK|PLN|BRL)(?:$|[^A-Za-z])"
)
_SIGNS = {"€": "EUR", "$": "USD", "£": "GBP"}


@dataclass(frozen=True, slots=True)
class Reading:
    """The columns of a table by their use.

    Attributes:
        date_sql: expression giving a row's date; None when there is none.
        measures: numeric columns by their meaning (`revenue`, `amount`, `quantity` ...).
        kinds: columns that may tell revenue from expenses, likeliest first.
        dimensions: columns to group by, best first.
        labels: columns that name a single entry.
        wide_months: columns named after months, when the table has one column for each month.
        notes: which of several candidates was taken.
    """

    profile: TableProfile
    date_sql: str | None
    date_name: str
    measures: dict[str, tuple[str, ...]]
    kinds: tuple[str, ...]
    dimensions: tuple[str, ...]
    labels: tuple[str, ...]
    currency_column: str | None
    currency: str
    wide_months: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def first(self, meaning: str) -> str | None:
        """Name the first column of a meaning."""
        return next(iter(self.measures.get(meaning, ())), None)


def read_columns(profile: TableProfile) -> Reading:
    """Read a profile."""
    date_sql, date_name, notes = _date(profile)
    measures: dict[str, tuple[str, ...]] = {}
    for column in profile.columns:
        if (meaning := measure_meaning(column)) is not None:
            measures[meaning] = (*measures.get(meaning, ()), column.name)
    groups = [column for column in profile.columns if _groups(column, profile.rows)]
    currency_column = next((c.name for c in groups if means(c.name, "currency")), None)
    several = [c for c in groups if c.name == currency_column and (c.distinct > 1 or c.nulls)]
    kinds = [c for c in groups if means(c.name, "kind") or means(c.name, "dimension")]
    return Reading(
        profile=profile,
        date_sql=date_sql,
        date_name=date_name,
        measures=measures,
        kinds=tuple(c.name for c in sorted(kinds, key=lambda c: not means(c.name, "kind"))),
        dimensions=_ranked(groups, currency_column),
        labels=tuple(
            c.name
            for c in profile.columns
            if c.role in {"text", "identifier", "dimension"}
            and c.type == "text"
            and not _groups(c, profile.rows)
        ),
        currency_column=currency_column if several else None,
        currency=_currency(profile, currency_column),
        wide_months=_wide_months(profile) if date_sql is None else (),
        notes=notes,
    )


def measure_meaning(column: ColumnProfile) -> str | None:
    """Tell what a numeric column measures; None when it must not be added up."""
    name = column.name
    if column.role != "measure" or column.type not in {"integer", "number"}:
        return None
    if means(name, "plan") or means(name, "ratio"):
        return None
    if _is_price(name):
        return "unit_cost" if means(name, "expenses") or "eink" in name.casefold() else "unit_price"
    return next((meaning for meaning in _MEANINGS if _measures(name, meaning)), None)


def _measures(name: str, meaning: str) -> bool:
    """Tell whether a column name has a meaning; `other` is any that is no code."""
    if meaning == "tax":
        return _TAX_WORDS.search(name.replace("_", " ")) is not None
    return not means(name, "code") if meaning == "other" else means(name, meaning)


def _is_price(name: str) -> bool:
    if means(name, "price"):
        return not re.search(r"total|gesamt", name, re.IGNORECASE)
    return means(name, "unit") and (means(name, "expenses") or means(name, "amount"))


def _groups(column: ColumnProfile, rows: int) -> bool:
    """Tell whether a column has few enough values to group by, account names included."""
    if (
        column.type not in {"text", "boolean", "integer"}
        or not 1 <= column.distinct <= _MOST_GROUPS
    ):
        return False
    repeating = column.distinct * 2 <= rows
    if column.role == "identifier":
        return repeating and column.type == "text"
    return column.role == "dimension" and (repeating or column.distinct <= _ALWAYS_FEW)


def _ranked(groups: Sequence[ColumnProfile], currency_column: str | None) -> tuple[str, ...]:
    """Order columns to group by: known names first, then few groups, then as in the table."""
    few = 12
    useful = [c for c in groups if c.name != currency_column and c.distinct > 1]
    ordered = sorted(useful, key=lambda c: (_preference(c.name), c.distinct > few))
    return tuple(column.name for column in ordered)


def _preference(name: str) -> int:
    """Rank of a column to group by; what is sold first, then accounts, then places and people."""
    for rank, concept in enumerate(("product", "account", "dimension")):
        if means(name, concept):
            return rank
    return 3 if not means(name, "code") else 4


def _date(profile: TableProfile) -> tuple[str | None, str, tuple[str, ...]]:
    dates = [c for c in profile.columns if c.role == "date" or c.type in {"date", "timestamp"}]
    if dates:
        best = min(dates, key=lambda c: (not means(c.name, "date"), c.nulls))
        notes: tuple[str, ...] = ()
        if len(dates) > 1:
            others = ", ".join(c.name for c in dates if c is not best)
            notes = (
                f"The dates are those of the column {best.name}; {others} could have served too.",
            )
        return f"CAST({identifier(best.name)} AS DATE)", best.name, notes
    return _composed_date(profile.columns)


def _composed_date(columns: Sequence[ColumnProfile]) -> tuple[str | None, str, tuple[str, ...]]:
    """Make a date out of a text like `2025-10`, or out of a year and a month or quarter."""
    for column in columns:
        if column.samples and all(re.fullmatch(r"\d{4}-\d{2}", s) for s in column.samples):
            sql = f"TRY_CAST({identifier(column.name)} || '-01' AS DATE)"
            return sql, column.name, (f"{column.name} names months; days are not known.",)
    year = _numbered(columns, r"year|jahr|annee|année|ano|año|anno", 1990, 2100)
    if year is None:
        return None, "", ()
    month = _numbered(columns, r"month|monat|mois|mes|mese", 1, 12)
    quarter = _numbered(columns, r"quarter|quartal|trimestre", 1, 4)
    if month is not None:
        sql = f"make_date(CAST({year[1]} AS BIGINT), CAST({month[1]} AS BIGINT), 1)"
    elif quarter is not None:
        sql = f"make_date(CAST({year[1]} AS BIGINT), CAST({quarter[1]} AS BIGINT) * 3 - 2, 1)"
    else:
        return None, "", ()
    name = f"{year[0]} and {(month or quarter or year)[0]}"
    return sql, name, (f"The dates are made of {name}; days are not known.",)


def _numbered(
    columns: Sequence[ColumnProfile], pattern: str, least: int, most: int
) -> tuple[str, str] | None:
    """Find a column of whole numbers in a range: its name and the SQL of its number."""
    for column in columns:
        if not re.fullmatch(pattern, column.name.strip(), re.IGNORECASE):
            continue
        numbers = [re.sub(r"^[QqTt]", "", sample) for sample in column.samples]
        if numbers and all(n.isdecimal() and least <= int(n) <= most for n in numbers):
            text = f"CAST({identifier(column.name)} AS VARCHAR)"
            return column.name, f"TRY_CAST(regexp_replace({text}, '^[QqTt]', '') AS BIGINT)"
    return None


def _currency(profile: TableProfile, currency_column: str | None) -> str:
    """Name the one currency that the column names, the currency column or the notes tell."""
    found: set[str] = set()
    for column in profile.columns:
        if column.name == currency_column:
            found.update(sample.upper() for sample in column.samples)
        if match := _CURRENCY_IN_NAME.search(column.name.upper().replace("_", " ")):
            found.add(match.group(1))
        found.update(code for sign, code in _SIGNS.items() if sign in column.name)
    if not found:
        text = " ".join(profile.notes)
        found.update(code for sign, code in _SIGNS.items() if sign in text)
        found.update(_CURRENCY_IN_NAME.findall(text))
    return found.pop() if len(found) == 1 else ""


def _wide_months(profile: TableProfile) -> tuple[str, ...]:
    names = [
        column.name
        for column in profile.columns
        if column.type in {"integer", "number"}
        and any(mention.unit == "month" for mention in find_mentions(f"in {column.name}"))
    ]
    return tuple(names) if len(names) >= _FEWEST_MONTH_COLUMNS else ()
