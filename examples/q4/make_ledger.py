"""Make `ledger.csv`, the example ledger: the same bytes on every run and every machine."""
# ruff: noqa: INP001 - a script beside its data, not a package

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from pathlib import Path

HEADER = (
    "date",
    "entry",
    "account",
    "department",
    "region",
    "product",
    "type",
    "amount",
    "currency",
)
REGIONS = {"North": 1.15, "South": 0.9, "West": 1.0}
PRODUCTS = {
    "Sensor Kit": (10_400, 0.006),
    "Control Unit": (8_200, 0.016),
    "Cloud Monitoring": (5_100, 0.035),
    "Field Service": (3_600, 0.004),
}
COSTS = (
    ("Salaries", "Engineering", 24_800),
    ("Salaries", "Sales", 14_600),
    ("Salaries", "Operations", 11_900),
    ("Salaries", "Administration", 8_300),
    ("Materials", "Operations", 9_700),
    ("Materials", "Engineering", 2_900),
    ("Freight", "Operations", 2_150),
    ("Marketing", "Sales", 4_400),
    ("Marketing", "Sales", 2_100),
    ("Cloud hosting", "Engineering", 2_650),
    ("Software", "Engineering", 1_480),
    ("Software", "Administration", 620),
    ("Rent", "Administration", 5_200),
    ("Travel", "Sales", 1_350),
    ("Travel", "Engineering", 640),
    ("Insurance", "Administration", 780),
)
DROP_MONTH = 9
"""From July 2025 on, Sensor Kit sells worse, most of all in the South."""

YEAR_END = {10: 1.04, 11: 1.10, 12: 1.18, 7: 0.97, 8: 0.92}
GAPS = {("2024-12", 7): "amount", ("2025-05", 3): "region", ("2025-08", 20): "department"} | {
    ("2025-11", 5): "amount",
    ("2025-12", 9): "region",
}
"""Cells left empty, by month and number of the entry in it, as real ledgers have them."""


def months() -> Iterator[tuple[int, int, int]]:
    """Give year, month and running number, from October 2024 to December 2025."""
    for number in range(15):
        yield (2024 * 12 + 9 + number) // 12, (9 + number) % 12 + 1, number


def rows() -> Iterator[dict[str, str]]:
    """Give the entries in order of date."""
    chance = random.Random(20_251_231)  # noqa: S311 - example data, not a secret
    for year, month, number in months():
        entries = [*_sales(chance, month, number), *_costs(chance, year, month, number)]
        entries.sort(key=lambda entry: entry["day"])
        for place, entry in enumerate(entries, 1):
            entry["date"] = f"{year}-{month:02d}-{int(entry.pop('day')):02d}"
            entry["entry"] = (
                f"{'INV' if entry['type'] == 'revenue' else 'BILL'}-{year}{month:02d}-{place:02d}"
            )
            if (gap := GAPS.get((f"{year}-{month:02d}", place))) is not None:
                entry[gap] = ""
            yield entry


def _sales(chance: random.Random, month: int, number: int) -> Iterator[dict[str, str]]:
    for product, (base, growth) in PRODUCTS.items():
        for region, weight in REGIONS.items():
            level = base * weight * (1 + growth) ** number * YEAR_END.get(month, 1.0)
            if product == "Sensor Kit" and number >= DROP_MONTH:
                level *= 0.55 if region == "South" else 0.93
            yield _entry(chance, "Product sales", "Sales", level, "revenue") | {
                "region": region,
                "product": product,
            }


def _costs(chance: random.Random, year: int, month: int, number: int) -> Iterator[dict[str, str]]:
    for account, department, base in COSTS:
        yield _entry(chance, account, department, 0.8 * base * 1.007**number, "expense")
    if (year, month) == (2025, 11):
        fair = _entry(chance, "Travel", "Sales", 21_400, "expense")
        yield fair | {"amount": "21480.00", "day": "18"}


def _entry(
    chance: random.Random, account: str, department: str, level: float, kind: str
) -> dict[str, str]:
    amount = level * (0.94 + 0.12 * chance.random())
    return {
        "day": f"{1 + int(28 * chance.random()):02d}",
        "account": account,
        "department": department,
        "region": "",
        "product": "",
        "type": kind,
        "amount": f"{amount:.2f}",
        "currency": "EUR",
    }


def write(path: Path) -> None:
    """Write the ledger as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, HEADER, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows())


if __name__ == "__main__":
    write(Path(__file__).with_name("ledger.csv"))
