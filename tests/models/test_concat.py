"""Networks with a row beside the picture come in from PyTorch and ONNX as one network; other Concats are refused."""

from __future__ import annotations

import numpy as np
import pytest

import proofward
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.networks.network import chain
from proofward.models.graph.parts.graph import Graph, network_graph
from proofward.models.graph.parts.nodes import Input
from proofward.models.graph.parts.refusals import ImportRefused
from proofward.models.graph.settings_lines import settings_lines
from proofward.models.layer_lines import lines_of, network_of

SHAPE, ROW = (1, 8, 8), 3
LINES = ["conv2d 2 kernel 3 stride 1 padding 1", "relu_maxpool2d", "linear 5", "add row by linear 5", "linear 4"]
MODEL = network_of(SHAPE, LINES, row=ROW)


def test_lines_and_graph_have_one_form() -> None:
    assert lines_of(MODEL) == LINES and MODEL.row == ROW
    assert [line.strip(' ",') for line in settings_lines(MODEL)[2:-1]] == LINES
    graph = network_graph(SHAPE, MODEL)
    assert graph.to_network() == MODEL and graph.shapes == [SHAPE, (ROW,)]
    others = {
        network_graph(SHAPE, network_of(SHAPE, LINES, row=4)).digest,
        network_graph(SHAPE, network_of(SHAPE, LINES[:3] + LINES[4:])).digest,
        network_graph(SHAPE, network_of(SHAPE, [*LINES[:3], LINES[4], "add row by linear 4"], row=ROW)).digest,
    }
    assert len(others | {graph.digest}) == 4
    first, _, *rest = graph.nodes
    for nodes in [(first, Input((), (4,)), *rest), (first, Input((), (3, 1)), *rest), (first, *rest)]:
        with pytest.raises(ConfigurationError):
            Graph(nodes).to_network()


def test_lines_are_refused_with_their_place() -> None:
    with pytest.raises(ConfigurationError, match=r"layer 2 \(add row by linear 4\).* values that join the sums"):
        network_of(SHAPE, ["linear 5", "add row by linear 4"], row=ROW)
    with pytest.raises(ConfigurationError, match="records with a row"):
        network_of(SHAPE, ["linear 5", "add row by linear 5"])
    with pytest.raises(ConfigurationError, match="a layer that it joins"):
        network_of(SHAPE, ["linear 5"], row=ROW)


torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402


class Joined(nn.Module):
    """A picture's features and a row, concatenated."""

    def __init__(self, row_first: bool = False, inputs_first: bool = True, width: int = 2 * 16 + ROW) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2)
        self.first, self.second, self.last = nn.Linear(width, 5), nn.Linear(5, 4), nn.Linear(4, 2)
        self.row_first, self.inputs_first = row_first, inputs_first

    def forward(self, x, row):  # type: ignore[no-untyped-def]
        x, row = (x, row) if self.inputs_first else (row, x)
        h = F.max_pool2d(F.relu(self.norm(self.conv(x))), 2).flatten(1)
        h = torch.cat([row, h] if self.row_first else [h, row], dim=1)
        return self.last(F.relu(self.second(F.relu(self.first(h)))))


def made(*given: bool) -> tuple[nn.Module, tuple]:  # type: ignore[type-arg]
    torch.manual_seed(3)
    module = Joined(*given)
    module.norm.running_mean.uniform_(-1, 1)
    module.norm.running_var.uniform_(0.5, 2)
    examples = (torch.zeros(2, *SHAPE), torch.zeros(2, ROW))
    return module.eval(), examples if module.inputs_first else examples[::-1]


@pytest.mark.parametrize("given", [(False, True), (True, True), (False, False), (True, False)])
def test_one_network_from_both_ways(tmp_path, given) -> None:  # type: ignore[no-untyped-def]
    module, examples = made(*given)
    found = proofward.from_torch(module, examples)
    assert found.model == MODEL and found.graph == network_graph(SHAPE, MODEL)
    assert [weight.shape for weight, _ in found.layers][1:] == [(5, 32), (4, 5), (2, 4), (5, ROW)]
    assert not found.layers[-1][1].any() and np.any(found.layers[-1][0])
    assert any("columns of the row are a layer of their own" in note for note in found.notes)
    rng = np.random.default_rng(1)
    picture, row = rng.normal(size=(5, *SHAPE)), rng.normal(size=(5, ROW))
    parts = [torch.tensor(part, dtype=torch.float32) for part in (picture, row)]
    with torch.no_grad():
        expected = module(*(parts if given[1] else parts[::-1])).numpy()
    told = found.logits(np.hstack([picture.reshape(5, -1), row]))
    assert np.allclose(told, expected, rtol=1e-4, atol=1e-5)
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    batch = torch.export.Dim("batch")
    torch.onnx.export(
        module, examples, tmp_path / "a.onnx", dynamo=True, dynamic_shapes=({0: batch}, {0: batch}), verbose=False
    )
    assert proofward.from_onnx(tmp_path / "a.onnx").graph == found.graph


