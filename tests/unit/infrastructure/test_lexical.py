"""Lexical weights: BM25 whose parts are frozen, so that past rankings stay as they were."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure import lexical
from infrastructure.lexical import (
    DIMENSIONS,
    MOST_TERMS,
    document_weights,
    query_weights,
    rarity,
    sparse_text,
    words,
)


def score(query: str, document: str) -> float:
    weights = document_weights(document)
    return sum(by * weights.get(dimension, 0.0) for dimension, by in query_weights(query).items())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Café costs 3.50 €", ["the", "cafe", "cost", "3", "50"]),
        ("FIN_007's queries", ["fin", "007", "s", "query"]),
        ("policies, classes, caches", ["policy", "class", "cache"]),
        ("gas, status, analysis, ties", ["gas", "status", "analysis", "tie"]),
        ("Straße STRASSE", ["strasse", "strasse"]),
        ("ﬁne Ｗｉｄｅ", ["fine", "wide"]),  # noqa: RUF001 - forms of other widths
        ("東京都", ["東", "京", "都", "東京", "京都"]),
        ("GPU価格2024年", ["gpu", "価", "格", "価格", "2024", "年"]),
        ("한국", ["한", "국", "한국"]),
        ("हिन्दी", ["हिनदी"]),
        ("Ελλάδα ΕΛΛΆΔΑ", ["ελλαδα", "ελλαδα"]),
        ("\x00 \ud800 — …", []),
    ],
)
def test_text_is_cut_into_terms_whatever_its_script(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_rare_words_weigh_more_than_frequent_ones_and_unknown_ones_most() -> None:
    ordered = [rarity(word) for word in ("the", "with", "company", "revenue", "qzxv")]

    assert ordered == sorted(ordered)
    assert 0 < ordered[0] < 0.1
    assert ordered[-1] == pytest.approx(9.91, abs=0.01)


def test_a_documents_weights_follow_the_formula() -> None:
    [weight] = document_weights("travel travel travel").values()

    norm = 1.2 * (1 - 0.75 + 0.75 * 3 / lexical.AVERAGE_LENGTH)
    assert weight == pytest.approx(3 * 2.2 / (3 + norm))


def test_the_weights_of_version_1_never_change() -> None:
    """What is stored was weighed so; another result needs another version."""
    assert lexical.VERSION == 1
    assert document_weights("Travel costs: travel!") == pytest.approx(
        {121630590: 1.87633, 626026663: 1.63569}, rel=1e-5
    )
    assert query_weights("What were the travel costs?") == pytest.approx(
        {
            121630590: 5.70017,
            258796590: 0.00564374,
            520647135: 1.67616,
            626026663: 5.61361,
            663665567: 2.48362,
        },
        rel=1e-5,
    )


def test_what_is_written_is_what_the_database_reads() -> None:
    text = sparse_text({5: 1.5, 0: 0.25})

    assert text == f"{{1:0.25,6:1.5}}/{DIMENSIONS}"
    assert sparse_text({}) == f"{{}}/{DIMENSIONS}"


def test_a_document_with_the_words_of_a_query_is_first() -> None:
    documents = ["costs of travel in March", "travel plans", "a list of costs", "the weather"]

    scores = [score("What did travel cost in March?", document) for document in documents]

    assert scores[0] == max(scores)
    assert scores[3] < min(scores[:3])


def test_of_very_many_terms_as_many_as_fit_are_kept() -> None:
    text = " ".join(f"word{number}" for number in range(MOST_TERMS + 500)) + " kept kept"

    weights = document_weights(text)

    assert len(weights) == MOST_TERMS
    assert document_weights("kept").keys() <= weights.keys()
    assert len(query_weights(text)) == MOST_TERMS


@given(st.text())
def test_any_text_has_weights_that_the_database_can_hold(text: str) -> None:
    for weights in (document_weights(text), query_weights(text)):
        assert all(0 <= dimension < DIMENSIONS for dimension in weights)
        assert all(0 < weight < math.inf for weight in weights.values())
        written = sparse_text(weights)
        assert re.fullmatch(r"\{(\d+:[\d.e+-]+(,\d+:[\d.e+-]+)*)?\}/1000000000", written)


@given(st.lists(st.text(min_size=1)))
def test_the_order_of_chunks_does_not_matter(chunks: list[str]) -> None:
    forward, backward = document_weights(" ".join(chunks)), document_weights(" ".join(chunks[::-1]))

    assert forward == pytest.approx(backward)


def test_words_seen_before_are_weighed_like_new_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "Zürich Zürich, travel costs"
    before = document_weights(text)
    monkeypatch.setattr(lexical, "_known", {})
    monkeypatch.setattr(lexical, "CACHED_CHUNKS", 1)

    assert document_weights(text) == document_weights(text) == before


def test_different_words_rarely_share_a_dimension() -> None:
    terms = [f"term{number}" for number in range(20_000)]

    assert len({dimension for term in terms for dimension in query_weights(term)}) > 19_990
