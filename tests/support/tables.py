"""Tables: files of many shapes with known contents, and the tables of a Markdown text."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

CENT = Decimal("0.01")
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Entry:
    """A row of a ledger; amounts are None where the file leaves them out."""

    day: date
    group: str
    revenue: Decimal | None = None
    expenses: Decimal | None = None


def total(amounts: Iterable[Decimal | None]) -> Decimal:
    """Add up the amounts there are."""
    return sum((amount for amount in amounts if amount is not None), Decimal(0))


def in_quarter(entries: Iterable[Entry], year: int, quarter: int) -> list[Entry]:
    """Choose the entries of a calendar quarter."""
    return [
        entry
        for entry in entries
        if entry.day.year == year and (entry.day.month + 2) // 3 == quarter
    ]


def write_german_ledger(path: Path) -> list[Entry]:
    """Write semicolons, decimal commas, dots between thousands, and days first."""
    entries = _entries(("Nord", "Süd", "Übersee"))
    rows = [
        (f"{entry.day:%d.%m.%Y}", _german(entry.revenue), _german(entry.expenses), entry.group)
        for entry in entries
    ]
    _write(path, ("Datum", "Umsatz", "Kosten", "Region"), rows, ";", "utf-8-sig")
    return entries


def write_french_ledger(path: Path) -> list[Entry]:
    """Write accents in code page 1252, decimal commas, and spaces between thousands."""
    entries = _entries(("Été à la mer", "Forêt", "Noël"))
    rows = [
        (f"{entry.day:%d/%m/%Y}", entry.group, _french(entry.revenue), _french(entry.expenses))
        for entry in entries
    ]
    _write(path, ("Date", "Catégorie", "Recettes", "Dépenses"), rows, ";", "cp1252")
    return entries


def write_american_sales(path: Path) -> list[Entry]:
    """Write quantities and unit prices, months first, and every tenth price missing."""
    chance = random.Random(7)  # noqa: S311 - the same sales on every run
    entries, rows = [], []
    for number in range(400):
        day = date(2025, 1, 1) + timedelta(days=number % 365)
        product = chance.choice(("Anvil", "Rocket skates", "Bird seed, 5 lb"))
        quantity = chance.randint(1, 40)
        price = None if number % 10 == 9 else Decimal(chance.randint(199, 25_000)) * CENT
        entries.append(Entry(day, product, None if price is None else quantity * price))
        rows.append((f"{day:%m/%d/%Y}", f"A-{number}", product, quantity, _dollars(price)))
    header = ("Order Date", "Order ID", "Product", "Quantity", "Unit Price")
    _write(path, header, rows, ",", "utf-8")
    return entries


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """Write a plain CSV file."""
    _write(path, header, rows, ",", "utf-8")
    return path


def markdown_table(text: str, heading: str) -> list[dict[str, str]]:
    """Read the first table below a heading, row by row, without the marks of emphasis.

    Raises:
        LookupError: there is no such heading, or no table before the next one.
    """
    found = False
    lines: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("#"):
            if lines:
                break
            found = line.lstrip("# ") == heading
        elif found and line.startswith("|"):
            lines.append([cell.strip().replace("**", "") for cell in line.strip("|").split("|")])
        elif lines:
            break
    if not lines:
        raise LookupError(f"there is no table under {heading!r}")
    header, _, *rows = lines
    return [dict(zip(header, row, strict=True)) for row in rows]


def figure(text: str) -> Decimal:
    """Read a figure as reports write it, with commas between thousands."""
    return Decimal(text.replace(",", ""))


def _entries(groups: Sequence[str]) -> list[Entry]:
    chance = random.Random(11)  # noqa: S311 - the same entries on every run
    return [
        Entry(
            day=date(2024, 7, 3) + timedelta(days=number * 2),
            group=chance.choice(groups),
            revenue=Decimal(chance.randint(90_000, 350_000)) * CENT,
            expenses=Decimal(chance.randint(20_000, 240_000)) * CENT,
        )
        for number in range(270)
    ]


def _german(amount: Decimal | None) -> str:
    return f"{amount:,}".translate(str.maketrans(",.", ".,"))


def _french(amount: Decimal | None) -> str:
    return f"{amount:,}".translate({ord(","): NO_BREAK_SPACE, ord("."): ","})


def _dollars(amount: Decimal | None) -> str:
    return "" if amount is None else f"${amount:,}"


def _write(
    path: Path,
    header: Sequence[str],
    rows: Iterable[Sequence[object]],
    delimiter: str,
    encoding: str,
) -> None:
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(header)
        writer.writerows(rows)
