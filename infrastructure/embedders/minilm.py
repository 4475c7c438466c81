"""MiniLM: all-MiniLM-L6-v2 on ONNX Runtime, with 8-bit weights.

Each text runs alone: the factors of 8-bit activations are taken from a whole batch, so that a text
among others would get another vector than by itself. Texts run beside each other on all cores
instead.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime  # noqa: TID253 - made of it, and loaded late itself
from numpy.typing import NDArray

from infrastructure.embedders.errors import EmbedderUnavailableError
from infrastructure.embedders.unit_length import to_unit_length
from infrastructure.embedders.vocabulary import CLASSIFY, SEPARATE, vocabulary
from infrastructure.embedders.wordpiece import WordPiece

LONGEST_TEXT = 254
"""Tokens that count; with the two around them as many as the model was made for."""

QUIET = 3
"""Level of the runtime's own log: errors alone."""


class MiniLmEmbedder:
    """The better embedder, once it is installed; safe to share among threads.

    Attributes:
        name: of the model, as it was installed.
        dimensions: of its vectors.
    """

    def __init__(self, model: Path, name: str, dimensions: int) -> None:
        """Load a model.

        Raises:
            EmbedderUnavailableError: the file cannot be loaded.
        """
        self.name = name
        self.dimensions = dimensions
        self._session = _load(model)
        self._input = self._session.get_inputs()[0].name
        self._tokens = WordPiece(vocabulary())
        self._before = self._tokens.vocabulary[CLASSIFY]
        self._after = self._tokens.vocabulary[SEPARATE]

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts: see the port."""
        rows = np.zeros((len(texts), self.dimensions), np.float32)
        threads = min(len(texts), _cores())
        if threads > 1:
            with ThreadPoolExecutor(threads, "embedding") as pool:
                for row, vector in zip(rows, pool.map(self._vector, texts), strict=True):
                    row[:] = vector
        else:
            for row, text in zip(rows, texts, strict=True):
                row[:] = self._vector(text)
        return to_unit_length(rows)

    def _vector(self, text: str) -> NDArray[np.float32] | float:
        numbers = self._tokens.numbers(text, LONGEST_TEXT)
        if not numbers:
            return 0.0
        tokens = np.array([[self._before, *numbers, self._after]])
        vector: NDArray[np.float32] = self._session.run(None, {self._input: tokens})[0][0]
        return vector


def _load(model: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # the cores are shared by texts
    options.inter_op_num_threads = 1
    options.log_severity_level = QUIET
    try:
        return onnxruntime.InferenceSession(
            model.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # the runtime's errors share no other root
        raise EmbedderUnavailableError(
            f"The model in {str(model)!r} cannot be loaded ({error}): install it again with"
            " `hansard embedders remove minilm` and `hansard embedders install minilm`."
        ) from error


def _cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
