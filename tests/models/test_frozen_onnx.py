"""An ONNX file as a frozen network: what it computes in exact integers, and what is refused by name."""

from __future__ import annotations

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from proofward.data.frozen.network import FrozenNetwork, to_values  # noqa: E402
from proofward.data.frozen.weights import VALUE_BITS  # noqa: E402
from proofward.models.graph.frozen.file import read_frozen_network  # noqa: E402
from proofward.models.graph.onnx.from_onnx import read_file  # noqa: E402
from proofward.models.graph.onnx.runs import double_run  # noqa: E402
from proofward.models.graph.parts.refusals import ImportRefused  # noqa: E402
from tests.models.backbones import BLOCK, END, FIRST, NODE, drawn, write_backbone  # noqa: E402

WHOLE = [*FIRST, *BLOCK, *END]


def kinds(network: FrozenNetwork) -> list[str]:
    return [node.kind for node in network.nodes]


def difference(path, made: FrozenNetwork) -> float:
    """From the file's run in double precision."""
    unit = 1 << VALUE_BITS
    pictures = to_values(np.random.default_rng(5).standard_normal((4, *made.shape)))
    file = read_file(path, 1 << 24)
    expected = double_run(file, 0, [file.graph.input[0].name])(pictures / unit).reshape(4, -1)
    return float(np.abs(made.features(pictures) / unit - expected).max())


def test_a_residual_network_is_taken(tmp_path):
    path = write_backbone(tmp_path / "b.onnx")
    made = read_frozen_network(path)
    assert kinds(made) == ["convolution", "relu", "max", "convolution", "add", "relu", "mean"]
    assert (made.shape, made.outputs, made.nodes[5].most) == ((1, 16, 16), 6, 6 << VALUE_BITS)
    assert difference(path, made) < 2e-4
    assert made.digest == read_frozen_network(path).digest
    own = tmp_path / "b.network"
    own.write_bytes(made.data)
    assert read_frozen_network(own).digest == made.digest
    assert read_frozen_network(write_backbone(tmp_path / "c.onnx", seed=2)).digest != made.digest


NORM = NODE("BatchNormalization", ["s", "g", "b", "m", "v"], ["n"])
CONV = NODE("Conv", ["x", "k1", "c1"], ["s"], strides=[2, 2], pads=[1, 1, 1, 1])
FLAT = NODE("Flatten", ["q"], ["y"])
ENDS = {
    "a scaling with another reader": (
        [CONV, NORM, NODE("Relu", ["n"], ["r"]), NODE("Add", ["r", "s"], ["q"]), FLAT],
        ["convolution", "convolution", "relu", "add"], 384),
    "a scaling of the picture": (
        [NODE("BatchNormalization", ["x", "g1", "g1", "g1", "g1"], ["q"]), FLAT], ["convolution"], 256),
    "a scaling at the end": ([CONV, NORM, NODE("Flatten", ["n"], ["y"])], ["convolution"], 384),
    "largest of all": ([CONV, NODE("GlobalMaxPool", ["s"], ["q"]), FLAT], ["convolution", "max"], 6),
    "the mean by axes": ([CONV, NODE("ReduceMean", ["s"], ["y"], axes=[2, 3], keepdims=0)], ["convolution", "mean"], 6),
    "windows that overlap": (
        [CONV, NODE("AveragePool", ["s"], ["q"], kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1],
                    count_include_pad=1), FLAT], ["convolution", "mean"], 6 * 4 * 8),
    "a picture as it is": ([NODE("MaxPool", ["x"], ["q"], kernel_shape=[1, 1]), FLAT], ["max"], 256),
    "a row": ([NODE("Flatten", ["x"], ["f"]), NODE("Gemm", ["f", "l", "lb"], ["y"], transB=1)], ["linear"], 5),
    "by a matrix": (
        [NODE("Flatten", ["x"], ["f"]), NODE("MatMul", ["f", "lt"], ["u"]), NODE("Add", ["u", "lb"], ["y"])],
        ["linear"], 5),
    "a mask that is off": ([CONV, NODE("Dropout", ["s", "half", "no"], ["q"]), FLAT], ["convolution"], 384),
    "a mask without a word": ([CONV, NODE("Dropout", ["s", "half"], ["q"]), FLAT], ["convolution"], 384),
    "ReLU without an end": ([CONV, NODE("Clip", ["s", "zero"], ["q"]), FLAT], ["convolution", "relu"], 384),
}  # fmt: skip
MORE = {"g1": np.array([1.25], np.float32), "l": np.ones((5, 256), np.float32) / 64, "lb": np.ones(5, np.float32),
        "lt": np.ones((256, 5), np.float32) / 64, "half": np.array(0.5, np.float32), "yes": np.array(True),
        "no": np.array(False)}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
def test_it_is_what_the_file_computes(tmp_path, name):
    nodes, expected, outputs = ENDS[name]
    path = write_backbone(tmp_path / "b.onnx", nodes, outputs=outputs, more=MORE)
    made = read_frozen_network(path)
    assert (kinds(made), made.outputs) == (expected, outputs)
    assert difference(path, made) < 1e-3


def test_weights_are_as_fine_as_exact_sums_allow(tmp_path):
    row = [NODE("Flatten", ["x"], ["f"]), NODE("Gemm", ["f", "l", "lb"], ["y"], transB=1)]
    bits = []
    for size in (2.0**-30, 2.0**-8, 1.0, 2.0**9):
        more = {**MORE, "l": np.full((5, 256), size, np.float32)}
        made = read_frozen_network(write_backbone(tmp_path / "b.onnx", row, outputs=5, more=more))
        bits.append(made.nodes[0].weights.bits)
    assert bits == [24, 23, 15, 6]  # 256 values of 2^-8 and a bias of 1 are above 2^24 at 24 bits


