"""The main job on files of other shapes, with figures that the tests add up themselves."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import REQUEST, Command
from tests.support.tables import (
    Entry,
    figure,
    in_quarter,
    markdown_table,
    total,
    write_american_sales,
    write_french_ledger,
    write_german_ledger,
)


def report_on(hansard: Command, path: Path, request: str = REQUEST) -> tuple[dict[str, Any], str]:
    """Run the job and give the session with its report."""
    view = hansard.document("run", request, "--input", path, "--quiet")
    assert view["status"] == "completed"
    report = Path(view["output_folder"]) / "report.md"
    return view, report.read_text(encoding="utf-8")


def headline(report: str) -> dict[str, Decimal]:
    """Read the headline figures of Q4 2025."""
    rows = markdown_table(report, "Headline figures")
    return {row["Figure"]: figure(row["Q4 2025"]) for row in rows if "%" not in row["Q4 2025"]}


def check_ledger(report: str, entries: list[Entry], group: str) -> None:
    """Hold headline, months and groups of a report against the entries."""
    quarter = in_quarter(entries, 2025, 4)
    revenue = total(entry.revenue for entry in quarter)
    expenses = total(entry.expenses for entry in quarter)

    figures = headline(report)
    assert figures["Revenue"] == revenue
    assert figures["Expenses"] == expenses
    assert figures["Result"] == revenue - expenses

    for row in markdown_table(report, "Month by month"):
        month = [entry for entry in entries if f"{entry.day:%Y-%m}" == row["Month"]]
        assert figure(row["Revenue"]) == total(entry.revenue for entry in month)
        assert figure(row["Expenses"]) == total(entry.expenses for entry in month)

    by_group: dict[str, Decimal] = defaultdict(Decimal)
    for entry in quarter:
        by_group[entry.group] += entry.revenue or 0
    rows = markdown_table(report, f"Revenue by {group}")
    assert {row[group]: figure(row["Q4 2025"]) for row in rows} == {**by_group, "Total": revenue}


def test_a_german_ledger_with_semicolons_and_decimal_commas(
    hansard: Command, tmp_path: Path
) -> None:
    path = tmp_path / "umsatz.csv"
    entries = write_german_ledger(path)

    _, report = report_on(hansard, path)

    check_ledger(report, entries, "Region")


def test_a_french_ledger_with_accents_in_code_page_1252(hansard: Command, tmp_path: Path) -> None:
    path = tmp_path / "comptes.csv"
    entries = write_french_ledger(path)

    view, report = report_on(hansard, path)

    check_ledger(report, entries, "Catégorie")
    assert "cp1252" in view["answer"]


def test_american_sales_with_quantities_prices_and_missing_values(
    hansard: Command, tmp_path: Path
) -> None:
    path = tmp_path / "sales.csv"
    quarter = in_quarter(write_american_sales(path), 2025, 4)
    revenue = total(entry.revenue for entry in quarter)
    missing = sum(entry.revenue is None for entry in quarter)

    view, report = report_on(hansard, path)

    figures = headline(report)
    assert figures["Revenue (USD)"] == revenue
    assert f"{revenue:,}" in view["answer"]
    assert f"{missing} of {len(quarter)} entries in Q4 2025" in report
    products = {
        row["Product"]: figure(row["Q4 2025 (USD)"])
        for row in markdown_table(report, "Revenue by Product")
    }
    for product in products.keys() - {"Total"}:
        assert products[product] == total(
            entry.revenue for entry in quarter if entry.group == product
        )
    assert products["Total"] == revenue


@pytest.mark.parametrize(
    "request_text",
    [
        "Erstelle einen Finanzbericht für das vierte Quartal mit Diagrammen",
        "Créez un rapport financier du quatrième trimestre avec des graphiques",
    ],
)
def test_a_request_in_another_language_is_served_and_the_limits_are_told(
    hansard: Command, tmp_path: Path, request_text: str
) -> None:
    path = tmp_path / "umsatz.csv"
    quarter = in_quarter(write_german_ledger(path), 2025, 4)

    view, report = report_on(hansard, path, request_text)

    assert headline(report)["Revenue"] == total(entry.revenue for entry in quarter)
    assert view["intent"]["language"] in {"de", "fr"}
    assert any(word in view["answer"] for word in ("auf Englisch", "en anglais"))
