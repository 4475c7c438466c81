"""Port of embedders: the one face that every model of meaning shows to those who search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Embedder(Protocol):
    """A model that places texts in a space; vectors of different models never mix."""

    @property
    def name(self) -> str:
        """Stable name of the model with its version; equal names mean equal spaces."""
        ...

    @property
    def dimensions(self) -> int:
        """Length of every vector."""
        ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts; what one text gets does not depend on the others.

        Returns:
            One row a text, of length 1; a row of zeros for a text without tokens.

        Raises:
            EmbedderUnavailableError: the model cannot be used now.
            EmbedderRejectedError: the model will never embed one of the texts.
        """
        ...