def test_a_program_is_read_from_its_file(tmp_path) -> None:  # type: ignore[no-untyped-def]
    from proofward.models.graph.torch.from_torch import from_pt2

    module, examples = made()
    free = tuple({0: torch.export.Dim.DYNAMIC} for _ in examples)
    torch.export.save(torch.export.export(module, examples, dynamic_shapes=free), tmp_path / "a.pt2")
    assert from_pt2(tmp_path / "a.pt2").model == MODEL


class Added(Joined):
    """The same as a sum of two layers."""

    def __init__(self) -> None:
        super().__init__(width=32)
        self.of_row = nn.Linear(ROW, 5)

    def forward(self, x, row):  # type: ignore[no-untyped-def]
        h = F.max_pool2d(F.relu(self.norm(self.conv(x))), 2).flatten(1)
        return self.last(F.relu(self.second(F.relu(self.of_row(row) + self.first(h)))))


def test_a_row_that_is_added_through_a_layer_is_the_same_network() -> None:
    found = proofward.from_torch(Added().eval(), (torch.zeros(2, *SHAPE), torch.zeros(2, ROW)))
    assert found.model == MODEL and found.layers[-1][1].any()


def onnx_file(path, nodes, inputs, weights):  # type: ignore[no-untyped-def]
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    held = [onnx.numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in weights.items()]
    graph = helper.make_graph(
        [helper.make_node(op, given, [out], **more) for op, given, out, more in nodes], "g",
        [helper.make_tensor_value_info(name, kind, ["n", *shape]) for name, shape in inputs],
        [helper.make_tensor_value_info("out", kind, ["n", 2])], held,
    )  # fmt: skip
    file = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    file.ir_version = 8
    onnx.save(file, path)
    return path


def test_an_onnx_concat_of_two_tables(tmp_path) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(2)
    weights = {"w": rng.normal(size=(4, 5)), "b": rng.normal(size=4), "v": rng.normal(size=(2, 4)), "c": np.ones(2)}
    nodes = [
        ("Concat", ["x", "row"], "h", {"axis": -1}), ("Gemm", ["h", "w", "b"], "z", {"transB": 1}),
        ("Relu", ["z"], "a", {}), ("Gemm", ["a", "v", "c"], "out", {"transB": 1}),
    ]  # fmt: skip
    found = proofward.from_onnx(onnx_file(tmp_path / "a.onnx", nodes, [("x", (3,)), ("row", (2,))], weights))
    assert found.model == chain((3,), [
        {"kind": "linear", "outputs": 4}, {"kind": "add", "from": "row", "by": {"kind": "linear", "outputs": 4}},
        {"kind": "linear", "outputs": 2},
    ], 2)  # fmt: skip
    nodes[0] = ("Concat", ["x", "row"], "h", {"axis": 0})
    with pytest.raises(ImportRefused, match="only the row of a table"):
        proofward.from_onnx(onnx_file(tmp_path / "b.onnx", nodes, [("x", (5,)), ("row", (5,))], weights))


class Refused(nn.Module):
    def __init__(self, forward) -> None:  # type: ignore[no-untyped-def]
        super().__init__()
        self.a, self.b, self.c, self.d = nn.Linear(4, 4), nn.Linear(7, 4), nn.Linear(4, 2), nn.Linear(7, 2)
        self.r, self.e, self.f = nn.Linear(3, 3), nn.Linear(10, 4), nn.Linear(3, 4)
        self.run = forward

    def forward(self, x, row):  # type: ignore[no-untyped-def]
        return self.run(self, x, row)


class OfThree(Refused):
    def forward(self, x, row, other):  # type: ignore[no-untyped-def, override]
        return self.run(self, x, row + other)


def cat(*parts):  # type: ignore[no-untyped-def]
    return torch.cat(parts, dim=1)


@pytest.mark.parametrize(
    ("forward", "words"),
    [
        (lambda m, x, r: m.d(cat(m.a(x).relu(), r)), "in front of a Linear layer with ReLU behind"),
        (lambda m, x, r: m.c(m.b(cat(x, m.r(r).relu())).relu()), "only the row of a table"),
        (lambda m, x, r: m.c(m.e(cat(cat(x, r), r)).relu()), "only the row of a table"),
        (lambda m, x, r: m.c((m.b(cat(m.a(x).relu(), r)) + x).relu()), "into which nothing else joins"),
        (lambda m, x, r: m.c(m.a(x).relu()), "which no layer reads"),
        (lambda m, x, r: m.c(m.f(r).relu()), "the output does not depend on the input"),
    ],
)
def test_other_concats_are_refused_by_name(forward, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ImportRefused, match=words):
        proofward.from_torch(Refused(forward), (torch.zeros(2, 4), torch.zeros(2, 3)))


def test_other_inputs_are_refused_by_name() -> None:
    three = (torch.zeros(2, 4), torch.zeros(2, 3), torch.zeros(2, 3))
    with pytest.raises(ImportRefused, match="records are proved as one tensor, or as one and a second"):
        proofward.from_torch(OfThree(lambda m, x, r: m.c(m.b(cat(x, r)).relu())), three)
    pictures = (torch.zeros(2, 1, 2, 2), torch.zeros(2, 3, 1, 1))
    with pytest.raises(ImportRefused, match="records are proved as one tensor"):
        proofward.from_torch(Refused(lambda m, x, r: m.c(m.b(cat(x.flatten(1), r.flatten(1))).relu())), pictures)
