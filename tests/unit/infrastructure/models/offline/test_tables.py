"""The report on tables of many shapes, held against figures added up with the csv module."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import offline_tables as tables
from tests.support.offline_driver import OfflineDriver, Run

REQUEST = "Generate a Q4 financial report with charts"
Q4 = ("10", "11", "12")


def report(inputs: list[Path], folder: Path, request: str = REQUEST) -> Run:
    output = folder / "out"
    output.mkdir()
    return OfflineDriver(inputs, output).run(request)


def figures(run: Run) -> dict[str, Any]:
    assert not run.failures, run.failures
    findings: Any = run.results["metrics"].data["findings"]
    values: dict[str, Any] = findings["current"]["values"]
    return values


def rows(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def number(text: str) -> float:
    return float(text.replace(".", "").replace(",", ".")) if text else 0.0


def money(value: float) -> str:
    return f"{value:,.2f}"


def test_the_ledger_gives_the_four_tasks_of_the_worked_example(tmp_path: Path) -> None:
    run = report([tables.LEDGER], tmp_path)
    assert run.plan is not None
    placed = {task.key: (task.department, task.depends_on) for task in run.plan.tasks}
    assert placed == {
        "extract": ("finance", ()),
        "metrics": ("analytics", ("extract",)),
        "charts": ("creative", ("extract",)),
        "report": ("finance", ("extract", "metrics", "charts")),
    }
    skills = {task.key: task.skills[0] for task in run.plan.tasks}
    assert (skills["metrics"], skills["charts"]) == ("metrics", "charts")
    assert max(run.model_calls.values()) <= 5
    assert not run.tool_failures


def test_the_ledger_report_holds_the_figures_of_the_file(tmp_path: Path) -> None:
    ledger = rows(tables.LEDGER)
    spans = {
        "Q4 2025": [r for r in ledger if r["date"][:7] in {f"2025-{m}" for m in Q4}],
        "Q3 2025": [r for r in ledger if r["date"][:7] in {"2025-07", "2025-08", "2025-09"}],
        "Q4 2024": [r for r in ledger if r["date"][:7] in {f"2024-{m}" for m in Q4}],
    }
    run = report([tables.LEDGER], tmp_path)
    text = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    for held in spans.values():
        for kind in ("revenue", "expense"):
            total = sum(float(r["amount"] or 0) for r in held if r["type"] == kind)
            assert money(total) in text
    for key, value in (("region", "North"), ("product", "Sensor Kit"), ("account", "Travel")):
        own = sum(float(r["amount"] or 0) for r in spans["Q4 2025"] if r[key] == value)
        assert money(own) in text
    assert "| 2025-11-18 | Expenses | Travel, Sales | BILL-202511-18 | 21,480.00 |" in text
    assert "1 entry is unusual in size" in text
    assert "Without it, the result would be EUR 68,929.09." in text
    assert f"{len(spans['Q4 2025'])} of {len(ledger)} entries" in text
    assert "no usable amount" in text
    assert "offline rules, without a language model" in text
    assert {artefact.path for artefact in run.artefacts} >= {
        "report.md",
        "report.html",
        "chart_months.svg",
        "chart_result.svg",
        "chart_revenue_product.svg",
        "chart_expenses_account.svg",
    }
    for chart in ("chart_months.svg", "chart_expenses_account.svg"):
        assert f"]({chart})" in text


def test_the_saved_rows_are_the_rows_of_the_period(tmp_path: Path) -> None:
    report([tables.LEDGER], tmp_path)
    saved = rows(tmp_path / "out" / "ledger_q4_2025_rows.csv")
    asked = [r for r in rows(tables.LEDGER) if r["date"] >= "2025-10-01"]
    assert list(saved[0]) == list(asked[0])
    assert sorted(r["entry"] for r in saved) == sorted(r["entry"] for r in asked)


def test_a_german_table_is_read_with_decimal_commas(tmp_path: Path) -> None:
    path = tables.german(tmp_path)
    run = report([path], tmp_path, "Erstelle einen Finanzbericht f\u00fcr Q4 mit Diagrammen")
    held = [r for r in rows(path, ";") if r["Datum"][3:5] in Q4]
    found = figures(run)
    assert found["revenue"] == pytest.approx(sum(number(r["Umsatz"]) for r in held))
    assert found["expenses"] == pytest.approx(sum(number(r["Kosten"]) for r in held))
    assert run.intent.language == "de"
    assert "Der Offline-Modus antwortet auf Englisch." in run.answer


def test_quantity_times_unit_price_is_revenue(tmp_path: Path) -> None:
    path = tables.sales(tmp_path)
    held = [r for r in rows(path) if r["order_date"][5:7] in Q4]
    total = sum(int(r["quantity"]) * float(r["unit_price"]) for r in held)
    assert figures(report([path], tmp_path)) == {"revenue": pytest.approx(total)}


def test_a_french_table_is_split_by_its_type_column(tmp_path: Path) -> None:
    path = tables.french(tmp_path)
    run = report([path], tmp_path, "Fais un rapport financier du T4 avec des graphiques")
    held = [r for r in rows(path, ";") if r["Date"][3:5] in Q4]
    for key, kind in (("revenue", "Recette"), ("expenses", "D\u00e9pense")):
        total = sum(number(r["Montant"]) for r in held if r["Type"] == kind)
        assert figures(run)[key] == pytest.approx(total)
    assert run.intent.language == "fr"


def test_without_dates_all_rows_count_and_the_report_says_so(tmp_path: Path) -> None:
    path = tables.undated(tmp_path)
    run = report([path], tmp_path)
    total = sum(float(r["revenue"]) for r in rows(path))
    assert figures(run)["revenue"] == pytest.approx(total)
    assert "no date column, so Q4 cannot be told apart; all rows count" in run.answer


def test_double_entry_counts_revenue_and_expense_accounts_and_not_the_bank(tmp_path: Path) -> None:
    path = tables.journal(tmp_path)
    found = figures(report([path], tmp_path))
    held = [r for r in rows(path, ";") if r["Buchungsdatum"][3:5] in Q4]
    sold = sum(number(r["Haben"]) for r in held if r["Konto"] == "Umsatzerl\u00f6se")
    assert found == {"revenue": pytest.approx(sold), "expenses": pytest.approx(2700.0)}


def test_signed_amounts_are_income_and_spending(tmp_path: Path) -> None:
    path = tables.bank(tmp_path)
    held = [float(r["Amount"]) for r in rows(path) if r["Date"][5:7] in Q4]
    assert figures(report([path], tmp_path)) == {
        "revenue": pytest.approx(sum(value for value in held if value > 0)),
        "expenses": pytest.approx(-sum(value for value in held if value < 0)),
    }


def test_two_currencies_are_never_added_up(tmp_path: Path) -> None:
    path = tables.currencies(tmp_path)
    run = report([path], tmp_path)
    euros = [r for r in rows(path) if r["currency"] == "EUR" and r["date"][5:7] in Q4]
    total = sum(float(r["revenue"]) for r in euros)
    assert figures(run) == {"revenue": pytest.approx(total)}
    assert "mixes currencies" in run.answer
    assert "12 in USD" in run.answer


def test_year_and_month_columns_make_dates(tmp_path: Path) -> None:
    path = tables.year_and_month(tmp_path)
    run = report([path], tmp_path, "Financial report for the last quarter")
    held = [r for r in rows(path) if r["year"] == "2025" and r["month"] in Q4]
    assert figures(run)["revenue"] == pytest.approx(sum(float(r["revenue"]) for r in held))
    assert "Q4 2025" in run.answer


def test_odd_names_negative_expenses_and_gaps_are_handled(tmp_path: Path) -> None:
    path = tables.negative_expenses(tmp_path)
    run = report([path], tmp_path)
    held = [r for r in rows(path) if r['book "date"'][5:7] in Q4]
    values = {
        kind: sum(float(r["amo'unt; x"] or 0) for r in held if r["kind"] == kind)
        for kind in ("income", "expense")
    }
    assert figures(run) == {
        "revenue": pytest.approx(values["income"]),
        "expenses": pytest.approx(-values["expense"]),
    }
    text = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "3 of 12 entries in Q4 2025 have no usable amount" in text
    assert "whose amounts are negative in the file" in text


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (tables.wide_months, "has a column for each month (Jan, Feb, Mar"),
        (tables.text_only, "has no column of amounts to add up"),
    ],
)
def test_a_table_that_gives_no_report_is_refused_with_its_reason(
    tmp_path: Path, make: Callable[[Path], Path], reason: str
) -> None:
    run = report([make(tmp_path)], tmp_path)
    assert reason in run.failures["extract"]
    assert run.answer.startswith("This could not be done.")
    assert run.answer.count(reason) == 1


def test_a_period_outside_the_data_names_what_the_data_covers(tmp_path: Path) -> None:
    run = report([tables.LEDGER], tmp_path, "Financial report for Q2 2023")
    assert "holds no entry for Q2 2023" in run.failures["extract"]
    assert "Oct 2024 to Dec 2025" in run.failures["extract"]


def test_an_unfinished_quarter_is_called_incomplete(tmp_path: Path) -> None:
    lines = ["date,region,revenue"]
    lines += [f"2025-{m:02d}-{d:02d},{r},10.5" for m in range(7, 11) for d in (9, 25) for r in "NS"]
    lines += ["2025-11-04,N,10.5", "2025-11-04,S,10.5"]
    path = tmp_path / "partial.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    run = report([path], tmp_path, "Financial report Q4 2025")
    assert "Q4 2025 is incomplete: the entries end on 2025-11-04" in run.answer


def test_of_several_files_the_table_is_used_and_the_others_are_named(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("The meeting was long. Nothing was decided.\n", encoding="utf-8")
    names = tables.text_only(tmp_path)
    run = report([notes, names, tables.LEDGER], tmp_path)
    assert figures(run)["revenue"] > 0
    assert "names.csv was not used" in run.answer
    assert "Not a table, so not used: notes.txt." in run.answer
