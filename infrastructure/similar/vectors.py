"""Vectors: parameters of SQL statements in the binary form in which pgvector takes them.

The form is that of the function `halfvec_recv` (https://github.com/pgvector/pgvector,
src/halfvec.c).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg.adapt import Dumper
from psycopg.pq import Format

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from infrastructure.database import Connection


@dataclass(frozen=True, slots=True)
class BinaryVector:
    """A parameter in the binary form of the type it is cast to in SQL."""

    data: bytes


class BinaryVectorDumper(Dumper):
    """Passes the bytes on; the server takes the type from the cast."""

    format = Format.BINARY

    def dump(self, obj: BinaryVector) -> bytes:
        """Give the bytes."""
        return obj.data


def register(connection: Connection) -> None:
    """Let a connection take vectors as parameters."""
    connection.adapters.register_dumper(BinaryVector, BinaryVectorDumper)


def halfvec(row: NDArray[np.float32]) -> BinaryVector | None:
    """Give an embedding as a `halfvec`; None for a row of zeros, which means nothing."""
    return BinaryVector(_half(row)) if row.any() else None


def halfvecs(rows: Sequence[NDArray[np.float32] | None], element: int) -> BinaryVector:
    """Give embeddings as a `halfvec[]`, with NULL where there is none.

    Args:
        element: object id of the type `halfvec` in this database.
    """
    parts = [struct.pack(">iiIii", 1, 1, element, len(rows), 1)]
    for row in rows:
        if row is None or not row.any():
            parts.append(struct.pack(">i", -1))
        else:
            data = _half(row)
            parts.append(struct.pack(">i", len(data)) + data)
    return BinaryVector(b"".join(parts))


def _half(row: NDArray[np.float32]) -> bytes:
    return struct.pack(">HH", len(row), 0) + row.astype(">f2").tobytes()
