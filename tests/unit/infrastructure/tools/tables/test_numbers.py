"""Numbers: whatever a locale writes is read back."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.tools.tables.numbers import Separator, looks_like_number, read_shape

AMOUNTS = st.decimals(min_value=Decimal("-1e12"), max_value=Decimal("1e12"), places=2)


@given(amount=AMOUNTS, marks=st.sampled_from([(",", "."), (".", ","), ("'", "."), (" ", ",")]))
def test_grouped_amounts_are_numbers_with_their_separator(
    amount: Decimal, marks: tuple[str, str]
) -> None:
    group, point = marks
    text = f"{amount:,}".translate(str.maketrans(",.", group + point))
    figure = read_shape(text)
    assert figure is not None
    assert figure.separator is {".": Separator.POINT, ",": Separator.COMMA}[point]
    assert (figure.fraction, figure.whole) == (2, len(f"{abs(amount):.2f}") - 3)


@pytest.mark.parametrize(
    "text", ["", "abc", "1.2.3", "1,23,4", "--5", "(-5)", "(5", "5)", "$5 EUR", "1-2", "12:30", "."]
)
def test_other_texts_are_no_numbers(text: str) -> None:
    assert not looks_like_number(text)


@given(st.text(max_size=12))
def test_no_text_breaks_the_reader(text: str) -> None:
    assert looks_like_number(text) in {True, False}
