"""Findings: the figures of a period, as the metrics task hands them to the report."""

# ruff: noqa: S608 - names and values are quoted by `identifier` and `literal`

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from domain.value import NonEmptyText, Value
from infrastructure.models.offline.facts import EXPENSES, REVENUE, Facts, Line
from infrastructure.models.offline.periods import Span, join
from infrastructure.models.offline.sql import (
    by_dimension,
    by_month,
    column,
    entries,
    group_value,
    identifier,
    in_span,
    literal,
    sums,
    where,
)
from infrastructure.tools.schemas import QueryTableAnswer

NO_VALUE = "(none)"
_MONTHS_SHOWN = 15
_DIMENSIONS_TRIED = 5
_DIMENSIONS_SHOWN = 2
_GROUP_MINIMUM = 8
ROBUST_DEVIATIONS = 3
_MAD_TO_DEVIATION = 1.4826


class SpanFigures(Value):
    """Totals of one span; `quantity` is None when the table has none."""

    label: NonEmptyText
    entries: int
    without_amount: int
    values: dict[str, float]
    quantity: float | None = None

    @property
    def result(self) -> float:
        """Revenue minus expenses."""
        return self.values[REVENUE] - self.values[EXPENSES]


class MonthFigures(Value):
    """Totals of one month; `month` is written `2025-10`."""

    month: NonEmptyText
    entries: int
    values: dict[str, float]


class Group(Value):
    """A line's total for one value of a dimension, in the period and before it."""

    value: str
    current: float
    before: float | None = None


class Breakdown(Value):
    """A line by a dimension, largest first."""

    column: NonEmptyText
    line: NonEmptyText
    groups: tuple[Group, ...]


class Outlier(Value):
    """An entry far from the usual amount of its group."""

    line: str
    day: str
    group: str
    label: str
    amount: float
    usual: float


class Statement(Value):
    """A query that figures come from, for whoever wants to run it again."""

    purpose: NonEmptyText
    sql: NonEmptyText


class Findings(Value):
    """All figures of a period; `outliers` holds the farthest of `outlier_count`."""

    current: SpanFigures
    previous: SpanFigures | None = None
    year_earlier: SpanFigures | None = None
    months: tuple[MonthFigures, ...] = ()
    breakdowns: tuple[Breakdown, ...] = ()
    outliers: tuple[Outlier, ...] = ()
    outlier_count: int = 0
    outlier_rule: str = ""
    statements: tuple[Statement, ...] = ()


def totals_statement(facts: Facts) -> str:
    """One row for each of period, previous span and year before: entries and totals."""
    roles = (("current", facts.period), ("previous", facts.previous), ("year", facts.year_earlier))
    empty = " AND ".join(f"{column(line)} IS NULL" for line in facts.lines)
    units = "SUM(_units)" if facts.quantity_sql else "NULL"
    parts = [
        f"SELECT {literal(role)} AS span, COUNT(*) AS entries,"
        f" COUNT(*) FILTER (WHERE {empty}) AS without_amount, {units} AS quantity,"
        f" {sums(facts.lines)}\nFROM _entries{where(in_span(facts, span))}"
        for role, span in roles
        if span is not None or role == "current"
    ]
    return entries(facts) + "\nUNION ALL ".join(parts)


def read_totals(facts: Facts, answer: QueryTableAnswer) -> dict[str, SpanFigures]:
    """Read the rows of `totals_statement` by role."""
    labels = {
        "current": facts.period_label,
        "previous": facts.previous.label if facts.previous else "",
        "year": facts.year_earlier.label if facts.year_earlier else "",
    }
    found = {}
    for role, count, without_amount, quantity, *values in answer.rows:
        found[str(role)] = SpanFigures(
            label=labels[str(role)],
            entries=int(str(count)),
            without_amount=int(str(without_amount)),
            quantity=number(quantity) if quantity is not None else None,
            values={
                line.key: number(value) for line, value in zip(facts.lines, values, strict=True)
            },
        )
    return found


def shown_months(facts: Facts) -> Span | None:
    """The months to show: the period and what led up to it, at most 15."""
    if facts.period is None or not facts.months:
        return None
    lead = max(0, _MONTHS_SHOWN - facts.period.months)
    wanted = join(facts.period, facts.period.shifted(-lead))
    start = max(wanted.start, facts.months[0].month)
    return wanted.model_copy(update={"start": start})


def months_statement(facts: Facts) -> str | None:
    """One row for each month shown; None without dates."""
    span = shown_months(facts)
    return by_month(facts, facts.lines, span) if span else None


def read_months(facts: Facts, answer: QueryTableAnswer) -> tuple[MonthFigures, ...]:
    """Read the rows of `months_statement`."""
    return tuple(
        MonthFigures(
            month=str(month),
            entries=int(str(count)),
            values={
                line.key: number(value) for line, value in zip(facts.lines, values, strict=True)
            },
        )
        for month, count, *values in answer.rows
    )


def breakdown_statement(facts: Facts) -> str | None:
    """Every line by every likely dimension, in the period and before it; None without dimensions.

    The baseline is the previous span when the data holds it, else the year before.
    """
    before = facts.previous or facts.year_earlier
    spans = [facts.period, before] if before else [facts.period]
    parts = [
        by_dimension(facts, name, line, spans)
        for line in facts.lines
        for name in facts.dimensions[:_DIMENSIONS_TRIED]
    ]
    return entries(facts) + "\nUNION ALL ".join(parts) if parts else None


