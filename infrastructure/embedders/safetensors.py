"""Safetensors: read the tensors of a model's weights without another library.

The format is 8 bytes of length (little-endian), a header in JSON that gives type, shape and place
of each tensor, and the data: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

LENGTH_BYTES = 8
TYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "I64": np.dtype("<i8"),
}


def read_tensors(content: bytes) -> dict[str, NDArray[Any]]:
    """Read all tensors; they share the memory of the content.

    Raises:
        ValueError: this is no safetensors file, or a tensor has a type that is not read here.
    """
    length = int.from_bytes(content[:LENGTH_BYTES], "little")
    start = LENGTH_BYTES + length
    if len(content) < start:
        raise ValueError("the header is cut off")
    header = json.loads(content[LENGTH_BYTES:start])
    header.pop("__metadata__", None)
    return {name: _tensor(name, row, content, start) for name, row in header.items()}


def _tensor(name: str, row: dict[str, Any], content: bytes, start: int) -> NDArray[Any]:
    kind = TYPES.get(row["dtype"])
    if kind is None:
        raise ValueError(f"the tensor {name!r} has the type {row['dtype']!r}, which is not read")
    first, last = row["data_offsets"]
    if start + last > len(content):
        raise ValueError(f"the tensor {name!r} is cut off")
    count = (last - first) // kind.itemsize
    flat: NDArray[Any] = np.frombuffer(content, kind, count, start + first)
    return flat.reshape(row["shape"])
