"""EmbeddedSimilarity: the port `Similarity` on the house's embedder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from infrastructure.embedders.port import Embedder

LONGEST_TEXT = 2_000
"""Characters of a task that are compared; what it is about stands near its beginning."""

MOST_VECTORS = 4_096
MOST_GROUPS = 256


class EmbeddedSimilarity:
    """Compares tasks with descriptions of agents, whose vectors it keeps.

    Args:
        embedder: a local one, since it is called between two events of a session.
    """

    def __init__(self, embedder: Embedder) -> None:
        self.name = embedder.name
        self._embedder = embedder
        self._lock = Lock()
        self._vectors: dict[str, NDArray[np.float32]] = {}
        self._group = lru_cache(MOST_GROUPS)(self._stacked)

    def compare(self, text: str, descriptions: Sequence[str]) -> list[float]:
        """Give the cosine of a text and each description; 0 for one without words."""
        if not descriptions:
            return []
        (vector,) = self._embedder.embed([text[:LONGEST_TEXT]])
        cosines: list[float] = (self._group(tuple(descriptions)) @ vector).tolist()
        return cosines

    def _stacked(self, descriptions: tuple[str, ...]) -> NDArray[np.float32]:
        """Give the vectors of a group of descriptions, one row each."""
        with self._lock:
            missing = [each for each in dict.fromkeys(descriptions) if each not in self._vectors]
            if len(self._vectors) + len(missing) > MOST_VECTORS:
                self._vectors.clear()
                missing = list(dict.fromkeys(descriptions))
            if missing:
                self._vectors.update(zip(missing, self._embedder.embed(missing), strict=True))
            return np.stack([self._vectors[each] for each in descriptions])
