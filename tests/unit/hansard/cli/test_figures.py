"""Figures are shown in the unit that suits them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from hansard.cli.figures import count, duration, moment, money, share, span


@pytest.mark.parametrize(
    ("ms", "shown"),
    [
        (None, "-"),
        (0, "0ms"),
        (0.25, "0.2ms"),
        (42.4, "42ms"),
        (999.9, "1000ms"),
        (1234, "1.23s"),
        (59_994, "59.99s"),
        (61_000, "1m01s"),
        (3_661_000, "1h01m"),
        (90_000_000, "1d01h"),
    ],
)
def test_durations(ms: float | None, shown: str) -> None:
    assert duration(ms) == shown


def test_a_time_that_lies_ahead_is_none() -> None:
    assert span(timedelta(seconds=-3)) == "0.00s"


def test_counts_money_shares_and_moments() -> None:
    assert count(1_234_567) == "1,234,567"
    assert (money(None), money(Decimal("1234.56789"))) == ("-", "1,234.5679")
    assert (share(None), share(0.125), share(1.0)) == ("-", "12%", "100%")
    east = datetime(2026, 10, 3, 14, tzinfo=timezone(timedelta(hours=2)))
    assert (moment(None), moment(east)) == ("-", "2026-10-03T12:00:00Z")
    assert moment(east.astimezone(UTC)) == moment(east)
