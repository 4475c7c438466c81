"""Deterministic embedder: words placed by their hashes, for tests that need no meaning."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from infrastructure.embedders.unit_length import to_unit_length
from infrastructure.lexical import words

DIMENSIONS = 64
MIDDLE = 127.5


class DeterministicEmbedder:
    """Texts with the same words are close to each other, everywhere and for ever."""

    name = "deterministic-64-v1"
    dimensions = DIMENSIONS

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts: see the port."""
        rows = np.zeros((len(texts), DIMENSIONS), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in words(text):
                digest = blake2b(word.encode(), digest_size=DIMENSIONS).digest()
                np.add(row, np.frombuffer(digest, np.uint8) - np.float32(MIDDLE), out=row)
        return to_unit_length(rows)
