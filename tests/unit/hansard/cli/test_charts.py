"""Charts say with characters how large values are beside each other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hansard.cli.charts import BLOCKS, LEVELS, bar, sparkline

AMOUNTS = st.floats(0, 1e12)


def test_a_bar_is_as_long_as_its_value_is_large() -> None:
    assert bar(10, 10, width=4) == "████"
    assert bar(5, 10, width=4) == "██"
    assert bar(0, 10) == bar(0, 0) == ""
    assert bar(1, 1e9, width=4) == BLOCKS[0]


@given(AMOUNTS, AMOUNTS, st.integers(1, 40))
def test_a_bar_fits_its_width_and_shows_whatever_there_is(
    value: float, most: float, width: int
) -> None:
    drawn = bar(value, most, width)

    assert len(drawn) <= width
    assert bool(drawn) == (value > 0 and most > 0)
    assert set(drawn) <= set(BLOCKS)


def test_a_sparkline_has_a_column_for_each_value() -> None:
    assert sparkline([0, 1, 4, 8]) == " ▂▅█"
    assert sparkline([]) == ""
    assert sparkline([0, 0]) == "  "


@given(st.lists(AMOUNTS, max_size=50))
def test_the_largest_value_of_a_sparkline_is_full(values: list[float]) -> None:
    drawn = sparkline(values)

    assert len(drawn) == len(values)
    if any(values):
        assert drawn[values.index(max(values))] == LEVELS[-1]
