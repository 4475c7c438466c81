"""Nothing that a model or a file says may control a terminal, and all that it says is kept."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansard.cli.terminal import clean, print_json

DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
ORDINARY = st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters=DIRECTIONS))
HOSTILE = st.lists(
    st.one_of(
        st.text(),
        st.characters(max_codepoint=0x9F),
        st.sampled_from(DIRECTIONS),
        st.sampled_from(["\x1b[31m", "\x1b[2J", "\x1b]0;title\x07", "\x1bP+q\x1b\\", "\x1b(0"]),
    )
).map("".join)


def is_harmless(text: str) -> bool:
    return not any(
        sign in DIRECTIONS or (unicodedata.category(sign) == "Cc" and sign not in "\n\t")
        for sign in text
    )


@given(HOSTILE)
def test_no_control_character_survives(text: str) -> None:
    cleaned = clean(text)

    assert is_harmless(cleaned)
    assert clean(cleaned) == cleaned


@given(ORDINARY)
def test_ordinary_text_survives_as_it_is(text: str) -> None:
    assert clean(text) == text
    assert clean(f"{text}\n\t{text}") == f"{text}\n\t{text}"


@given(ORDINARY, ORDINARY)
def test_what_stands_around_a_sequence_survives(before: str, after: str) -> None:
    for sequence in ("\x1b[1;31m", "\x1b[2J", "\x1b]8;;http://x\x1b\\", "\x1b]0;t\x07", "\x1bc"):
        assert clean(f"{before}{sequence}{after}") == before + after


@pytest.mark.parametrize("start", ["\x1b]", "\x1bP", "\x1b_", "\x9d"])
def test_a_sequence_that_never_ends_swallows_nothing(start: str) -> None:
    assert clean(f"Before. {start}0;The result is 42.") == "Before. 0;The result is 42."


@given(HOSTILE)
def test_json_is_harmless_and_loses_nothing(text: str) -> None:
    with pytest.MonkeyPatch.context() as patched:
        said: list[str] = []
        patched.setattr("click.echo", said.append)
        print_json({"text": text.encode("utf-8", "replace").decode()})

    assert is_harmless(said[0])
    assert json.loads(said[0]) == {"text": text.encode("utf-8", "replace").decode()}
