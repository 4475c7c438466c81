"""Names: what is embedded is free of who speaks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.embedders.names import embeddable

HANDLES = ("NOVA", "FIN_007", "FIN_0071", "IT", "Ada Lovelace")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NOVA, what did we spend?", "what did we spend?"),
        ("@nova what did we spend?", "what did we spend?"),
        (" nova : what did we spend?", "what did we spend?"),
        ("the nova, a star", "the nova, a star"),
        ("ask fin_007: is it late?", "ask is it late?"),
        ("FIN_0071 and FIN_007 agree", "and agree"),
        ("It is late, says IT", "It is late, says"),
        ("Ada Lovelace wrote\nthe first  one", "wrote\nthe first one"),
        ("NOVAS and INNOVATION stay", "NOVAS and INNOVATION stay"),
        ("no names here", "no names here"),
    ],
)
def test_names_are_taken_out_and_ordinary_words_stay(text: str, expected: str) -> None:
    assert embeddable(text, HANDLES) == expected


def test_a_text_of_nothing_but_names_stays_as_it_is() -> None:
    assert embeddable("@NOVA, FIN_007!", HANDLES) == "@NOVA, FIN_007!"


def test_characters_of_a_name_have_no_meaning_of_their_own() -> None:
    assert embeddable("what is a.b to axb?", ["a.b", "", " "]) == "what is to axb?"


@given(st.text())
def test_without_names_nothing_changes(text: str) -> None:
    assert embeddable(text, ()) == text


@given(st.text(), st.lists(st.text(min_size=1)))
def test_any_names_can_be_taken_out_of_any_text(text: str, names: list[str]) -> None:
    assert len(embeddable(text, names)) <= len(text)
