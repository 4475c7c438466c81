"""Requests other than the report, from the first word to the answer."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.support import offline_tables as tables
from tests.support.offline_driver import OfflineDriver, Run


def ask(request: str, folder: Path, *inputs: Path) -> Run:
    output = folder / "out"
    output.mkdir(exist_ok=True)
    return OfflineDriver(list(inputs), output).run(request)


def ledger() -> list[dict[str, str]]:
    with tables.LEDGER.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def total(kind: str, months: str, **wanted: str) -> float:
    """Add up ledger amounts of a kind in months like `2025-07 2025-08`."""
    return sum(
        float(row["amount"] or 0)
        for row in ledger()
        if row["type"] == kind
        and row["date"][:7] in months.split()
        and all(row[key] == value for key, value in wanted.items())
    )


Q2, Q3, Q4 = "2025-04 2025-05 2025-06", "2025-07 2025-08 2025-09", "2025-10 2025-11 2025-12"


def test_why_a_product_lost_revenue_is_split_up_and_not_called_a_cause(tmp_path: Path) -> None:
    run = ask("which product lost revenue in Q3, and why?", tmp_path, tables.LEDGER)
    assert run.keys == ("extract", "drivers")
    before = total("revenue", Q2, product="Sensor Kit")
    after = total("revenue", Q3, product="Sensor Kit")
    assert run.answer.startswith("**Sensor Kit lost most:")
    assert f"{before:,.2f} to {after:,.2f}" in run.answer
    south = total("revenue", Q3, product="Sensor Kit", region="South")
    south -= total("revenue", Q2, product="Sensor Kit", region="South")
    assert f"by region: South {south:+,.2f}" in run.answer
    assert "not what caused it" in run.answer


def test_a_change_with_quantities_is_split_into_quantity_and_price(tmp_path: Path) -> None:
    run = ask("Which product lost revenue in Q3, and why?", tmp_path, tables.sales(tmp_path))
    assert "**Gadget lost most" in run.answer
    data: Any = run.results["drivers"].data
    gadget = next(group for group in data["groups"] if group["value"] == "Gadget")
    change = gadget["current"] - gadget["base"]
    assert f"(worth {change:+,.2f} at the old price)" in run.answer
    assert "(worth +0.00 at the new quantity)" in run.answer


def test_rising_costs_are_explained_by_account_although_products_come_first(tmp_path: Path) -> None:
    run = ask("Warum sind die Kosten im Q4 gestiegen?", tmp_path, tables.LEDGER)
    change = total("expense", Q4, account="Travel") - total("expense", Q3, account="Travel")
    assert run.answer.startswith("**Travel gained most")
    assert f"{change:+,.2f}" in run.answer


def test_two_named_quarters_are_compared_with_each_other(tmp_path: Path) -> None:
    run = ask("Compare Q4 2025 with Q4 2024", tmp_path, tables.LEDGER)
    data = run.results["drivers"].data
    assert (data["period"], data["baseline"]) == ("Q4 2025", "Q4 2024")
    assert run.answer.startswith("Revenue overall: ")
    assert "| Result |" in run.answer


def test_nobody_lost_when_nobody_lost(tmp_path: Path) -> None:
    run = ask("which product lost revenue in Q4?", tmp_path, tables.LEDGER)
    assert "**No product lost revenue from Q3 2025 to Q4 2025.**" in run.answer


@pytest.mark.parametrize(
    ("request_text", "months", "wanted"),
    [
        ("total revenue in Q3 2025 for North", Q3, {"region": "North"}),
        ("Wie hoch war der Umsatz in der Region South im Q4?", Q4, {"region": "South"}),
        ("How much revenue did Sensor Kit make in December 2025?", "2025-12", {}),
    ],
)
def test_a_filter_named_in_the_question_is_applied(
    tmp_path: Path, request_text: str, months: str, wanted: dict[str, str]
) -> None:
    filters = wanted or {"product": "Sensor Kit"}
    run = ask(request_text, tmp_path, tables.LEDGER)
    assert f"{total('revenue', months, **filters):,.2f} EUR" in run.answer


def test_a_ranking_names_the_first_and_counts_the_rest(tmp_path: Path) -> None:
    run = ask("top 3 accounts by expenses in Q4 2025", tmp_path, tables.LEDGER)
    salaries = total("expense", Q4, account="Salaries")
    assert run.answer.startswith(
        f"**Salaries has the highest total expenses in Q4 2025: {salaries:,.2f} EUR**"
    )
    assert "6 more are not shown" in run.answer


def test_an_average_per_month_is_the_mean_of_the_months(tmp_path: Path) -> None:
    run = ask("average revenue per month in Q4 2025", tmp_path, tables.LEDGER)
    assert f"{total('revenue', Q4) / 3:,.2f} EUR**, over 3 months" in run.answer


def test_entries_are_counted(tmp_path: Path) -> None:
    run = ask("how many entries in December 2025?", tmp_path, tables.LEDGER)
    count = sum(row["date"].startswith("2025-12") for row in ledger())
    assert f"**Number of entries in December 2025: {count}**" in run.answer


def test_a_column_that_mixes_revenue_and_expenses_is_added_up_with_a_warning(
    tmp_path: Path,
) -> None:
    run = ask("total amount by account in Q4 2025", tmp_path, tables.LEDGER)
    everything = total("revenue", Q4) + total("expense", Q4)
    assert f"| **Total** | {everything:,.2f} |" in run.answer
    assert "revenue and expenses alike" in run.answer


def test_a_topic_that_only_sounds_like_correspondence_is_served(tmp_path: Path) -> None:
    driver = OfflineDriver([tables.LEDGER], tmp_path)
    run = driver.run("How much did we spend on marketing and translation in Q4?")
    assert run.intent.servable


def test_the_best_month_by_result_is_found(tmp_path: Path) -> None:
    run = ask("which month had the highest profit in 2025?", tmp_path, tables.LEDGER)
    results: dict[str, float] = defaultdict(float)
    for row in ledger():
        sign = 1 if row["type"] == "revenue" else -1
        results[row["date"][:7]] += sign * float(row["amount"] or 0)
    best = max((month for month in results if month > "2025"), key=lambda month: results[month])
    assert run.answer.startswith(f"**{best} has the highest total result")
    assert f"{results[best]:,.2f}" in run.answer


def test_a_question_about_what_the_table_does_not_hold_is_refused(tmp_path: Path) -> None:
    run = ask("What is the customer churn in Q3?", tmp_path, tables.LEDGER)
    assert "found nothing in ledger.csv for 'churn'" in run.failures["answer"]


def test_words_that_were_not_understood_are_named(tmp_path: Path) -> None:
    run = ask("total revenue from loyal buyers in Q3", tmp_path, tables.LEDGER)
    assert "not taken into account: loyal, buyers" in run.answer


def test_a_pie_chart_is_drawn_as_asked(tmp_path: Path) -> None:
    run = ask("Draw a pie chart of expenses by department for Q4 2025", tmp_path, tables.LEDGER)
    assert run.keys == ("extract", "charts")
    drawn = [call for call in run.tool_calls if call.tool == "draw_chart"]
    assert [call.arguments["kind"] for call in drawn] == ["pie"]
    svg = (tmp_path / "out" / "chart_expenses_department.svg").read_text(encoding="utf-8")
    assert "Engineering" in svg


def test_profit_over_time_is_a_line(tmp_path: Path) -> None:
    run = ask("Chart of profit over time", tmp_path, tables.LEDGER)
    drawn = [call for call in run.tool_calls if call.tool == "draw_chart"]
    assert [call.arguments["kind"] for call in drawn] == ["line"]
    assert (tmp_path / "out" / "chart_result_month.svg").exists()


def test_a_forecast_names_its_method_and_its_error(tmp_path: Path) -> None:
    run = ask("Forecast next quarter's revenue", tmp_path, tables.LEDGER)
    assert run.keys == ("extract", "forecast")
    assert "Revenue for 2026-01 to 2026-03: about" in run.answer
    assert "mean error of this method on past quarters" in run.answer


def test_a_forecast_from_too_few_months_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "short.csv"
    lines = ["date,region,revenue"]
    lines += [f"2025-{m:02d}-{d},{r},10.5" for m in (1, 2, 3) for d in (10, 28) for r in "NS"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    run = ask("Forecast revenue", tmp_path, path)
    assert "needs at least 9 complete months" in run.failures["forecast"]


def test_arithmetic_is_one_task_and_needs_no_file(tmp_path: Path) -> None:
    run = ask("what is 17.5 % of 4,230?", tmp_path)
    assert run.plan is not None
    assert run.plan.complexity < 0.3
    assert run.keys == ("calculate",)
    assert run.answer.startswith("**740.25**")


def test_an_impossible_calculation_says_what_the_tool_said(tmp_path: Path) -> None:
    run = ask("what is 5 / 0?", tmp_path)
    assert run.failures["calculate"] == run.tool_failures[0]


def test_a_file_is_described_column_by_column(tmp_path: Path) -> None:
    run = ask("describe this file", tmp_path, tables.french(tmp_path))
    assert "is a table of 36 rows and 5 columns" in run.answer
    assert "| Cat\u00e9gorie | text | dimension |" in run.answer


def test_a_text_is_quoted_and_never_paraphrased(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    text = (
        "The sensor business grew strongly in the north this year. Nobody likes the old office."
        " We need more people for the sensor business soon. The sensor business pays the rent."
    )
    path.write_text(text, encoding="utf-8")
    run = ask("Summarise this text", tmp_path, path)
    quoted = [line[2:] for line in run.answer.splitlines() if line.startswith("> ")]
    assert quoted
    assert all(line in text for line in quoted)
    assert "not a summary in other words" in run.answer


def test_past_conversations_are_searched_for_the_topic(tmp_path: Path) -> None:
    run = ask("what did we answer last time about travel costs?", tmp_path)
    assert run.keys == ("recall",)
    assert run.tool_calls[0].arguments["text"] == "travel costs"
    assert "No earlier conversation" in run.answer


@pytest.mark.parametrize(
    ("request_text", "reason"),
    [
        ("Write a poem about autumn", "creative writing"),
        ("Book a flight to Berlin for Monday", "booking or buying"),
        ("Translate this into French", "translating"),
        ("Give me legal advice on my lease", "legal advice"),
        ("Generate a Q4 financial report with charts", "no file was given"),
        ("Send an email to Bob", "writing or sending letters"),
        ("hello", "found nothing in this request"),
    ],
)
def test_what_nobody_can_serve_is_declined_with_a_reason_and_a_way_out(
    tmp_path: Path, request_text: str, reason: str
) -> None:
    run = ask(request_text, tmp_path)
    assert not run.intent.servable
    assert reason in run.intent.reason
    assert "ANTHROPIC_API_KEY" in run.intent.reason
