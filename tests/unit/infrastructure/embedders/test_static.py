"""Static embedder: close meanings are close, and the table is the one its name stands for."""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files

import numpy as np
import pytest

from infrastructure.embedders.static import NAME, StaticEmbedder

TABLE_OF_V1 = "d79d49541256f6b2dcc55b460f372e8f1c392d7385b2ae0b442453bae872fbbd"
VOCABULARY = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"


@pytest.fixture(scope="module")
def embedder() -> StaticEmbedder:
    return StaticEmbedder()


def test_another_table_has_another_name() -> None:
    """Vectors of different tables must never mix, so a new table is a new version."""
    table = files("infrastructure.embedders").joinpath("static_table.npz").read_bytes()
    words = files("infrastructure.embedders").joinpath("vocabulary.txt").read_bytes()

    assert NAME == "static-256-v1"
    assert sha256(table).hexdigest() == TABLE_OF_V1
    assert sha256(words).hexdigest() == VOCABULARY


@pytest.mark.parametrize(
    ("query", "near", "far"),
    [
        ("How much did we spend on travel?", "cost of flights and hotels", "rename the database"),
        ("hire a new accountant", "recruit bookkeeping staff", "the weather in the mountains"),
        ("the server is slow", "poor performance of the computer", "a recipe for apple cake"),
    ],
)
def test_texts_without_a_common_word_are_close_by_their_meaning(
    embedder: StaticEmbedder, query: str, near: str, far: str
) -> None:
    asked, close, distant = embedder.embed([query, near, far])

    assert asked @ close > asked @ distant + 0.1


def test_only_the_beginning_of_a_long_text_counts(embedder: StaticEmbedder) -> None:
    long, longer = embedder.embed(["travel " * 256, "travel " * 256 + "mountains " * 100_000])

    assert np.array_equal(long, longer)


def test_unknown_characters_alone_give_no_direction(embedder: StaticEmbedder) -> None:
    assert not embedder.embed(["\U0001f642 \U0001f643"]).any()
