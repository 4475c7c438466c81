"""SQL text in DuckDB's dialect: quoting, and the statements the procedures run.

Every statement starts from `_entries`: the table's own columns, the day of each row as `_day`, and
one column for each line, named by its key behind an underscore.
"""

# ruff: noqa: S608 - names and values are quoted by `identifier` and `literal`

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


def where(*conditions: str) -> str:
    """Join conditions into a WHERE clause; empty ones are left out."""
    present = [condition for condition in conditions if condition]
    return f" WHERE {' AND '.join(present)}" if present else ""


def column(line: Line) -> str:
    """Name the column of a line in `_entries`."""
    return identifier(f"_{line.key}")


def entries(facts: Facts, lines: Sequence[Line] = ()) -> str:
    """Begin a statement: the rows that count, with the lines to compute (all by default)."""
    computed = [f"{line.sql} AS {column(line)}" for line in lines or facts.lines]
    if facts.date_sql:
        computed.insert(0, f"{facts.date_sql} AS _day")
    if facts.quantity_sql:
        computed.append(f"{facts.quantity_sql} AS _units")
    inner = ",\n    ".join(["*", *computed])
    source = f"{identifier(facts.table)}{where(facts.standing)}"
    return f"WITH _entries AS (\n  SELECT {inner}\n  FROM {source}\n)\n"


def in_span(facts: Facts, span: Span | None) -> str:
    """Condition that an entry lies in a span; empty without a span or without dates."""
    if span is None or not facts.date_sql:
        return ""
    return f"_day >= {_day(span.start)} AND _day < {_day(span.end)}"


def _day(value: date) -> str:
    return f"DATE '{value.isoformat()}'"


def sums(lines: Sequence[Line]) -> str:
    """Add up each line, as columns named by the line's key."""
    return ", ".join(f"SUM({column(line)}) AS {identifier(line.key)}" for line in lines)


def by_month(facts: Facts, lines: Sequence[Line], span: Span) -> str:
    """One row for each month of a span: `2025-10`, entries, and the total of each line."""
    return (
        f"{entries(facts, lines)}SELECT strftime(_day, '%Y-%m') AS month, COUNT(*) AS entries,"
        f" {sums(lines)}\nFROM _entries{where(in_span(facts, span))}\nGROUP BY 1 ORDER BY 1"
    )


def group_value(name: str) -> str:
    """The value of a grouping column as text, gaps included."""
    return f"COALESCE(CAST({identifier(name)} AS VARCHAR), '(none)')"


def by_dimension(
    facts: Facts, name: str, line: Line, spans: Sequence[Span | None], condition: str = ""
) -> str:
    """One row for each value of a dimension: a line's total in each span, largest first.

    The columns are the dimension's name, the line's key, the value, then `s0`, `s1` and so on, one
    for each span. It selects from `_entries`.
    """
    amount = column(line)
    totals = ", ".join(
        f"COALESCE(SUM({amount}){_only(in_span(facts, span))}, 0) AS s{n}"
        for n, span in enumerate(spans)
    )
    inside = [f"({part})" for part in (in_span(facts, span) for span in spans) if part]
    any_span = f"({' OR '.join(inside)})" if inside else ""
    return (
        f"SELECT {literal(name)} AS dimension, {literal(line.key)} AS line,"
        f" {group_value(name)} AS value,\n  {totals}\n"
        f"FROM _entries{where(any_span, f'{amount} <> 0', condition)}\nGROUP BY 3"
    )


def _only(condition: str) -> str:
    return f" FILTER (WHERE {condition})" if condition else ""
