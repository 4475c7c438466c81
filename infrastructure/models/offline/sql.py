"""SQL text in DuckDB's dialect: quoting, and the statements the procedures run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from infrastructure.models.offline.facts import Facts, Line
from infrastructure.models.offline.periods import Span


def identifier(name: str) -> str:
    """Quote a table or column name."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a text value."""
    return "'" + text.replace("'", "''") + "'"


def day(value: date) -> str:
    """Write a date."""
    return f"DATE '{value.isoformat()}'"


def within(date_sql: str, span: Span) -> str:
    """Condition that a row lies in a span."""
    return f"{date_sql} >= {day(span.start)} AND {date_sql} < {day(span.end)}"


def where(*conditions: str) -> str:
    """Join conditions into a WHERE clause; empty ones are left out."""
    present = [condition for condition in conditions if condition]
    return f" WHERE {' AND '.join(present)}" if present else ""


def in_span(facts: Facts, span: Span | None) -> str:
    """Condition that a row lies in a span; empty without a span or without dates."""
    return within(facts.date_sql, span) if span and facts.date_sql else ""


def source(facts: Facts) -> str:
    """The table, ready for FROM."""
    return identifier(facts.table)


def sums(lines: Sequence[Line], condition: str = "", prefix: str = "") -> str:
    """Add up each line, over the rows of a condition, as columns named by the line's key."""
    filtered = f" FILTER (WHERE {condition})" if condition else ""
    return ", ".join(
        f"SUM({line.sql}){filtered} AS {identifier(prefix + line.key)}" for line in lines
    )


def totals(facts: Facts, span: Span | None) -> str:
    """One row: the number of entries and the total of each line in a span."""
    condition = where(facts.standing, in_span(facts, span))
    return f"SELECT COUNT(*) AS entries, {sums(facts.lines)} FROM {source(facts)}{condition}"


def by_month(facts: Facts, span: Span) -> str:
    """One row for each month of a span: first day, entries, and the total of each line."""
    return (
        f"SELECT strftime(date_trunc('month', {facts.date_sql}), '%Y-%m') AS month,"
        f" COUNT(*) AS entries, {sums(facts.lines)} FROM {source(facts)}"
        f"{where(facts.standing, in_span(facts, span))} GROUP BY 1 ORDER BY 1"
    )


def group_value(column: str) -> str:
    """The value of a grouping column as text, gaps included."""
    return f"COALESCE(CAST({identifier(column)} AS VARCHAR), '(none)')"


def by_dimension(
    facts: Facts, column: str, line: Line, spans: Sequence[Span | None], condition: str = ""
) -> str:
    """One row for each value of a dimension: a line's total in each span, largest first.

    The columns after the value are named `s0`, `s1` and so on, one for each span.
    """
    parts = []
    for number, span in enumerate(spans):
        inside = in_span(facts, span)
        filtered = f" FILTER (WHERE {inside})" if inside else ""
        parts.append(f"COALESCE(SUM({line.sql}){filtered}, 0) AS s{number}")
    present = " OR ".join(f"({in_span(facts, span)})" for span in spans if in_span(facts, span))
    scope = where(facts.standing, condition, f"({present})" if present else "", f"{line.sql} <> 0")
    return (
        f"SELECT {group_value(column)} AS value, {', '.join(parts)} FROM {source(facts)}{scope}"
        f" GROUP BY 1 ORDER BY s0 DESC, value LIMIT 1000"
    )
