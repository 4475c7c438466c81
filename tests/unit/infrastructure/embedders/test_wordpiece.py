"""WordPiece: the tokens are those of the model's own tokeniser."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.embedders.vocabulary import vocabulary
from infrastructure.embedders.wordpiece import LONGEST_WORD, WordPiece

TOKENS = WordPiece(vocabulary())
LIMIT = 1000


def tokens(text: str, limit: int = LIMIT) -> str:
    return " ".join(vocabulary()[number] for number in TOKENS.numbers(text, limit))


# Checked against the library `tokenizers` with the model's own tokenizer.json.
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World! It's 3.14.", "hello , world ! it ' s 3 . 14 ."),
        ("Café Zürich naïve", "cafe zurich naive"),
        ("東京都 is Tokyo", "東 京 都 is tokyo"),
        ("tok\x0beni\u200bsation\ttab\u00a0space", "token ##isation tab space"),
        ("unbelievably", "un ##bel ##ie ##va ##bly"),
        ("x" * (LONGEST_WORD + 1), "[UNK]"),
        ("\U0001f642 ok", "[UNK] ok"),
        ("ЁЖ ΔΊΩΣ ß", "е ##ж δ ##ι ##ω ##σ ß"),  # noqa: RUF001 - Greek and Cyrillic
        ("a\ufffdb\x00c\x85d", "abc ##d"),
        ("FIN_007 $1,234.50", "fin _ 00 ##7 $ 1 , 234 . 50"),
        ("한국어", "ᄒ ##ᅡ ##ᆫ ##ᄀ ##ᅮ ##ᆨ ##ᄋ ##ᅥ"),
        ("", ""),
        (" \n\u2003", ""),
    ],
)
def test_text_is_cut_like_the_models_own_tokeniser_cuts_it(text: str, expected: str) -> None:
    assert tokens(text) == expected


def test_words_that_look_like_special_tokens_are_words() -> None:
    assert tokens("[CLS]") == "[ cl ##s ]"


@given(st.text(), st.integers(1, 20))
def test_a_limit_keeps_the_beginning(text: str, limit: int) -> None:
    assert TOKENS.numbers(text, limit) == TOKENS.numbers(text, LIMIT)[:limit]


@given(st.lists(st.text(st.characters(exclude_categories=["Zs", "Zl", "Zp", "Cc"]), min_size=1)))
def test_words_between_blanks_do_not_change_each_other(words: list[str]) -> None:
    assert TOKENS.numbers(" ".join(words), 10_000) == [
        number for word in words for number in TOKENS.numbers(word, 10_000)
    ]


def test_a_text_without_blanks_costs_no_more_than_its_limit() -> None:
    assert len(TOKENS.numbers("ab-" * 2_000_000, 256)) == 256


def test_what_was_seen_before_is_cut_the_same_way_again() -> None:
    fresh = WordPiece(vocabulary())
    first = fresh.numbers("Zürich, again", LIMIT)

    assert fresh.numbers("Zürich, again", LIMIT) == first == TOKENS.numbers("Zürich, again", LIMIT)
