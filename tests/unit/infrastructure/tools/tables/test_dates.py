"""Dates: whatever a locale writes is read back, and nothing is read that is no date."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.tools.tables.dates import Order, looks_like_date, read_column, read_moment

DAYS = st.dates(date(1970, 1, 1), date(2068, 12, 31))


@given(day=DAYS, form=st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%d %B %Y", "%d-%b-%y"]))
def test_days_in_every_form_are_read_back(day: date, form: str) -> None:
    moment = read_moment(day.strftime(form), Order.DAY_FIRST)
    assert moment is not None
    assert moment.when.date() == day


@given(day=DAYS)
def test_the_order_decides_what_stands_first(day: date) -> None:
    moment = read_moment(f"{day:%m/%d/%Y}", Order.MONTH_FIRST)
    assert moment is not None
    assert moment.when.date() == day


@given(st.text(max_size=20))
def test_no_text_breaks_the_reader(text: str) -> None:
    assert looks_like_date(text) in {True, False}


@pytest.mark.parametrize(
    "text", ["", "30.02.2026", "2026-13-01", "1.2.3", "Smarch 2026", "99/99/99"]
)
def test_what_is_no_day_is_no_date(text: str) -> None:
    assert not looks_like_date(text)


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("25.03.2026 14:30", datetime(2026, 3, 25, 14, 30)),  # noqa: DTZ001  # without a zone
        ("03/25/2026 2:30 PM", datetime(2026, 3, 25, 14, 30)),  # noqa: DTZ001
        ("2026-03-25 14:30:00 +02:00", datetime(2026, 3, 25, 12, 30)),  # noqa: DTZ001  # UTC
        ("2026-03-25T14:30:00.123456789Z", datetime(2026, 3, 25, 14, 30, 0, 123456)),  # noqa: DTZ001
    ],
)
def test_times_of_day_are_read(text: str, when: datetime) -> None:
    moment = read_moment(text, Order.MONTH_FIRST) or read_moment(text, Order.DAY_FIRST)
    assert moment is not None
    assert moment.when == when


def test_firsts_of_months_tell_the_order() -> None:
    column = read_column(
        dict.fromkeys(["01/02/2026", "01/03/2026", "01/04/2026"], 1), day_first_hint=False
    )
    assert (column.order, column.assumed) == (Order.DAY_FIRST, True)
    assert column.strangers == []
