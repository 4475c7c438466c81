"""Weighing: the words of a text as a `sparsevec`, in the binary form in which pgvector takes it.

The form is that of the function `sparsevec_recv` (https://github.com/pgvector/pgvector,
src/sparsevec.c).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from infrastructure import lexical


def weigh_words(text: str) -> bytes:
    """Weigh the words of a document."""
    return sparsevec(lexical.document_weights(text))


def sparsevec(weights: Mapping[int, float]) -> bytes:
    """Give weights by dimension, counted from 0, as a `sparsevec`."""
    dimensions = sorted(dimension for dimension, weight in weights.items() if weight)
    count, values = len(dimensions), [weights[dimension] for dimension in dimensions]
    # Dimensions are 32-bit integers and values 32-bit floats, both in network order.
    form = f">iii{count}i{count}f"
    return struct.pack(form, lexical.DIMENSIONS, count, 0, *dimensions, *values)