def read_breakdowns(facts: Facts, answer: QueryTableAnswer) -> tuple[Breakdown, ...]:
    """Read the rows of `breakdown_statement`: for each line its two best dimensions.

    A dimension is left out for a line when it does not divide it: fewer than two values, or most
    of the amount without one.
    """
    grouped: dict[tuple[str, str], list[Group]] = {}
    for name, line, value, current, *before in answer.rows:
        group = Group(
            value=str(value),
            current=number(current),
            before=number(before[0]) if before else None,
        )
        grouped.setdefault((str(line), str(name)), []).append(group)
    chosen = []
    for key in (line.key for line in facts.lines):
        useful = [
            Breakdown(column=name, line=key, groups=_sorted(grouped[key, name]))
            for name in facts.dimensions
            if _divides(grouped.get((key, name), []))
        ]
        chosen += useful[:_DIMENSIONS_SHOWN]
    return tuple(chosen)


def _sorted(groups: Sequence[Group]) -> tuple[Group, ...]:
    return tuple(sorted(groups, key=lambda group: (-group.current, group.value)))


def _divides(groups: Sequence[Group]) -> bool:
    two, half = 2, 0.5
    total = sum(abs(group.current) for group in groups)
    missing = sum(abs(group.current) for group in groups if group.value == NO_VALUE)
    named = [group for group in groups if group.value != NO_VALUE]
    return len(named) >= two and (total == 0 or missing / total <= half)


def outlier_statement(facts: Facts, breakdowns: Sequence[Breakdown]) -> str:
    """Entries of the period far from the median of their group, farthest first."""
    label = f"CAST({identifier(facts.labels[0])} AS VARCHAR)" if facts.labels else "NULL"
    day = "strftime(_day, '%Y-%m-%d')" if facts.date_sql else "NULL"
    inside = in_span(facts, facts.period) or "TRUE"
    parts = [
        f"SELECT {literal(line.label)} AS line, {day} AS day,"
        f" {_group_sql(_grouping(facts, line, breakdowns))} AS grp, {label} AS label,"
        f" {column(line)} AS amount, {inside} AS inside\n  FROM _entries"
        f"{where(f'{column(line)} <> 0')}"
        for line in facts.lines
    ]
    amounts = "\n  UNION ALL ".join(parts)
    limit = ROBUST_DEVIATIONS * _MAD_TO_DEVIATION
    return (
        f"{entries(facts).rstrip()}, _amounts AS (\n  {amounts}\n), _usual AS (\n"
        "  SELECT line, grp, MEDIAN(amount) AS middle, MAD(amount) AS spread, COUNT(*) AS rows\n"
        "  FROM _amounts GROUP BY line, grp\n)\n"
        "SELECT line, day, grp, label, amount, middle FROM _amounts JOIN _usual USING (line, grp)\n"
        f"WHERE inside AND rows >= {_GROUP_MINIMUM} AND spread > 0"
        f" AND ABS(amount - middle) > {limit:.4f} * spread\n"
        "  AND (ABS(amount) > 2 * ABS(middle) OR ABS(amount) < ABS(middle) / 2)\n"
        "ORDER BY ABS(amount - middle) / spread DESC, day, amount"
    )


def _grouping(facts: Facts, line: Line, breakdowns: Sequence[Breakdown]) -> tuple[str, ...]:
    """Columns whose entries are alike: the first that divides a line, and the second if it can.

    Two are taken when the groups they make hold enough entries on average.
    """
    own = [breakdown for breakdown in breakdowns if breakdown.line == line.key][:2]
    groups = prod(len(breakdown.groups) for breakdown in own)
    kept = own if groups * _GROUP_MINIMUM <= facts.entries else own[:1]
    return tuple(breakdown.column for breakdown in kept)


def _group_sql(names: Sequence[str]) -> str:
    return " || ', ' || ".join(group_value(name) for name in names) or literal("all entries")


def outlier_rule(facts: Facts, breakdowns: Sequence[Breakdown]) -> str:
    """Say by which rule entries count as unusual."""
    alike = []
    for line in facts.lines:
        names = " and ".join(_grouping(facts, line, breakdowns))
        alike.append(f"{line.label.lower()} of the same {names}" if names else line.label.lower())
    return (
        f"more than {ROBUST_DEVIATIONS} robust standard deviations ({ROBUST_DEVIATIONS} \u00d7"
        f" {_MAD_TO_DEVIATION} \u00d7 median absolute deviation) from the median of"
        f" {' or '.join(alike)} in the whole file, where there are at least {_GROUP_MINIMUM}"
        " entries, and more than twice or less than half that median"
    )


def read_outliers(answer: QueryTableAnswer) -> tuple[Outlier, ...]:
    """Read the rows of `outlier_statement`."""
    return tuple(
        Outlier(
            line=str(line),
            day=str(day or ""),
            group=str(group),
            label=str(label or ""),
            amount=number(amount),
            usual=number(middle),
        )
        for line, day, group, label, amount, middle in answer.rows
    )


def number(value: object) -> float:
    """Read a JSON number; a missing one counts as zero."""
    return float(str(value)) if value is not None else 0.0
