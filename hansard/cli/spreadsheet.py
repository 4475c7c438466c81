"""Spreadsheet: write rows as CSV that no program takes for formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from hansard.cli.terminal import clean

if TYPE_CHECKING:
    from domain.value import Value

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\n")
"""What spreadsheets take for the beginning of a formula (OWASP, CSV injection)."""


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows as CSV (RFC 4180), the names of the columns first."""
    click.echo(csv_text([columns]) + csv_text(rows), nl=False)


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Put rows into CSV (RFC 4180)."""
    text = io.StringIO()
    csv.writer(text).writerows([cell(value) for value in row] for row in rows)
    return text.getvalue()


def print_views(views: Sequence[Value], kind: type[Value]) -> None:
    """Print views as CSV, one a row.

    Args:
        kind: says the columns where there are no views.
    """
    rows = [dict(_flat(view.model_dump())) for view in views]
    columns = list(rows[0]) if rows else list(kind.model_fields)
    print_csv(columns, ([row.get(column) for column in columns] for row in rows))


def print_figures(view: Value) -> None:
    """Print one view as CSV, one figure a row."""
    print_csv(("figure", "value"), _flat_deep(view.model_dump(), ""))


def cell(value: object) -> object:
    """Make a cell of a value: numbers stay numbers, and no text begins a formula."""
    if value is None or isinstance(value, bool | int | float | Decimal):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    text = clean(str(value))
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _flat(fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give fields, those of an inner mapping under their own names, and lists as one text."""
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from value.items()
        elif isinstance(value, (list, tuple)):
            yield name, " ".join(map(str, value))
        else:
            yield name, value


def _flat_deep(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Give the figures in a value, each under a path of names."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _flat_deep(part, f"{name}.{key}" if name else str(key))
    elif isinstance(value, (list, tuple)):
        for number, part in enumerate(value, start=1):
            yield from _flat_deep(part, f"{name}.{number}")
    else:
        yield name, value
