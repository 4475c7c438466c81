"""BERT as a graph: it computes what the papers say, written down a second time here."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnxruntime  # noqa: TID253 - what is tested is made for it
import pytest
from numpy.typing import NDArray

from infrastructure.embedders.bert_graph import Shape, bert_model, int8_rows
from tests.support.tiny_minilm import CONFIG, SHAPE, random_tensors

WORDS = 50
Floats = NDArray[np.float64]
TENSORS = {name: value.astype(np.float64) for name, value in random_tensors(WORDS).items()}
EMBEDDINGS = "embeddings.word_embeddings.weight"


def normalised(state: Floats, name: str) -> Floats:
    centred = state - state.mean(axis=-1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + SHAPE.epsilon)
    scaled: Floats = centred / deviation * TENSORS[f"{name}.weight"] + TENSORS[f"{name}.bias"]
    return scaled


def linear(state: Floats, name: str) -> Floats:
    moved: Floats = state @ TENSORS[f"{name}.weight"].T + TENSORS[f"{name}.bias"]
    return moved


def attention(state: Floats, name: str) -> Floats:
    size = SHAPE.width // SHAPE.heads
    query, key, value = (
        linear(state, f"{name}.self.{part}").reshape(-1, SHAPE.heads, size)
        for part in ("query", "key", "value")
    )
    heads = []
    for head in range(SHAPE.heads):
        scores = query[:, head] @ key[:, head].T / math.sqrt(size)
        shares = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
        heads.append(shares @ value[:, head])
    return linear(np.concatenate(heads, axis=-1), f"{name}.output.dense")


def states(tokens: list[int]) -> Floats:
    integers, scales = int8_rows(TENSORS[EMBEDDINGS].astype(np.float32))
    table = (integers * scales)[tokens]
    places = TENSORS["embeddings.position_embeddings.weight"][: len(tokens)]
    kinds = TENSORS["embeddings.token_type_embeddings.weight"][0]
    state = normalised(table + places + kinds, "embeddings.LayerNorm")
    gelu = np.vectorize(lambda x: x / 2 * (1 + math.erf(x / math.sqrt(2))))
    for layer in range(SHAPE.layers):
        name = f"encoder.layer.{layer}"
        state = normalised(
            state + attention(state, f"{name}.attention"), f"{name}.attention.output.LayerNorm"
        )
        inner = linear(gelu(linear(state, f"{name}.intermediate.dense")), f"{name}.output.dense")
        state = normalised(state + inner, f"{name}.output.LayerNorm")
    return state


def computed(batch: list[list[int]], *, pooled: bool) -> Any:
    model = bert_model(random_tensors(WORDS), SHAPE, pooled=pooled).SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {"tokens": np.array(batch)})[0]


@pytest.mark.parametrize("tokens", [[7], [1, 2, 3], [*range(40)]])
def test_the_graph_computes_the_mean_of_the_last_layer(tokens: list[int]) -> None:
    [mean] = computed([tokens], pooled=True)

    assert mean == pytest.approx(states(tokens).mean(axis=0), abs=1e-4)


def test_the_graph_computes_each_token_of_a_batch() -> None:
    batch = [[3, 1, 4], [1, 5, 9]]

    embedded = computed(batch, pooled=False)

    for row, tokens in zip(embedded, batch, strict=True):
        assert row == pytest.approx(states(tokens), abs=1e-4)


def test_rows_come_back_from_integers_within_half_a_step() -> None:
    rows = np.random.default_rng(7).normal(size=(20, 32)).astype(np.float32)
    rows[3] = 0

    integers, scales = int8_rows(rows)

    assert np.all(np.abs(integers * scales - rows) <= scales / 2 + 1e-6)


def test_the_shape_is_read_from_the_models_configuration() -> None:
    assert Shape.of(CONFIG) == SHAPE


@pytest.mark.parametrize("changed", [{"model_type": "t5"}, {"hidden_act": "relu"}])
def test_another_network_is_refused(changed: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="only BERT with GELU"):
        Shape.of(CONFIG | changed)
