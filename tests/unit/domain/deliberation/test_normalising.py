from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from domain.deliberation.normalising import normalise


@pytest.mark.parametrize(
    ("answer", "normal"),
    [
        ("  **Yes.** ", "yes"),
        ('"Approve"', "approve"),
        ("new\n  york", "new york"),
        ("\uff21pprove", "approve"),
        ("42", "42"),
        ("42.0", "42"),
        ("+42.00", "42"),
        (42, "42"),
        (42.0, "42"),
        (0.1, "0.1"),
        (-0.0, "0"),
        ("1,000", "1,000"),
        ("20 %", "20 %"),
        (True, "yes"),
        (False, "no"),
        ("...", "..."),
        ({"b": 2.0, "a": "X"}, '{"a": "x", "b": "2"}'),
        (["B", 1], '["b", "1"]'),
    ],
)
def test_answers_that_say_the_same_in_the_same_words_are_equal(
    answer: JsonValue, normal: str
) -> None:
    assert normalise(answer) == normal


@pytest.mark.parametrize("answer", [None, "", "  \n", [], {}])
def test_nothing_is_no_answer(answer: JsonValue) -> None:
    assert normalise(answer) is None


@given(st.text(max_size=40))
def test_a_normalised_text_stays_as_it_is(text: str) -> None:
    once = normalise(text)

    assert once is None or normalise(once) in (once, normalise(normalise(once)))


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9
    )
)
def test_a_number_is_equal_however_many_zeros_follow(number: object) -> None:
    plain = f"{number:f}"

    assert normalise(plain) == normalise(plain + "000")
