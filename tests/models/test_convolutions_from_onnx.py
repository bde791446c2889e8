"""Convolutional ONNX files: one network however it is written; all else is refused by name, or exact."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnx")

import proofward
from proofward.layers.networks.network import chain
from proofward.models.graph.parts.graph import network_graph
from proofward.models.graph.parts.refusals import ImportRefused
from proofward.models.settings import SCALES
from tests.models.test_from_onnx import NODE, file

SHAPE = (2, 9, 7)
RANDOM = np.random.default_rng(21)


def drawn(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


KERNEL, BIAS = drawn(3, 2, 3, 3), drawn(3)
SECOND, BIAS2 = drawn(4, 3, 3, 3), drawn(4)
HEAD, ZEROS = drawn(2, 80), np.zeros(2, np.float32)
HELD = {
    "k1": KERNEL, "c1": BIAS, "k2": SECOND, "c2": BIAS2, "h": HEAD, "ht": HEAD.T, "zeros": ZEROS,
    "row": np.array([-1, 80]), "copy": np.array([0, -1]), "pairs": np.array([0, 8, 10]), "none": np.array(0, np.float32),
}  # fmt: skip
MODEL = chain(SHAPE, [
    {"kind": "conv2d", "outputs": 3, "kernel": 3, "stride": 2, "padding": 1},
    {"kind": "conv2d", "outputs": 4, "kernel": 3, "stride": 1, "padding": 1},
    {"kind": "linear", "outputs": 2},
])  # fmt: skip
GRAPH = network_graph(SHAPE, MODEL)

FIRST = NODE("Conv", ["x", "k1", "c1"], ["s1"], strides=[2, 2], pads=[1, 1, 1, 1], kernel_shape=[3, 3], name="a")
RELU = NODE("Relu", ["s1"], ["r1"])
NEXT = NODE("Conv", ["r1", "k2", "c2"], ["s2"], pads=[1, 1, 1, 1], name="b")
RELU2 = NODE("Relu", ["s2"], ["r2"])
FLAT = NODE("Flatten", ["r2"], ["f"])
END = NODE("Gemm", ["f", "h", "zeros"], ["y"], transB=1, name="last")
WAYS = {
    "Conv": [FIRST, RELU, NEXT, RELU2, FLAT, END],
    "without its kernel's shape": [
        NODE("Conv", ["x", "k1", "c1"], ["s1"], strides=[2, 2], pads=[1, 1, 1, 1]), RELU, NEXT, RELU2, FLAT, END],
    "same upper": [
        FIRST, RELU, NODE("Conv", ["r1", "k2", "c2"], ["s2"], auto_pad="SAME_UPPER"), RELU2, FLAT, END],
    "same lower, stride 2": [
        NODE("Conv", ["x", "k1", "c1"], ["s1"], strides=[2, 2], auto_pad="SAME_LOWER"), RELU, NEXT, RELU2, FLAT, END],
    "Reshape": [FIRST, RELU, NEXT, RELU2, NODE("Reshape", ["r2", "row"], ["f"]), END],
    "Reshape that copies": [FIRST, RELU, NEXT, RELU2, NODE("Reshape", ["r2", "copy"], ["f"]), END],
    "reshaped twice": [
        FIRST, RELU, NEXT, RELU2, NODE("Reshape", ["r2", "pairs"], ["p"]), NODE("Flatten", ["p"], ["f"]), END],
    "flattened before Relu": [
        FIRST, RELU, NEXT, NODE("Flatten", ["s2"], ["g"]), NODE("Relu", ["g"], ["f"]), END],
    "no bias": [FIRST, RELU, NEXT, RELU2, FLAT, NODE("MatMul", ["f", "ht"], ["y"])],
    "MatMul and Add": [
        FIRST, RELU, NEXT, RELU2, FLAT, NODE("MatMul", ["f", "ht"], ["m"]), NODE("Add", ["m", "zeros"], ["y"])],
    "Identity and Dropout of 0": [
        FIRST, NODE("Identity", ["s1"], ["i"]), NODE("Relu", ["i"], ["j"]), NODE("Dropout", ["j", "none"], ["r1"]),
        NEXT, RELU2, FLAT, END],
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_one_network_however_it_was_written(tmp_path, way):
    made = proofward.from_onnx(file(tmp_path / "m.onnx", WAYS[way], shape=SHAPE, more=HELD))
    assert made.graph == GRAPH and made.graph.digest == GRAPH.digest and made.model == MODEL
    for own, other in zip(made.layers, [(KERNEL, BIAS), (SECOND, BIAS2), (HEAD, ZEROS)], strict=True):
        assert all(np.array_equal(a, b) and a.dtype == np.float64 for a, b in zip(own, other, strict=True))
    assert bool(made.notes) == (way == "no bias")


@pytest.mark.parametrize("batch", [1, 5, "batch"])
def test_logits_are_those_of_onnxruntime(tmp_path, batch):
    onnxruntime = pytest.importorskip("onnxruntime")
    path = file(tmp_path / "m.onnx", WAYS["Conv"], shape=SHAPE, batch=batch, more=HELD)
    made = proofward.from_onnx(path)
    pictures = drawn(batch if isinstance(batch, int) else 6, *SHAPE)
    expected = onnxruntime.InferenceSession(path).run(None, {"x": pictures})[0]
    assert np.abs(made.logits(pictures.reshape(len(pictures), -1).astype(np.float64)) - expected).max() < 1e-4


def test_double_precision_is_taken_in_and_first_weights_are_the_files(tmp_path):
    made = proofward.from_onnx(file(tmp_path / "m.onnx", WAYS["Conv"], shape=SHAPE, dtype=np.float64, more={
        name: part.astype(np.float64) if part.dtype == np.float32 else part for name, part in HELD.items()
    }))  # fmt: skip
    whole = np.concatenate([part.reshape(-1) for part in (KERNEL, BIAS, SECOND, BIAS2, HEAD, ZEROS)])
    first = made.first_weights(SCALES)
    assert np.array_equal(first.weights, np.rint(whole.astype(np.float64) * 2**SCALES.weight_bits))
    assert np.array_equal(MODEL.unflatten(first.weights)[1][0], np.rint(SECOND.astype(np.float64) * 2**24))


NORM = {"g": drawn(3), "t": drawn(3), "m": drawn(3), "v": np.abs(drawn(3)) + np.float32(0.5)}


def normalised(**options):
    return [
        NODE("Conv", ["x", "k1"], ["s"], strides=[2, 2], pads=[1, 1, 1, 1], name="a"),
        NODE("BatchNormalization", ["s", "g", "t", "m", "v"], ["s1"], name="n", **options),
        RELU, NEXT, RELU2, FLAT, END,
    ]  # fmt: skip


def test_a_frozen_batch_normalization_is_folded(tmp_path):
    made = proofward.from_onnx(file(tmp_path / "m.onnx", normalised(epsilon=0.01), shape=SHAPE, more=HELD | NORM))
    assert made.graph == GRAPH and made.notes == ("n is frozen, and folded into a, whose weights are trained",)
    gamma, beta, mean, variance = (part.astype(np.float64) for part in NORM.values())
    scale = gamma / np.sqrt(variance + np.float64(np.float32(0.01)))
    assert np.allclose(made.layers[0][0], KERNEL * scale[:, None, None, None], rtol=1e-14)
    assert np.allclose(made.layers[0][1], beta - scale * mean, rtol=1e-12)


def one(node, *, outputs=2, more=(), flat=None):
    """A file of one convolution `c` from x, with a head on what it gives."""
    return [node, *more, NODE("Relu", ["c"], ["r"]), NODE("Flatten", ["r"], ["f"]), NODE("Gemm", ["f", flat or "w"], ["y"], transB=1)]


def conv(kernel="k", **options):
    return NODE("Conv", ["x", kernel], ["c"], name="c1", **options)


REFUSED = {
    "dilation": (one(conv(dilations=[2, 2])), 2 * 5 * 3, ["c1: Conv: dilation [2, 2]", "use 1"]),
    "kernel": (one(conv("wide")), 2 * 9 * 5, ["c1: Conv: a kernel of 1x3: use a square one"]),
    "strides": (one(conv(strides=[1, 2])), 2 * 7 * 3, ["c1: Conv: strides [1, 2]: use the same"]),
    "stride": (one(conv("point", strides=[65, 65])), 2, ["a stride of 65: use at most 64"]),
    "padding": (one(conv(pads=[0, 0, 1, 1])), 2 * 8 * 6, ["padding (0, 1, 0, 1)", "the same on all sides"]),
    "paddings": (one(conv(pads=[1, 0, 1, 0])), 2 * 9 * 5, ["padding (1, 1, 0, 0)", "the same on all sides"]),
    "same of an even kernel": (one(conv("even", auto_pad="SAME_UPPER")), 2 * 9 * 7, ["padding (0, 1, 0, 1)", "an odd kernel"]),
    "same lower": (one(conv("even", auto_pad="SAME_LOWER")), 2 * 9 * 7, ["padding (1, 0, 1, 0)"]),
    "transposed": (one(NODE("ConvTranspose", ["x", "k"], ["c"], name="c1")), 2 * 11 * 9, ["c1: ConvTranspose: use Conv2d"]),
    "max pool": (one(NODE("MaxPool", ["x"], ["c"], kernel_shape=[3, 3], name="p")), 2 * 7 * 5, ["p: MaxPool (windows of 3 x 3, stride 1 x 1): only MaxPool2d(2)", "stride 2"]),
    "rounded up": (one(NODE("MaxPool", ["x"], ["c"], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1, name="p")), 2 * 5 * 4,
                   ["p: MaxPool (windows of 2 x 2, stride 2 x 2, ceil_mode)"]),
    "padded windows": (one(NODE("AveragePool", ["x"], ["c"], kernel_shape=[2, 2], pads=[0, 0, 1, 1], auto_pad="NOTSET", name="p")),
                       2 * 9 * 7, ["p: AveragePool (windows of 2 x 2, stride 1 x 1, padding [0, 0, 1, 1])"]),
    "average": (one(NODE("GlobalAveragePool", ["x"], ["c"], name="p")), 2, ["p: the mean of a picture: only MaxPool2d(2)", "the mean of a whole picture behind it"]),
    "padded": (one(NODE("Pad", ["x", "around"], ["c"], name="p")), 2 * 11 * 9, ["p: Pad", "own zero padding"]),
    "Gelu": ([conv(), NODE("Sigmoid", ["c"], ["r"], name="s"), *one(conv())[2:]], 2 * 7 * 5, ["s: Sigmoid: use ReLU"]),
    "a bias added": ([NODE("Conv", ["x", "k"], ["d"]), NODE("Add", ["d", "plane"], ["c"], name="p"), *one(conv())[1:]],
                     2 * 7 * 5, ["p: Add"]),
    "no ReLU": ([conv(), NODE("Identity", ["c"], ["r"]), *one(conv())[2:]], 2 * 7 * 5, ["two layers without ReLU"]),
    "shared": ([NODE("Conv", ["x", "k"], ["d"], pads=[1, 1, 1, 1], name="c0"), NODE("Relu", ["d"], ["e"]),
                NODE("Conv", ["e", "k"], ["c"], name="c1"), *one(conv())[1:]], 2 * 7 * 5, ["c0 and c1 share their weights"]),
    "BatchNormalization that learns": (
        [NODE("Conv", ["x", "k"], ["d"]), NODE("BatchNormalization", ["d", "two", "two", "two", "two"], ["c", "q", "u"],
                                               training_mode=1, name="n"), *one(conv())[1:]],
        2 * 7 * 5, ["n: BatchNormalization (in training mode): training BatchNorm is not proved"]),
    "BatchNormalization behind Relu": (
        [conv(), NODE("Relu", ["c"], ["e"]), NODE("BatchNormalization", ["e", "two", "two", "two", "two"], ["r"], name="n"),
         *one(conv())[2:]], 2 * 7 * 5, ["n: BatchNorm is taken only directly behind"]),
    "reshaped": ([NODE("Reshape", ["x", "turned"], ["z"]), NODE("Conv", ["z", "k"], ["c"], name="c1"), *one(conv())[1:]],
                 2 * 5 * 7, ["a record has the shape (2, 9, 7), c1 takes (2, 7, 9): do not reshape"]),
    "half": (one(conv()), 2 * 7 * 5, ["numbers of type float16"]),
}  # fmt: skip
MORE = {
    "k": drawn(2, 2, 3, 3), "grouped": drawn(6, 1, 3, 3), "wide": drawn(2, 2, 1, 3), "point": drawn(2, 2, 1, 1), "even": drawn(2, 2, 2, 2),
    "around": np.array([0, 0, 1, 1, 0, 0, 1, 1]), "plane": drawn(2, 1, 1), "two": np.ones(2, np.float32),
    "turned": np.array([-1, 2, 7, 9]),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_proved_is_refused_by_name(tmp_path, name):
    nodes, size, said = REFUSED[name]
    dtype = np.float16 if name == "half" else np.float32
    held = {"w": drawn(2, size), **MORE}
    held = {key: part.astype(dtype) if part.dtype == np.float32 else part for key, part in held.items()}
    path = file(tmp_path / "m.onnx", nodes, shape=SHAPE, dtype=dtype, more=held)
    with pytest.raises(ImportRefused) as error:
        proofward.from_onnx(path)
    assert all(words in str(error.value) for words in said), str(error.value)


def test_padding_that_no_kernel_reaches_is_the_same(tmp_path):
    nodes = one(conv(strides=[2, 2], pads=[1, 1, 2, 2]))
    path = file(tmp_path / "m.onnx", nodes, shape=SHAPE, more={**MORE, "w": drawn(2, 2 * 5 * 4)})
    layer = proofward.from_onnx(path).model.layers[0]
    assert (layer.stride, layer.padding, layer.gives.axes) == (2, 1, (2, 5, 4))


def test_a_picture_of_open_size_and_computed_kernels_are_refused(tmp_path):
    held = {**MORE, "w": drawn(2, 70)}
    path = file(tmp_path / "m.onnx", one(conv()), shape=(2, "height", 7), more=held)
    with pytest.raises(ImportRefused, match="c1: Conv of pictures of a size that the file leaves open"):
        proofward.from_onnx(path)
    nodes = one(conv("d"), more=[])
    path = file(tmp_path / "m.onnx", [NODE("Relu", ["k"], ["d"]), *nodes], shape=SHAPE, more=held)
    with pytest.raises(ImportRefused, match="c1: Conv of weights that are computed"):
        proofward.from_onnx(path)


def test_what_onnxruntime_computes_differently_is_refused(tmp_path, monkeypatch):
    from proofward.models.graph.onnx import from_onnx as module

    path = file(tmp_path / "m.onnx", WAYS["Conv"], shape=SHAPE, more=HELD)
    usual = module.double_run
    monkeypatch.setattr(module, "single_run", lambda *given: lambda rows: usual(*given)(rows) * 1.01)
    with pytest.raises(ImportRefused, match="the file in onnxruntime and the imported network differ by"):
        module.from_onnx(path)
    monkeypatch.setattr(module, "double_run", lambda *given: lambda rows: usual(*given)(rows) + 1e-6)
    with pytest.raises(ImportRefused, match="the file and the imported network differ by 1e-06"):
        module.from_onnx(path)
