"""The small rules: languages, periods, arithmetic, sides of a ledger, quoting."""

from __future__ import annotations

import csv
import runpy
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infrastructure.models.offline.calculation import read_expression
from infrastructure.models.offline.figures import amount, cell, change
from infrastructure.models.offline.forecast import run_trials
from infrastructure.models.offline.language import detect_language
from infrastructure.models.offline.periods import (
    covered_until,
    find_mentions,
    is_range,
    resolve,
    span,
)
from infrastructure.models.offline.sql import identifier, literal
from infrastructure.models.offline.vocabulary import side_of
from tests.support import offline_tables as tables

MONTHS = [date(2024 + (9 + n) // 12, (9 + n) % 12 + 1, 1) for n in range(15)]
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Generate a Q4 financial report with charts", "en"),
        ("Forecast next quarter's revenue", "en"),
        ("Erstelle einen Bericht f\u00fcr das vierte Quartal", "de"),
        ("Fais un rapport financier du T4 avec des graphiques", "fr"),
        ("\u00bfCu\u00e1l fue el producto con m\u00e1s ingresos?", "es"),
        ("Qual era il prodotto con il fatturato pi\u00f9 alto nel trimestre?", "it"),
        ("Qual foi o produto com mais receita e n\u00e3o custos?", "pt"),
        ("", "en"),
    ],
)
def test_the_language_is_told_by_common_words(text: str, language: str) -> None:
    assert detect_language(text) == language


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Q4 report", "Q4 2025"),
        ("report for Q4 2024", "Q4 2024"),
        ("third quarter", "Q3 2025"),
        ("im 4. Quartal 2024", "Q4 2024"),
        ("rapport du T2", "Q2 2025"),
        ("cuarto trimestre de 2024", "Q4 2024"),
        ("erstes Halbjahr 2025", "H1 2025"),
        ("sales in November", "November 2025"),
        ("sales in 2025-03", "March 2025"),
        ("results of 2025", "2025"),
        ("last quarter", "Q4 2025"),
        ("letztes Quartal", "Q4 2025"),
        ("dernier mois", "December 2025"),
        ("2025Q1", "Q1 2025"),
    ],
)
def test_a_period_is_resolved_against_the_data(text: str, label: str) -> None:
    found = resolve(find_mentions(text)[0], MONTHS, date(2025, 12, 31))
    assert found is not None
    assert found.label == label


def test_the_last_quarter_is_the_last_complete_one() -> None:
    mention = find_mentions("last quarter")[0]
    found = resolve(mention, MONTHS[:-1], date(2025, 11, 30))
    assert found is not None
    assert found.label == "Q3 2025"


def test_a_quarter_that_no_year_of_the_data_holds_is_not_resolved() -> None:
    assert resolve(find_mentions("Q2")[0], MONTHS[:3], date(2024, 12, 31)) is None


def test_words_that_only_look_like_months_are_left_alone() -> None:
    assert find_mentions("You may show the marketing costs") == ()


def test_two_months_with_to_between_them_are_one_span() -> None:
    text = "revenue from January to March 2025"
    assert is_range(text, find_mentions(text))


def test_monthly_bookings_on_the_first_count_as_whole_months() -> None:
    assert covered_until([date(2025, m, 1) for m in (1, 2, 3)]) == date(2025, 3, 31)


@given(first=st.integers(2000 * 12, 2030 * 12), months=st.integers(1, 24), by=st.integers(-24, 24))
def test_a_span_shifted_there_and_back_is_the_same(first: int, months: int, by: int) -> None:
    whole = span(first, months)
    assert whole.shifted(by).shifted(-by) == whole
    assert whole.months == months


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        ("what is 17.5 % of 4,230?", "en", 740.25),
        ("Was ist 17,5 % von 4.230,50?", "de", 740.3375),
        ("100 + 19 %", "en", 119.0),
        ("(3 + 4) * 2^3", "en", 56.0),
        ("12 x 13", "en", 156.0),
        ("1,000,000 / 8", "en", 125000.0),
        ("combien font 12 fois 3,5 ?", "fr", 42.0),
        ("1'000.50 * 2", "en", 2001.0),
    ],
)
def test_arithmetic_is_read_in_the_notation_of_the_language(
    text: str, language: str, value: float
) -> None:
    expression = read_expression(text, language)
    assert expression is not None
    assert set(expression) <= set("0123456789.+-*/() ")
    assert eval(expression) == pytest.approx(value)  # noqa: S307 - only figures, see above


@pytest.mark.parametrize(
    "text", ["what is Q4 revenue?", "2025-10", "10/2025", "17.5", "", "report 2 + 2 for Bob", "?"]
)
def test_what_is_no_arithmetic_is_not_read_as_such(text: str) -> None:
    assert read_expression(text, "en") is None


@pytest.mark.parametrize(
    ("value", "side"),
    [
        ("Revenue", "revenue"),
        ("Umsatzerl\u00f6se", "revenue"),
        ("Recette", "revenue"),
        ("Cost of sales", "expenses"),
        ("Aufwand", "expenses"),
        ("D\u00e9pense", "expenses"),
        ("Umsatzsteuer", "balance"),
        ("Bank", "balance"),
        ("Blue", None),
    ],
)
def test_a_cell_is_put_on_its_side_of_the_ledger(value: str, side: str | None) -> None:
    assert side_of(value) == side


@settings(max_examples=100, deadline=None)
@given(name=NAMES, value=NAMES)
def test_names_and_values_come_back_from_duckdb_as_they_were(name: str, value: str) -> None:
    import duckdb

    with duckdb.connect() as connection:
        connection.execute(f"SELECT {literal(value)} AS {identifier(name)}")
        assert [column[0] for column in connection.description or ()] == [name]
        assert connection.fetchall() == [(value,)]


@given(st.text(max_size=200))
def test_a_cell_never_breaks_its_table(text: str) -> None:
    written = cell(text)
    assert "\n" not in written
    assert "|" not in written.replace("\\\\", "").replace("\\|", "")


def test_figures_are_written_one_way() -> None:
    assert amount(1234567.891) == "1,234,567.89"
    assert amount(-0.001) == "0.00"
    assert change(110, 100) == "+10.0%"
    assert change(-50, -100) == "+50.0%"
    assert change(5, 0) == "\u2013"


def test_a_straight_rise_is_forecast_by_the_straight_line() -> None:
    best = run_trials([100.0 + 10 * n for n in range(15)])[0]
    assert best.name == "straight line through all months"
    assert best.error == pytest.approx(0)
    assert best.months == pytest.approx((250.0, 260.0, 270.0))


def test_the_example_ledger_is_what_its_script_makes(tmp_path: Path) -> None:
    script = runpy.run_path(str(tables.LEDGER.with_name("make_ledger.py")))
    script["write"](tmp_path / "ledger.csv")
    assert (tmp_path / "ledger.csv").read_bytes() == tables.LEDGER.read_bytes()


def test_the_example_ledger_has_the_quarters_and_the_blemishes_it_promises() -> None:
    with tables.LEDGER.open(encoding="utf-8", newline="") as file:
        ledger = list(csv.DictReader(file))
    assert 400 <= len(ledger) <= 600
    assert {"2024-10", "2025-07", "2025-12"} <= {row["date"][:7] for row in ledger}
    assert sum(row["amount"] == "" for row in ledger) == 2
    assert {row["currency"] for row in ledger} == {"EUR"}
    assert len({row["entry"] for row in ledger}) == len(ledger)
