"""A small public network as an ONNX file, made of a seed: 16 x 16 grey pixels to six features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

NODE = helper.make_node
OUTPUTS, SIDE = 6, 16


def drawn(seed: int = 1, outputs: int = OUTPUTS) -> dict[str, np.ndarray]:
    """Weights of the nodes below."""
    random = np.random.default_rng(seed)

    def part(*shape: int, scale: float = 0.3) -> np.ndarray:
        return (random.standard_normal(shape) * scale).astype(np.float32)

    return {
        "k1": part(outputs, 1, 3, 3), "c1": part(outputs), "k2": part(outputs, outputs, 3, 3, scale=0.1),
        "g": 1 + part(outputs), "b": part(outputs), "m": part(outputs), "v": 1 + np.abs(part(outputs)),
        "zero": np.array(0, np.float32), "six": np.array(6, np.float32),
    }  # fmt: skip


FIRST = [NODE("Conv", ["x", "k1", "c1"], ["s"], strides=[2, 2], pads=[1, 1, 1, 1]), NODE("Relu", ["s"], ["r"]),
         NODE("MaxPool", ["r"], ["p"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])]  # fmt: skip
BLOCK = [NODE("Conv", ["p", "k2"], ["t"], pads=[1, 1, 1, 1]),
         NODE("BatchNormalization", ["t", "g", "b", "m", "v"], ["n"]), NODE("Add", ["n", "p"], ["a"])]  # fmt: skip
END = [NODE("Clip", ["a", "zero", "six"], ["q"]), NODE("GlobalAveragePool", ["q"], ["w"]), NODE("Flatten", ["w"], ["y"])]


def write_backbone(
    path: Path, nodes=(*FIRST, *BLOCK, *END), *, seed: int = 1, shape=(1, SIDE, SIDE), outputs=OUTPUTS, more=None
) -> Path:
    """An ONNX file of these nodes, from `x` to `y`."""
    held = {**drawn(seed), **(more or {})}
    used = {name for node in nodes for name in node.input}
    single = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        list(nodes), "backbone",
        [helper.make_tensor_value_info("x", single, ["batch", *shape])],
        [helper.make_tensor_value_info("y", single, ["batch", *np.atleast_1d(outputs).tolist()])],
        [numpy_helper.from_array(np.asarray(own), name) for name, own in held.items() if name in used],
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 8
    onnx.save(made, path)
    return path
