"""Similarity: tasks and agents compared by the house's own embedder, which comes along."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from application.routing.gathering import EvidenceSources
from domain.routing import SIMILARITY
from infrastructure.embedders.deterministic import DeterministicEmbedder
from infrastructure.embedders.static import StaticEmbedder
from infrastructure.routing import similarity
from infrastructure.routing.similarity import EmbeddedSimilarity
from tests.support.office import packaged_directory
from tests.support.replaying import verified
from tests.support.routing import decisions, routed_office, run_with

SHARED = EmbeddedSimilarity(StaticEmbedder())
SPECIALISTS = {
    profile.handle: profile.description
    for department in packaged_directory().departments
    for profile in packaged_directory().profiles_of(department.key)
}


def best(text: str) -> str:
    cosines = SHARED.compare(text, list(SPECIALISTS.values()))
    return max(zip(cosines, SPECIALISTS, strict=True))[1]


@pytest.mark.parametrize(
    ("request_", "specialist"),
    [
        ("Write the financial report for Q4", "FIN_007"),
        ("Draw a bar chart of revenue by month", "ANA_007"),
        ("Pay the salaries of our staff", "HR_003"),
        ("Book a flight to Berlin", "ADM_003"),
        ("Answer the open support tickets", "SUP_001"),
        ("Improve our ranking in search engines", "MKT_002"),
    ],
)
def test_the_specialist_whose_work_is_nearest_in_meaning_is_found(
    request_: str, specialist: str
) -> None:
    """A11: by meaning; most of these share no word with the description of who is found."""
    assert best(request_) == specialist


def test_a_session_is_routed_by_meaning_and_verifies_without_the_embedder() -> None:
    """A11: the real embedder decides, and what it said stands in the record."""
    it = routed_office()
    fold = run_with(it, SIMILARITY, EvidenceSources(lambda: SHARED))

    decision = decisions(fold, "metrics")[-1]
    assert (decision.strategy, decision.chosen) == (SIMILARITY, "ANA_003")
    assert decision.sources is not None
    assert decision.sources.embedder == "static-256-v1"
    found = verified(it.log, fold.session_id)
    assert (found.differences, found.unchecked) == ((), 0)


def test_nothing_is_alike_without_words_and_no_candidates_give_no_cosines() -> None:
    assert SHARED.compare("charts", []) == []
    assert SHARED.compare("", ["charts", "sql"]) == [0.0, 0.0]
    assert SHARED.compare("charts", [""]) == [0.0]


def test_what_was_embedded_once_is_not_embedded_again() -> None:
    class Counting(DeterministicEmbedder):
        texts = 0

        def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
            self.texts += len(texts)
            return super().embed(texts)

    embedder = Counting()
    compared = EmbeddedSimilarity(embedder)
    for _ in range(3):
        compared.compare("a task", ["one", "two"])
    compared.compare("a task", ["two", "three", "two"])

    assert embedder.texts == 4 + 3


def test_vectors_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "MOST_VECTORS", 2)
    compared = EmbeddedSimilarity(DeterministicEmbedder())

    compared.compare("b", ["a", "b"])
    assert compared.compare("c", ["b", "c", "d"])[1] == pytest.approx(1.0)


def test_many_threads_may_compare_at_once() -> None:
    """A19: every thread gets what one alone gets."""
    described = list(SPECIALISTS.values())
    compared = EmbeddedSimilarity(DeterministicEmbedder())
    texts = [f"{text} {number}" for number, text in enumerate(described)]
    alone = [compared.compare(text, described) for text in texts]

    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda text: compared.compare(text, described), texts))

    assert together == alone
