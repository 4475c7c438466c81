"""BERT as an ONNX graph: tokens in; the last layer, or its mean, out.

The network is that of Devlin et al. 2018 (https://arxiv.org/abs/1810.04805), the pooling that of
Reimers and Gurevych 2019 (https://arxiv.org/abs/1908.10084). Texts of one batch have equally many
tokens, so that nothing is padded and nothing masked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import onnx  # noqa: TID253 - made of it, and loaded late itself
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper  # noqa: TID253

Tensors = Mapping[str, NDArray[Any]]

INPUT = "tokens"
OUTPUT = "embedded"
OPSET = 20
"""The first with GELU."""

IR_VERSION = 10
"""Of the file; older runtimes refuse newer ones."""

INT8_MAX = 127


class Shape(NamedTuple):
    """How large a network is."""

    layers: int
    heads: int
    width: int
    epsilon: float

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Shape:
        """Read the `config.json` of a model.

        Raises:
            ValueError: the model is none that this graph computes.
        """
        if config.get("model_type") != "bert" or config.get("hidden_act") != "gelu":
            raise ValueError("only BERT with GELU is known")
        return cls(
            layers=int(config["num_hidden_layers"]),
            heads=int(config["num_attention_heads"]),
            width=int(config["hidden_size"]),
            epsilon=float(config["layer_norm_eps"]),
        )


def int8_rows(rows: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Write each row as 8-bit integers and the factor that brings them back."""
    scales = np.abs(rows).max(axis=1, keepdims=True) / INT8_MAX
    safe = np.where(scales > 0, scales, 1)
    return np.rint(rows / safe).astype(np.int8), scales.astype(np.float32)


def bert_model(tensors: Tensors, shape: Shape, *, pooled: bool = True) -> onnx.ModelProto:
    """Build the network; its word embeddings are 8-bit integers, all else is float.

    Args:
        tensors: weights by their names in the published model.
        shape: size of the network.
        pooled: give the mean of a text's tokens instead of each token's own vector.
    """
    graph = _Graph(tensors, shape)
    state = graph.embed()
    for layer in range(shape.layers):
        state = graph.feed_forward(graph.attend(state, layer), layer)
    if pooled:
        graph.add("ReduceMean", [state, graph.constant(np.array([1]))], OUTPUT, keepdims=0)
    else:
        graph.add("Identity", [state], OUTPUT)
    sizes: list[str | int | None] = (
        ["texts", shape.width] if pooled else ["texts", "length", shape.width]
    )
    tokens = helper.make_tensor_value_info(INPUT, TensorProto.INT64, ["texts", "length"])
    embedded = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, sizes)
    made = helper.make_graph(graph.nodes, "bert", [tokens], [embedded], graph.constants)
    model: onnx.ModelProto = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    onnx.checker.check_model(model)
    return model


class _Graph:
    """Nodes and constants on their way to a graph; every method names its output."""

    def __init__(self, tensors: Tensors, shape: Shape) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._tensors = tensors
        self._shape = shape

    def add(self, kind: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        """Add an operation with one output."""
        output = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, value: NDArray[Any]) -> str:
        """Add a constant."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def embed(self) -> str:
        """Add up the embeddings of words, places and the one type that texts have."""
        rows, scales = int8_rows(self._tensors["embeddings.word_embeddings.weight"])
        found = self.add("Gather", [self.constant(rows), INPUT])
        scaled = self.add(
            "Mul",
            [
                self.add("Cast", [found], to=TensorProto.FLOAT),
                self.add("Gather", [self.constant(scales), INPUT]),
            ],
        )
        kind = self._tensors["embeddings.token_type_embeddings.weight"][0]
        places = self.constant(self._tensors["embeddings.position_embeddings.weight"] + kind)
        length = self.add("Shape", [INPUT], start=1, end=2)
        zero = self.constant(np.array([0]))
        placed = self.add("Slice", [places, zero, length, zero])
        return self._normalised(self.add("Add", [scaled, placed]), "embeddings.LayerNorm")

    def attend(self, state: str, layer: int) -> str:
        """Let each token look at all tokens."""
        name, shape = f"encoder.layer.{layer}.attention", self._shape
        size = shape.width // shape.heads
        scale = np.float32(size**-0.5)
        parts = [("query", scale), ("key", 1), ("value", 1)]
        weight = [self._tensors[f"{name}.self.{part}.weight"].T * by for part, by in parts]
        bias = [self._tensors[f"{name}.self.{part}.bias"] * by for part, by in parts]
        joined = self._linear(state, np.concatenate(weight, axis=1), np.concatenate(bias))
        outputs = [f"{part}_{layer}" for part, _ in parts]
        self.nodes.append(helper.make_node("Split", [joined], outputs, axis=-1, num_outputs=3))
        heads = self.constant(np.array([0, 0, shape.heads, size]))
        query, key, value = (
            self.add("Transpose", [self.add("Reshape", [output, heads])], perm=order)
            for output, order in zip(
                outputs, ((0, 2, 1, 3), (0, 2, 3, 1), (0, 2, 1, 3)), strict=True
            )
        )
        attention = self.add("Softmax", [self.add("MatMul", [query, key])], axis=-1)
        seen = self.add("Transpose", [self.add("MatMul", [attention, value])], perm=(0, 2, 1, 3))
        flat = self.add("Reshape", [seen, self.constant(np.array([0, 0, shape.width]))])
        return self._added(state, self._named(flat, f"{name}.output.dense"), f"{name}.output")

    def feed_forward(self, state: str, layer: int) -> str:
        """Send each token through the two dense layers."""
        name = f"encoder.layer.{layer}"
        inner = self.add("Gelu", [self._named(state, f"{name}.intermediate.dense")])
        return self._added(state, self._named(inner, f"{name}.output.dense"), f"{name}.output")

    def _added(self, state: str, change: str, name: str) -> str:
        return self._normalised(self.add("Add", [state, change]), f"{name}.LayerNorm")

    def _normalised(self, state: str, name: str) -> str:
        weight, bias = (
            self.constant(self._tensors[f"{name}.{part}"]) for part in ("weight", "bias")
        )
        return self.add(
            "LayerNormalization", [state, weight, bias], axis=-1, epsilon=self._shape.epsilon
        )

    def _named(self, state: str, name: str) -> str:
        return self._linear(state, self._tensors[f"{name}.weight"].T, self._tensors[f"{name}.bias"])

    def _linear(self, state: str, weight: NDArray[Any], bias: NDArray[Any]) -> str:
        product = self.add("MatMul", [state, self.constant(weight)])
        return self.add("Add", [product, self.constant(bias)])
