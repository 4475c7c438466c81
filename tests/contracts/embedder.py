"""What every embedder holds: one suite for all adapters of the port `Embedder`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from infrastructure.embedders.port import Embedder

TEXTS = (
    "How much did we spend on travel in March?",
    "rename the tables",
    "Grüße aus Zürich \U0001f4c8 東京都 \x00",
    "travel " * 2000,
    "lone \ud800 surrogate",
    "a",
)


class EmbedderContract:
    """Subclasses give the fixture `embedder`."""

    def test_a_row_is_given_for_each_text(self, embedder: Embedder) -> None:
        rows = embedder.embed(TEXTS)

        assert rows.shape == (len(TEXTS), embedder.dimensions)
        assert rows.dtype == np.float32

    def test_rows_have_length_1(self, embedder: Embedder) -> None:
        assert np.linalg.norm(embedder.embed(TEXTS), axis=1) == pytest.approx(1, abs=1e-5)

    def test_what_a_text_gets_does_not_depend_on_the_others(self, embedder: Embedder) -> None:
        together = embedder.embed(TEXTS * 60)

        for row, text in zip(together, TEXTS, strict=False):
            assert np.array_equal(row, embedder.embed([text])[0])
        assert np.array_equal(together[: len(TEXTS)], together[-len(TEXTS) :])

    def test_a_text_without_tokens_has_a_row_of_zeros(self, embedder: Embedder) -> None:
        rows = embedder.embed(["", "words", " \n\t"])

        assert [bool(row.any()) for row in rows] == [False, True, False]

    def test_no_texts_have_no_rows(self, embedder: Embedder) -> None:
        assert embedder.embed([]).shape == (0, embedder.dimensions)

    def test_different_texts_have_different_rows(self, embedder: Embedder) -> None:
        first, second = embedder.embed(TEXTS[:2])

        assert first @ second < 0.99

    def test_threads_may_share_an_embedder(self, embedder: Embedder) -> None:
        expected = embedder.embed(TEXTS)

        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(embedder.embed, [TEXTS] * 8))

        assert all(np.array_equal(answer, expected) for answer in answers)

    def test_its_name_says_which_version_it_is(self, embedder: Embedder) -> None:
        assert embedder.name.startswith(("static-", "minilm-", "deterministic-", "openai:"))
        assert embedder.dimensions > 0
