"""The static table is made as its recipe says, shown on a network with few and random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from infrastructure.embedders.make_static_table import make
from infrastructure.embedders.vocabulary import vocabulary
from tests.support.tiny_minilm import SHAPE, tiny_package

NUMBERS = {token: number for number, token in enumerate(vocabulary())}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> dict[str, NDArray[Any]]:
    return make(*tiny_package(tmp_path_factory.mktemp("table")))


def test_each_token_has_a_row_of_integers_and_a_scale(table: dict[str, NDArray[Any]]) -> None:
    assert table["rows"].shape == (len(vocabulary()), SHAPE.width)
    assert table["rows"].dtype == np.int8
    assert table["scales"].shape == (len(vocabulary()),)
    assert table["scales"].max() == 1


def test_special_tokens_say_nothing(table: dict[str, NDArray[Any]]) -> None:
    special = [number for token, number in NUMBERS.items() if token[0] == "[" != token]

    assert len(special) == 999
    assert not table["rows"][special].any()


def test_frequent_tokens_count_less(table: dict[str, NDArray[Any]]) -> None:
    vectors = table["rows"] * table["scales"][:, np.newaxis]
    lengths = np.linalg.norm(vectors, axis=1)
    frequent = [NUMBERS[token] for token in ("the", "of", "and", ",", ".")]
    rare = [
        NUMBERS[token]
        for token in ("securely", "agile", "champs", "invoice", "revenue")
        if token in NUMBERS
    ]

    assert lengths[frequent].max() < lengths[rare].min()


def test_components_vary_alike_or_less_from_first_to_last(table: dict[str, NDArray[Any]]) -> None:
    vectors = table["rows"] * table["scales"][:, np.newaxis]
    deviations = vectors[NUMBERS["the"] + 5000 :].std(axis=0)

    assert np.all(deviations[:-1] > deviations[1:] * 0.9)


def test_another_vocabulary_is_refused(tmp_path: Path) -> None:
    tokens = (*vocabulary()[1:], "extra")

    with pytest.raises(ValueError, match="vocabulary"):
        make(*tiny_package(tmp_path, tokens))
