"""Repair: rewrites an irregular delimited file so that every row has the same columns."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from infrastructure.tools.interruption import Interruption
from infrastructure.tools.tables.dialect import MAX_FIELD, Dialect

_SHOWN = 3
_RUNAWAY_LINES = 200
_CHECK_EVERY = 10_000


@dataclass(slots=True)
class Repairs:
    """What was irregular: line numbers with the texts that were left out, or filled up."""

    short: list[int] = field(default_factory=list)
    long: list[tuple[int, str]] = field(default_factory=list)
    lone: list[tuple[int, str]] = field(default_factory=list)
    comments: int = 0
    unquoted: bool = False

    def notes(self, width: int) -> list[str]:
        """Say it in sentences."""
        notes = []
        if self.unquoted:
            notes.append("A quotation mark is never closed; quotation marks were read as text.")
        if self.short:
            lines = _listed([str(line) for line in self.short])
            notes.append(
                f"{len(self.short):,} rows have fewer than {width} values; the missing ones are"
                f" empty (lines {lines})."
            )
        if self.long:
            lines = _listed([f"line {line}: {text!r}" for line, text in self.long])
            notes.append(
                f"{len(self.long):,} rows have more than {width} values; the surplus was left out"
                f" ({lines})."
            )
        if self.lone:
            lines = _listed([f"line {line}: {text!r}" for line, text in self.lone])
            notes.append(
                f"{len(self.lone):,} lines hold one value only and are no rows; they were left out"
                f" ({lines})."
            )
        if self.comments:
            notes.append(f"{self.comments:,} comment lines starting with '#' were left out.")
        return notes


def _listed(items: list[str]) -> str:
    more = f" and {len(items) - _SHOWN:,} more" if len(items) > _SHOWN else ""
    return ", ".join(items[:_SHOWN]) + more


class _RunawayQuoteError(Exception):
    """A quoted value spans more lines than any real one."""


def repair(path: Path, dialect: Dialect, target: Path, interruption: Interruption) -> Repairs:
    """Write the rows of a file, without title lines and header, as a regular CSV file.

    Args:
        path: UTF-8 text.
        target: file to write; commas, quotes where needed, no header.
    """
    try:
        return _rewrite(path, dialect, target, interruption, csv.QUOTE_MINIMAL)
    except (_RunawayQuoteError, csv.Error):
        repairs = _rewrite(path, dialect, target, interruption, csv.QUOTE_NONE)
        repairs.unquoted = True
        return repairs


def _rewrite(
    path: Path, dialect: Dialect, target: Path, interruption: Interruption, quoting: Literal[0, 3]
) -> Repairs:
    csv.field_size_limit(MAX_FIELD)
    repairs = Repairs()
    with (
        path.open(encoding="utf-8", newline="") as source,
        target.open("w", encoding="utf-8", newline="") as clean,
    ):
        reader = csv.reader(source, delimiter=dialect.delimiter, quoting=quoting)
        writer = csv.writer(clean, lineterminator="\n", quoting=csv.QUOTE_ALL)
        before = 0
        for number, fields in enumerate(reader):
            if number % _CHECK_EVERY == 0:
                interruption.check()
            line, before = before + 1, reader.line_num
            if before - line > _RUNAWAY_LINES:
                raise _RunawayQuoteError
            if before > dialect.skip_lines and (row := _regular(fields, line, dialect, repairs)):
                writer.writerow(row)
    return repairs


def _regular(fields: list[str], line: int, dialect: Dialect, repairs: Repairs) -> list[str] | None:
    """Bring a row to the table's width and keep account of it; None for what is no row."""
    width = dialect.width
    if not any(field.strip() for field in fields):
        return None
    if len(fields) == width:
        return fields
    if fields[0].lstrip().startswith("#"):
        repairs.comments += 1
        return None
    if len(fields) > width:
        surplus = [field for field in fields[width:] if field.strip()]
        if surplus:
            repairs.long.append((line, dialect.delimiter.join(surplus)))
        return fields[:width]
    if width > 2 and sum(1 for field in fields if field.strip()) == 1:  # noqa: PLR2004  # of two, one may be empty
        repairs.lone.append((line, " ".join(fields).strip()))
        return None
    repairs.short.append(line)
    return fields + [""] * (width - len(fields))