REFUSED = {
    "Sigmoid": ([CONV, NODE("Sigmoid", ["s"], ["q"]), FLAT], 384, "q: Sigmoid: a frozen network has Conv"),
    "a Clip from below": ([CONV, NODE("Clip", ["s", "less", "six"], ["q"]), FLAT], 384, "only from 0 to a number above"),
    "uneven zeros that do not count": (
        [CONV, NODE("AveragePool", ["s"], ["q"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]), FLAT], 384,
        "with zeros that count in means"),
    "gaps": ([CONV, NODE("MaxPool", ["s"], ["q"], kernel_shape=[2, 2], dilations=[2, 2]), FLAT], 216, "without gaps"),
    "windows that are cut": (
        [CONV, NODE("MaxPool", ["s"], ["q"], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1), FLAT], 96, "without gaps"),
    "zeros by name": (
        [CONV, NODE("MaxPool", ["s"], ["q"], kernel_shape=[2, 2], auto_pad="SAME_UPPER"), FLAT], 384, "padding by numbers"),
    "a mean of channels": (
        [CONV, NODE("ReduceMean", ["s"], ["q"], axes=[1, 2]), FLAT], 8, "of other axes than height and width"),
    "a mask": ([CONV, NODE("Dropout", ["s", "half", "yes"], ["q"]), FLAT], 384, "Dropout in training mode"),
    "a dilated convolution": (
        [NODE("Conv", ["x", "k1", "c1"], ["q"], dilations=[2, 2]), FLAT], 864, "dilation [2, 2]"),
    "a sum with a constant": ([CONV, NODE("Add", ["s", "c"], ["q"]), FLAT], 384, "Add (of a constant)"),
    "weights that are too large": (
        [NODE("Flatten", ["x"], ["f"]), NODE("Gemm", ["f", "huge"], ["y"], transB=1)], 5, "scale the network"),
    "weights that are none": (
        [NODE("Flatten", ["x"], ["f"]), NODE("Gemm", ["f", "nan"], ["y"], transB=1)], 5, "no finite numbers"),
    "too coarse weights": (
        [NODE("Flatten", ["x"], ["f"]), NODE("Gemm", ["f", "mixed"], ["y"], transB=1),], 5, "its exact integers differ"),
    "a picture cut in rows": (
        [NODE("Reshape", ["x", "rows"], ["u"]), NODE("Conv", ["u", "k1", "c1"], ["q"]), FLAT], 744,
        "do not reshape before a convolution"),
}  # fmt: skip
WORSE = {
    **MORE, "less": np.array(-1, np.float32), "c": np.ones((6, 8, 8), np.float32),
    "huge": np.full((5, 256), 1e6, np.float32),
    "nan": np.full((5, 256), np.nan, np.float32), "rows": np.array([-1, 1, 64, 4]),
    "mixed": np.concatenate([np.full((1, 256), 1000), np.full((4, 256), 0.007)]).astype(np.float32),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_frozen_network_is_refused_by_name(tmp_path, name):
    nodes, outputs, words = REFUSED[name]
    with pytest.raises(ImportRefused) as refused:
        read_frozen_network(write_backbone(tmp_path / "b.onnx", nodes, outputs=outputs, more=WORSE))
    assert words in str(refused.value)


def test_all_that_is_wrong_is_said_at_once(tmp_path):
    nodes = [CONV, NODE("Sigmoid", ["s"], ["t"]), NODE("Tanh", ["t"], ["q"]), FLAT]
    with pytest.raises(ImportRefused) as refused:
        read_frozen_network(write_backbone(tmp_path / "b.onnx", nodes, outputs=384))
    assert len(refused.value.problems) == 2


def test_weights_beside_the_file_are_refused(tmp_path):
    path = write_backbone(tmp_path / "b.onnx")
    file = onnx.load(path)
    onnx.save(file, path, save_as_external_data=True, location="weights", size_threshold=0)
    assert (tmp_path / "weights").exists()
    with pytest.raises(ImportRefused, match="weights in files beside it"):
        read_frozen_network(path)


def test_files_that_are_none_are_refused(tmp_path, monkeypatch):
    for name in ("b.onnx", "b.network", "b.pt2"):
        (tmp_path / name).write_bytes(b"\x08\x08no network")
        with pytest.raises(ImportRefused):
            read_frozen_network(tmp_path / name)
        with pytest.raises(ImportRefused, match="expected"):
            read_frozen_network(tmp_path / f"missing-{name}")
        with pytest.raises(ImportRefused, match="expected"):
            read_frozen_network(tmp_path)
    monkeypatch.setattr("proofward.models.graph.frozen.file.MAX_BYTES", 100)
    with pytest.raises(ImportRefused, match="100"):
        read_frozen_network(write_backbone(tmp_path / "b.onnx"))


def test_another_computation_than_the_nodes_say_is_refused(tmp_path, monkeypatch):
    path = write_backbone(tmp_path / "b.onnx")
    monkeypatch.setattr(
        "proofward.models.graph.frozen.from_onnx.single_run", lambda *_: lambda rows: np.zeros((len(rows), 6))
    )
    with pytest.raises(ImportRefused, match="differ by"):
        read_frozen_network(path)
    assert drawn()["k1"].shape == (6, 1, 3, 3)


def test_a_second_input_is_refused(tmp_path):
    path = write_backbone(tmp_path / "b.onnx")
    file = onnx.load(path)
    file.graph.input.append(onnx.helper.make_tensor_value_info("row", onnx.TensorProto.FLOAT, ["batch", 3]))
    onnx.save(file, path)
    with pytest.raises(ImportRefused, match="two inputs: a frozen network takes pictures alone"):
        read_frozen_network(path)
