"""Static embedder: a weighted sum of a text's tokens, each with a vector kept in a table.

The table is made from all-MiniLM-L6-v2 by `make_static_table`; it needs numpy alone, and no text
waits for another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from infrastructure.embedders.unit_length import to_unit_length
from infrastructure.embedders.vocabulary import vocabulary
from infrastructure.embedders.wordpiece import WordPiece

NAME = "static-256-v1"
DIMENSIONS = 256
TABLE = "static_table.npz"

LONGEST_TEXT = 256
"""Tokens that count; what a text is about stands near its beginning."""


class StaticEmbedder:
    """The default embedder; safe to share among threads."""

    name = NAME
    dimensions = DIMENSIONS

    def __init__(self) -> None:
        with files(__package__).joinpath(TABLE).open("rb") as opened:
            stored = np.load(opened, allow_pickle=False)
            scales = stored["scales"].astype(np.float32)
            self._table = stored["rows"] * scales[:, np.newaxis]
        self._tokens = WordPiece(vocabulary())

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts: see the port."""
        rows = np.zeros((len(texts), DIMENSIONS), np.float32)
        for row, text in zip(rows, texts, strict=True):
            counts = Counter(self._tokens.numbers(text, LONGEST_TEXT))
            if counts:
                # A token said twice does not say twice as much.
                weights = np.sqrt(np.fromiter(counts.values(), np.float32, len(counts)))
                np.matmul(weights, self._table[[*counts]], out=row)
        return to_unit_length(rows)
