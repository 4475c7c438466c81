"""Retrieval on real text: first lines of docstrings find the docstrings they belong to.

The floors lie a few points below what `benchmarks.retrieval` measures with Python 3.11, since each
version of Python has other docstrings.
"""

from __future__ import annotations

import pytest

from benchmarks.ranking import Hits, Scores, fused, hits, lexical_scores, vector_scores
from benchmarks.texts import Pair, standard_library
from infrastructure.embedders.deterministic import DeterministicEmbedder
from infrastructure.embedders.port import Embedder
from infrastructure.embedders.static import StaticEmbedder
from infrastructure.lexical import document_weights, query_weights

QUERIES = 1200


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    found = standard_library(QUERIES)
    assert len(found) >= 1000
    return found


@pytest.fixture(scope="module")
def words(pairs: list[Pair]) -> Scores:
    return lexical_scores(
        [query_weights(pair.query) for pair in pairs],
        [document_weights(pair.document) for pair in pairs],
    )


def meaning(embedder: Embedder, pairs: list[Pair]) -> Scores:
    return vector_scores(
        embedder.embed, [pair.query for pair in pairs], [pair.document for pair in pairs]
    )


@pytest.fixture(scope="module")
def static(pairs: list[Pair]) -> Scores:
    return meaning(StaticEmbedder(), pairs)


def assert_at_least(found: Hits, at_1: float, at_10: float) -> None:
    assert found.at_1 >= at_1, found
    assert found.at_10 >= at_10, found


def test_words_find_what_answers(words: Scores) -> None:
    assert_at_least(hits(words), at_1=30, at_10=56)


def test_the_static_table_finds_what_answers(static: Scores) -> None:
    assert_at_least(hits(static), at_1=24, at_10=54)


def test_both_together_find_more_than_either(static: Scores, words: Scores) -> None:
    found = hits(fused([(static, 1), (words, 0.5)]))

    assert_at_least(found, at_1=28, at_10=59)
    assert found.at_10 > max(hits(words).at_10, hits(static).at_10)


def test_equal_weights_find_about_as_much(static: Scores, words: Scores) -> None:
    assert_at_least(hits(fused([(static, 1), (words, 1)])), at_1=28, at_10=59)


def test_meaning_is_more_than_common_words(static: Scores, pairs: list[Pair]) -> None:
    placed_by_hash = hits(meaning(DeterministicEmbedder(), pairs))

    assert hits(static).at_10 > placed_by_hash.at_10 + 20
