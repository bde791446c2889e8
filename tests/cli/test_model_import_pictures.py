"""A convolutional network from elsewhere becomes a first model."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest

from proofward.layers.networks.network import Network, chain
from proofward.models.settings import SCALES
from proofward.report.handover.models.model_files import weights_from_safetensors

LAYERS = [
    {"kind": "conv2d", "outputs": 3, "kernel": 3, "stride": 2, "padding": 1},
    {"kind": "linear", "outputs": 2},
]  # fmt: skip
MODEL = chain((1, 6, 6), LAYERS)


def network_file(path, *, dilation=1):
    """An ONNX file of a convolution and a Linear; its weights in the trainer's order."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(4)
    shapes = {"k": (3, 1, 3, 3), "c": (3,), "w": (2, 27), "b": (2,)}
    held = {name: random.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}
    options = {"strides": [2, 2], "pads": [dilation] * 4, "dilations": [dilation] * 2}
    nodes = [
        helper.make_node("Conv", ["x", "k", "c"], ["s"], name="first", **options),
        helper.make_node("Relu", ["s"], ["r"]),
        helper.make_node("Flatten", ["r"], ["f"]),
        helper.make_node("Gemm", ["f", "w", "b"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes, "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 1, 6, 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 2])],
        [numpy_helper.from_array(part, name) for name, part in held.items()],
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 8
    onnx.save(made, path)
    return np.concatenate([part.astype(np.float64).reshape(-1) for part in held.values()])


def test_it_becomes_a_first_model_and_the_lines_are_said(proofward, tmp_path):
    held = network_file(tmp_path / "net.onnx")
    out = tmp_path / "first.safetensors"
    said = proofward.json("model", "import", tmp_path / "net.onnx", "--out", out)
    assert (said["exit"], said["did"], said["inputs"], said["notes"]) == (0, "imported", [1, 6, 6], [])
    assert Network.from_dict(said["network"]) == MODEL and "hidden" not in said and "widths" not in said
    weights = weights_from_safetensors(MODEL, out.read_bytes())
    assert np.array_equal(weights, np.rint(held * 2**SCALES.weight_bits))
    text = proofward("model", "import", tmp_path / "net.onnx", "--out", out, "--force").stdout
    assert "Conv2d(3, 3, stride=2, padding=1)" in text and "in consortium.toml, with pictures of 1x6x6:" in text
    table = tomllib.loads(text[text.index("trusted_first_model") :])
    assert table["trusted_first_model"] == "first.safetensors" and table["model"] == {"layers": ["conv2d 3 kernel 3 stride 2 padding 1"]}


def test_a_network_that_is_not_proved_is_refused(proofward, tmp_path):
    network_file(tmp_path / "net.onnx", dilation=2)
    said = proofward.json("model", "import", tmp_path / "net.onnx", "--out", tmp_path / "first.safetensors")
    assert said["exit"] == 1 and said["problems"] == ["first: Conv: dilation [2, 2], which no version will prove: use 1"]
    assert not (tmp_path / "first.safetensors").exists()
