"""Unit length: vectors whose inner product is the cosine of the angle between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def to_unit_length(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring each row to length 1, in place; rows of zeros stay."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    np.divide(rows, lengths, out=rows, where=lengths > 0)
    return rows
