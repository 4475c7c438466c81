"""Wording: figures as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from infrastructure.report import wording


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0 ms"),
        (0.0004, "0.4 ms"),
        (0.25, "250 ms"),
        (1.0, "1.0 s"),
        (59.94, "59.9 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (5400, "1 h 30 min"),
        (86_400, "1 d"),
        (90_000, "1 d 1 h"),
    ],
)
def test_a_length_of_time_is_told_by_its_two_largest_units(seconds: float, text: str) -> None:
    assert wording.span(seconds) == text


@pytest.mark.parametrize(
    ("dollars", "text"),
    [
        (None, "-"),
        (0, "0.00"),
        (Decimal("0.00012"), "0.0001"),
        (Decimal("12.3456"), "12.3456"),
        (1234.5, "1,234.50"),
    ],
)
def test_small_sums_keep_the_digits_that_tell_them_apart(
    dollars: Decimal | float | None, text: str
) -> None:
    assert wording.money(dollars) == text


def test_counts_means_and_shares() -> None:
    assert wording.number(1_234_567) == "1,234,567"
    assert wording.number(2.25) == "2.2"
    assert wording.number(None) == "-"
    assert wording.share(0.9712) == "97.1%"
    assert wording.share(0.0002) == "<0.1%"
    assert wording.share(0) == "0.0%"
    assert wording.share(None) == "-"
    assert wording.plural(1, "session") == "1 session"
    assert wording.plural(2_000, "session") == "2,000 sessions"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (9_999_999, "9,999,999"),
        (10_000_000, "10.0 M"),
        (758_434_542, "758.4 M"),
        (12_340_000_000, "12.3 bn"),
    ],
)
def test_counts_that_nobody_could_read_at_a_glance_are_rounded(count: int, text: str) -> None:
    assert wording.rounded(count) == text


def test_moments_stand_in_utc() -> None:
    moment = datetime(2026, 10, 3, 14, 30, 15, tzinfo=timezone(timedelta(hours=2)))

    assert wording.clock_time(moment) == "2026-10-03 12:30:15 UTC"
    assert wording.minute(moment) == "2026-10-03 12:30"
    assert wording.clock_time(None) == "-"


def test_a_moment_to_come_is_no_time_ago() -> None:
    now = datetime(2026, 10, 3, tzinfo=UTC)

    assert wording.since(now + timedelta(seconds=5), now) == "0.0 ms"
    assert wording.since(now - timedelta(minutes=5), now) == "5 min"


def test_a_long_text_is_brought_onto_one_line_and_cut() -> None:
    assert wording.short("a\n  b\tc") == "a b c"
    assert len(wording.short("word " * 100)) == 160
    assert wording.short("word " * 100).endswith("…")


def test_figures_of_forecasts_have_their_unit() -> None:
    assert wording.amount(3.14, "tasks") == "3.1"
    assert wording.amount(90, "s") == "1 min 30 s"
    assert wording.amount(1.5, "USD") == "1.5000"
