"""Templates keep types, say what is missing, and never look through what was filled in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from domain.template import MAX_FILLED, UnfilledError, fill, fill_text, references_in

VALUES: dict[str, JsonValue] = {
    "extract": {"summary": "Done.", "data": {"rows": [1, {"k": "v"}], "none": None}},
    "input": {"quarter": "Q4"},
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("{{extract.data.rows}}", [1, {"k": "v"}]),
        ("{{ extract.data.rows.1.k }}", "v"),
        ("{{extract.data.none}}", None),
        ("In {{input.quarter}}: {{extract.data.rows}}", 'In Q4: [1, {"k": "v"}]'),
        ("{{input.quarter}}{{input.quarter}}", "Q4Q4"),
        (r"\{{input.quarter}}", "{{input.quarter}}"),
        ({"a": ["{{input.quarter}}", 3], "{{b}}": True}, {"a": ["Q4", 3], "{{b}}": True}),
        ("no reference", "no reference"),
    ],
)
def test_references_give_way_to_values(template: JsonValue, filled: JsonValue) -> None:
    assert fill(template, VALUES) == filled


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{extract.data.row}}", "{{extract.data.row}} has no value: 'extract.data' has 'none',"),
        ("{{extract.data.rows.2}}", "'extract.data.rows' is a list of 2"),
        ("{{extract.data.rows.-1}}", "'extract.data.rows' is a list of 2"),
        ("{{extract.summary.x}}", "'extract.summary' has no parts"),
        ("{{other.data}}", "what is known has 'extract', 'input'"),
    ],
)
def test_a_missing_value_is_told_with_what_there_is(template: str, said: str) -> None:
    with pytest.raises(UnfilledError) as caught:
        fill(template, VALUES)
    assert said in str(caught.value)


def test_a_text_stays_a_text() -> None:
    assert fill_text("{{extract.data.rows.0}}", VALUES) == "1"


def test_a_text_may_not_grow_without_end() -> None:
    values: dict[str, JsonValue] = {"long": "x" * (MAX_FILLED // 2)}
    with pytest.raises(UnfilledError, match="grows to"):
        fill("{{long}} {{long}}", values)


def test_what_is_referred_to_is_listed_in_order() -> None:
    found = list(references_in({"a": ["{{x.y}}", r"\{{no}}"], "b": "{{ z }} and {{ not so }}"}))
    assert [reference.name for reference in found] == ["x.y", "z", "not so"]
    assert [reference.valid for reference in found] == [True, True, False]
    (open_one,) = references_in("{{never closed")
    assert not open_one.valid


@given(json_values)
def test_a_value_is_filled_in_as_it_is_and_never_looked_through(value: JsonValue) -> None:
    assert fill("{{it}}", {"it": value}) == value
    assert fill_text("{{it}}", {"it": "{{it}}"}) == "{{it}}"
