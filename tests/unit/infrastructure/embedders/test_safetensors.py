"""Safetensors: tensors are read as they were written, and damage is noticed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from infrastructure.embedders.safetensors import read_tensors
from tests.support.tiny_minilm import safetensors

WRITTEN = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b.weight": np.array([0.5], dtype=np.float32),
}


def test_tensors_are_read_as_they_were_written() -> None:
    read = read_tensors(safetensors(WRITTEN))

    assert read.keys() == WRITTEN.keys()
    for name, tensor in WRITTEN.items():
        assert np.array_equal(read[name], tensor)


@pytest.mark.parametrize("kept", [4, 20, -1])
def test_a_file_that_is_cut_off_is_refused(kept: int) -> None:
    with pytest.raises(ValueError, match="cut off"):
        read_tensors(safetensors(WRITTEN)[:kept])


def test_a_type_that_is_not_known_is_named() -> None:
    head = json.dumps({"a": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}).encode()

    with pytest.raises(ValueError, match="'a' has the type 'BF16'"):
        read_tensors(len(head).to_bytes(8, "little") + head + b"\0\0")
