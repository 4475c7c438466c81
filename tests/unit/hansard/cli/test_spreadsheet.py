"""CSV holds numbers as numbers and text as text, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.value import Value
from hansard.cli.spreadsheet import FORMULA_STARTS, cell, print_csv, print_figures, print_views


class CityView(Value):
    """A city, as a view."""

    name: str
    sights: tuple[str, ...] = ()
    budget: Decimal | None = None
    by_year: dict[str, int] = {}


def parsed(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_no_text_begins_a_formula(start: str) -> None:
    shown = str(cell(f"{start}HYPERLINK(1)"))

    assert shown.startswith("'")
    assert "HYPERLINK(1)" in shown


@given(st.text())
def test_whatever_is_said_begins_no_formula(text: str) -> None:
    shown = str(cell(text))

    assert not shown.startswith(FORMULA_STARTS)
    assert "\x1b" not in shown


@pytest.mark.parametrize("number", [0, -5, -0.5, Decimal("-0.0125"), True, None, 10**30], ids=repr)
def test_numbers_stay_numbers(number: object) -> None:
    assert cell(number) == number


def test_times_and_ids_are_text() -> None:
    assert cell(datetime(2026, 10, 3, 12, tzinfo=UTC)) == "2026-10-03T12:00:00+00:00"
    assert cell(UUID(int=7)) == str(UUID(int=7))


def test_control_sequences_go_before_the_first_character_counts() -> None:
    assert cell("\x1b[31m=1+1") == "'=1+1"


def test_rows_come_under_their_columns(capsys: pytest.CaptureFixture[str]) -> None:
    print_csv(("name", "said"), [("a", 'quotes " and, commas'), ("b", "two\nlines")])

    assert parsed(capsys.readouterr().out) == [
        ["name", "said"],
        ["a", 'quotes " and, commas'],
        ["b", "two\nlines"],
    ]


def test_a_view_is_a_row_and_an_inner_mapping_is_columns(
    capsys: pytest.CaptureFixture[str],
) -> None:
    view = CityView(name="Rome", sights=("a", "b"), budget=Decimal("1.50"), by_year={"2026": 3})

    print_views([view], CityView)
    print_views([], CityView)

    lines = parsed(capsys.readouterr().out)
    assert lines == [
        ["name", "sights", "budget", "2026"],
        ["Rome", "a b", "1.50", "3"],
        ["name", "sights", "budget", "by_year"],
    ]


def test_figures_of_one_view_are_rows(capsys: pytest.CaptureFixture[str]) -> None:
    view: Any = CityView(name="=Rome", sights=("a", "b"), by_year={"2026": 3})

    print_figures(view)

    assert parsed(capsys.readouterr().out) == [
        ["figure", "value"],
        ["name", "'=Rome"],
        ["sights.1", "a"],
        ["sights.2", "b"],
        ["budget", ""],
        ["by_year.2026", "3"],
    ]
