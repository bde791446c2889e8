"""ONNX files: written in many ways they are one network; everything else is refused by name."""

from __future__ import annotations

import builtins

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

import proofward  # noqa: E402
from proofward.layers.networks.network import mlp  # noqa: E402
from proofward.models.graph.parts.graph import network_graph  # noqa: E402
from proofward.models.graph.parts.refusals import ImportRefused  # noqa: E402

RANDOM = np.random.default_rng(8)
FIRST, BIAS = RANDOM.standard_normal((8, 12)), RANDOM.standard_normal(8)
LAST, ZEROS = RANDOM.standard_normal((2, 8)), np.zeros(2)
HELD = {"w1": FIRST, "b1": BIAS, "w2": LAST, "b2": ZEROS, "w1t": FIRST.T, "w2t": LAST.T}
NODE = helper.make_node


def file(path, nodes, *, batch="batch", shape=(3, 4), outputs=2, dtype=np.float32, more=None, opset=17):
    """An ONNX file of these nodes, from `x` to `y`, with the weights that they name."""
    names = {name for node in nodes for name in node.input} - {name for node in nodes for name in node.output}
    ends = [None if batch == "batch" else batch, *np.atleast_1d(outputs).tolist()]
    held = {name: part.astype(dtype) for name, part in HELD.items()} | (more or {})
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    graph = helper.make_graph(
        nodes, "net",
        [helper.make_tensor_value_info("x", kind, [batch, *shape])],
        [helper.make_tensor_value_info("y", kind, ends)],
        [numpy_helper.from_array(np.array(part, order="C"), name) for name, part in held.items() if name in names],
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    made.ir_version = 8
    onnx.save(made, path)
    return path


FLAT = NODE("Flatten", ["x"], ["f"], axis=1)
GEMM = NODE("Gemm", ["f", "w1", "b1"], ["h"], transB=1, name="first")
RELU = NODE("Relu", ["h"], ["r"])
END = NODE("Gemm", ["r", "w2", "b2"], ["y"], transB=1, name="last")
SHAPES = {"minus": np.array([-1, 12]), "nought": np.array([0, -1]), "pairs": np.array([0, 2, 6]), "axis": np.array([1])}
WAYS = {
    "Gemm": [FLAT, GEMM, RELU, END],
    "Gemm of transposed weights": [
        FLAT, NODE("Gemm", ["f", "w1t", "b1"], ["h"]), RELU, NODE("Gemm", ["r", "w2t", "b2"], ["y"])],
    "MatMul and Add": [
        FLAT, NODE("MatMul", ["f", "w1t"], ["m"]), NODE("Add", ["m", "b1"], ["h"]), RELU,
        NODE("MatMul", ["r", "w2t"], ["n"]), NODE("Add", ["b2", "n"], ["y"])],
    "no bias": [FLAT, GEMM, RELU, NODE("MatMul", ["r", "w2t"], ["y"], name="last")],
    "Gemm without bias": [FLAT, GEMM, RELU, NODE("Gemm", ["r", "w2"], ["y"], transB=1, name="last")],
    "Reshape": [NODE("Reshape", ["x", "minus"], ["f"]), GEMM, RELU, END],
    "Reshape that copies": [NODE("Reshape", ["x", "nought"], ["f"]), GEMM, RELU, END],
    "reshaped twice": [NODE("Reshape", ["x", "pairs"], ["p"]), NODE("Flatten", ["p"], ["f"]), GEMM, RELU, END],
    "an axis more": [
        NODE("Unsqueeze", ["x", "axis"], ["u"]), NODE("Flatten", ["u"], ["f"]), GEMM, RELU, END],
    "Identity and Dropout of 0": [
        NODE("Identity", ["x"], ["i"]), NODE("Flatten", ["i"], ["f"]), GEMM, RELU,
        NODE("Dropout", ["r", "zero"], ["d"]), NODE("Gemm", ["d", "w2", "b2"], ["y"], transB=1)],
    "Constant": [
        NODE("Constant", [], ["w1"], value=numpy_helper.from_array(FIRST.astype(np.float32), "w1")),
        FLAT, GEMM, RELU, END],
}  # fmt: skip
MORE = {**SHAPES, "zero": np.array(0, np.float32), "half": np.array(0.5, np.float32), "two": np.array(2, np.float32)}


@pytest.mark.parametrize("way", WAYS)
def test_one_network_however_it_was_written(tmp_path, way):
    made = proofward.from_onnx(file(tmp_path / "m.onnx", WAYS[way], more=MORE))
    assert made.graph == network_graph((3, 4), mlp((12, 8, 2)))
    expected = [(FIRST, BIAS), (LAST, ZEROS)]
    for own, other in zip(made.layers, expected, strict=True):
        assert all(np.array_equal(a, b.astype(np.float32)) for a, b in zip(own, other, strict=True))
    assert bool(made.notes) == ("no bias" in way or "without" in way)


@pytest.mark.parametrize("batch", [1, 5, "batch"])
def test_any_batch_and_double_precision(tmp_path, batch):
    made = proofward.from_onnx(file(tmp_path / "m.onnx", WAYS["Gemm"], batch=batch, dtype=np.float64))
    assert np.array_equal(made.layers[0][0], FIRST) and made.model.widths == (12, 8, 2)


def test_more_than_two_outputs_are_taken_in(tmp_path):
    last = np.random.default_rng(4).standard_normal((5, 8)).astype(np.float32)
    more = {"w5": last, "b5": np.zeros(5, np.float32)}
    nodes = [FLAT, GEMM, RELU, NODE("Gemm", ["r", "w5", "b5"], ["y"], transB=1, name="last")]
    made = proofward.from_onnx(file(tmp_path / "m.onnx", nodes, outputs=5, more=more))
    assert made.model == mlp((12, 8, 5)) and made.graph.words().endswith("SoftmaxHead")
    assert np.array_equal(made.layers[1][0], last.astype(np.float64))


def test_without_onnxruntime_the_reference_implementation_is_asked(tmp_path, monkeypatch):
    asked, usual = [], builtins.__import__

    def absent(name, *rest, **others):
        if name == "onnxruntime":
            asked.append(name)
            raise ImportError(name)
        return usual(name, *rest, **others)

    monkeypatch.setattr(builtins, "__import__", absent)
    assert proofward.from_onnx(file(tmp_path / "m.onnx", WAYS["Gemm"])).model.widths == (12, 8, 2)
    assert asked


def after(*nodes):
    """Layers between the first and the last, from `h` to `r`."""
    return [FLAT, GEMM, *nodes, END]


REFUSED = {
    "convolution": ([NODE("Conv", ["x", "kernel"], ["c"], dilations=[2, 2], name="c1"), NODE("Flatten", ["c"], ["y"])],
                    {"shape": (1, 5, 5)}, ["c1: Conv: dilation [2, 2]", "use 1"]),
    "pooling": ([NODE("MaxPool", ["x"], ["c"], kernel_shape=[2, 2], name="p"), NODE("Flatten", ["c"], ["y"])],
                {"shape": (1, 2, 3)}, ["p: MaxPool (windows of 2 x 2, stride 1 x 1): only MaxPool2d(2) beside the ReLU of a convolution, and"]),
    "dropout": (after(NODE("Relu", ["h"], ["d"]), NODE("Dropout", ["d", "half"], ["r"], name="d")), {},
                ["d: Dropout (p = 0.5): remove it"]),
    "dropout's usual ratio": (after(NODE("Relu", ["h"], ["d"]), NODE("Dropout", ["d"], ["r"], name="d")), {}, ["p = 0.5"]),
    "a clip": (after(NODE("Clip", ["h", "zero", "two"], ["r"], name="k")), {}, ["k: Clip: use ReLU"]),
    "a residual": (after(NODE("Relu", ["h"], ["s"]), NODE("Add", ["s", "h"], ["r"], name="a")), {},
                   ["a: Add: only shortcuts are proved"]),
    "no ReLU": (after(NODE("Identity", ["h"], ["r"])), {}, ["first, last: two Linear layers without ReLU"]),
    "ReLU at the end": ([FLAT, GEMM, RELU, NODE("Gemm", ["r", "w2", "b2"], ["g"], transB=1),
                         NODE("Relu", ["g"], ["y"], name="e")], {}, ["e: ReLU of the outputs"]),
    "a sigmoid": ([FLAT, NODE("Gemm", ["f", "one"], ["g"], transB=1), NODE("Sigmoid", ["g"], ["y"], name="s")],
                  {"outputs": 1}, ["s: Sigmoid", "s: one output: use two outputs"]),
    "one output": ([FLAT, NODE("Gemm", ["f", "one"], ["y"], transB=1)], {"outputs": 1}, ["one output: use two"]),
    "65 outputs": ([FLAT, NODE("Gemm", ["f", "w65"], ["y"], transB=1)], {"outputs": 65}, ["65 outputs"]),
    "softmax": ([FLAT, GEMM, RELU, NODE("Gemm", ["r", "w2"], ["g"], transB=1), NODE("Softmax", ["g"], ["y"])], {},
                ["Softmax: leave it out"]),
    "scaled": ([FLAT, NODE("Gemm", ["f", "w1", "b1"], ["h"], transB=1, alpha=2.0, name="g"), RELU, END], {},
               ["g: Gemm with {'alpha': 2.0}"]),
    "shared": ([FLAT, NODE("Gemm", ["f", "sq"], ["g"], name="a"), NODE("Relu", ["g"], ["s"]),
                NODE("Gemm", ["s", "sq"], ["t"], name="b"), NODE("Relu", ["t"], ["u"]), NODE("Gemm", ["u", "w1", "b1"], ["h"], transB=1),
                RELU, END], {}, ["a and b share their weights"]),
    "several axes": ([NODE("MatMul", ["x", "four"], ["y"], name="m")], {"outputs": (3, 3)}, ["m: MatMul of records with several axes"]),
    "records joined": ([NODE("Reshape", ["x", "six"], ["f"], name="j"), NODE("Gemm", ["f", "halved"], ["y"], transB=1)], {},
                       ["j: Reshape joins or splits records"]),
    "a computed shape": ([NODE("Shape", ["x"], ["s"]), NODE("Reshape", ["x", "s"], ["z"], name="r"), NODE("Flatten", ["z"], ["f"]),
                          GEMM, RELU, END], {}, ["r: Reshape: a shape that is computed", "Shape"]),
    "half precision": (WAYS["Gemm"], {"dtype": np.float16}, ["numbers of type float16: expected float32 or float64"]),
    "a cast": ([NODE("Cast", ["x"], ["c"], to=TensorProto.DOUBLE), NODE("Cast", ["c"], ["d"], to=TensorProto.FLOAT),
                NODE("Flatten", ["d"], ["f"]), GEMM, RELU, END], {}, ["Cast: use the same float32 or float64"]),
}  # fmt: skip
WEIGHTS = {
    "kernel": np.zeros((2, 1, 3, 3), np.float32), "one": np.ones((1, 12), np.float32), "sq": np.eye(12, dtype=np.float32),
    "four": np.ones((4, 3), np.float32), "six": np.array([-1, 6]), "halved": np.ones((2, 6), np.float32),
    "w65": np.ones((65, 12), np.float32),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_proved_is_refused_by_name(tmp_path, name):
    nodes, options, said = REFUSED[name]
    path = file(tmp_path / "m.onnx", nodes, more=MORE | WEIGHTS, **options)
    with pytest.raises(ImportRefused) as error:
        proofward.from_onnx(path)
    assert all(words in str(error.value) for words in said), str(error.value)


def test_a_branch_is_refused(tmp_path):
    def branch(name):
        value = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        return helper.make_graph([NODE("Relu", ["h"], [name])], name, [], [value])

    node = NODE("If", ["yes"], ["r"], name="choice", then_branch=branch("t"), else_branch=branch("e"))
    path = file(tmp_path / "m.onnx", after(node), more={"yes": np.array(True)})
    with pytest.raises(ImportRefused, match="choice: If: data-dependent control flow"):
        proofward.from_onnx(path)


def test_all_layers_are_refused_at_once(tmp_path):
    nodes = after(NODE("Tanh", ["h"], ["t"], name="t1"), NODE("Dropout", ["t", "half"], ["d"], name="d1"),
                  NODE("Elu", ["d"], ["r"], name="e1"))  # fmt: skip
    with pytest.raises(ImportRefused) as error:
        proofward.from_onnx(file(tmp_path / "m.onnx", nodes, more=MORE))
    assert [words.split(":")[0] for words in error.value.problems] == ["t1", "d1", "e1"]


def test_a_file_that_computes_something_else_is_refused(tmp_path, monkeypatch):
    from proofward.models.graph.onnx import runs as module

    path = file(tmp_path / "m.onnx", WAYS["Gemm"])
    usual = module._session
    monkeypatch.setattr(module, "_session", lambda held: lambda inputs: usual(held)(inputs) + 0.01)
    with pytest.raises(ImportRefused, match=r"the file and the imported network differ by 0\.01"):
        proofward.from_onnx(path)


def test_other_files(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"\xff\xff no protobuf")
    for path in (tmp_path / "m.onnx", tmp_path / "nowhere.onnx"):
        with pytest.raises(ImportRefused, match="no ONNX file that can be read"):
            proofward.from_onnx(path)
