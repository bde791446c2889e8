"""Residual networks come in from PyTorch and ONNX as one network; other Adds are refused by name."""

from __future__ import annotations

import numpy as np
import pytest

import proofward
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.networks.network import chain
from proofward.models.graph.parts.graph import Graph, network_graph
from proofward.models.graph.parts.nodes import Add
from proofward.models.graph.parts.refusals import ImportRefused
from proofward.models.graph.settings_lines import settings_lines
from proofward.models.layer_lines import lines_of, network_of
from proofward.models.presets import PRESETS

SHAPE = (1, 6, 6)
LINES = [
    "conv2d 2 kernel 3 stride 1 padding 1", "relu_maxpool2d", "conv2d 2 kernel 3 stride 1 padding 1",
    "conv2d 2 kernel 3 stride 1 padding 1", "add 1", "conv2d 4 kernel 3 stride 2 padding 1",
    "conv2d 4 kernel 3 stride 1 padding 1", "add 3 by conv2d 4 kernel 1 stride 2 padding 0",
]  # fmt: skip
MODEL = network_of(SHAPE, LINES)


def test_lines_and_graph_have_one_form() -> None:
    assert lines_of(MODEL) == LINES
    assert [line.strip(' ",') for line in settings_lines(MODEL)[2:-1]] == LINES
    graph = network_graph(SHAPE, MODEL)
    assert graph.to_network() == MODEL and [node.kind for node in graph.nodes].count("add") == 2
    others = [[*LINES[:4], *LINES[5:]], [*LINES[:4], "add 2", *LINES[5:]], [*LINES[:7], "add 3 by " + LINES[5]]]
    digests = {network_graph(SHAPE, network_of(SHAPE, own)).digest for own in others}
    assert len(digests | {graph.digest}) == 4
    (first, _), nodes = [at for at, node in enumerate(graph.nodes) if isinstance(node, Add)], graph.nodes
    for sources in [nodes[first].sources[::-1], (0, 1), nodes[first].sources[:1], (first - 1, first - 1)]:
        with pytest.raises(ConfigurationError):
            Graph((*nodes[:first], Add(sources), *nodes[first + 1 :])).to_network()


def test_a_row_has_shortcuts_too() -> None:
    row = network_of((5,), ["linear 4", "add 0 by linear 4", "linear 4", "add 1"])
    assert network_graph((5,), row).to_network() == row and not row.is_mlp
    picture = chain((1, 2, 2), [*row.plain_layers[:1], {"kind": "add", "from": 0, "by": row.layers[0].to_plain()}, *row.plain_layers[2:]])
    assert network_graph((1, 2, 2), picture).to_network() == picture


def test_the_preset_is_a_residual_network() -> None:
    assert [(own.source, own.into, own.by) for own in PRESETS["resnet-small"].model.shortcuts] == [(1, 2, None), (3, 4, 6)]


torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402


class Block(nn.Module):
    """As torchvision has it: in place, without biases, with norms, and a layer where sizes differ."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
        self.relu, self.downsample = nn.ReLU(inplace=True), None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):  # type: ignore[no-untyped-def]
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


def residual() -> nn.Module:
    torch.manual_seed(4)
    stem = [nn.Conv2d(1, 2, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2)]
    made = nn.Sequential(*stem, Block(2, 2, 1), Block(2, 4, 2), nn.Flatten(), nn.Linear(16, 2))
    for part in made.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)
            nn.init.uniform_(part.weight, 0.5, 2)
            nn.init.normal_(part.bias)
    return made.eval()


def test_a_module_as_torchvision_has_it() -> None:
    made = proofward.from_torch(residual(), torch.zeros(1, *SHAPE))
    assert made.model == MODEL and made.graph == network_graph(SHAPE, MODEL)
    assert "4.downsample.1 is frozen, and folded into 4.downsample.0, whose weights are trained" in made.notes
    assert [len(weight) for weight, _ in made.layers] == [2, 2, 2, 4, 4, 2, 4]


class Own(nn.Module):
    """Convolutions a, b, c that keep channels and sizes, p to one channel, and a Linear behind forward(m, x)."""

    def __init__(self, forward) -> None:  # type: ignore[no-untyped-def]
        super().__init__()
        self.own = forward
        for name in "abc":
            setattr(self, name, nn.Conv2d(1, 1, 3, 1, 1))
        self.p, self.wide, self.end = nn.Conv2d(1, 1, 1), nn.Conv2d(1, 2, 3, 1, 1), nn.LazyLinear(2)
        self.end(forward(self, torch.zeros(1, *SHAPE)).flatten(1))

    def forward(self, x):  # type: ignore[no-untyped-def]
        return self.end(self.own(self, x).flatten(1))


TAKEN = {
    "the record": (lambda m, x: F.relu(x + m.a(x)), ["add 0"]),
    "two layers on one": (lambda m, x: F.relu(m.a(x) + m.p(x)), ["add 0 by conv2d 1 kernel 1 stride 1 padding 0"]),
    "the layer written first": (
        lambda m, x: F.relu(m.p(x) + m.b(F.relu(m.a(x)))), ["", "add 0 by conv2d 1 kernel 1 stride 1 padding 0"]
    ),
    "pooled": (lambda m, x: F.max_pool2d(F.relu(m.a(x) + x), 2), ["add 0", "relu_maxpool2d"]),
    "pooled before ReLU": (lambda m, x: F.relu(F.max_pool2d(m.a(x) + x, 2)), ["add 0", "relu_maxpool2d"]),
}  # fmt: skip


@pytest.mark.parametrize("way", TAKEN)
def test_ways_to_write_a_shortcut(way: str) -> None:
    forward, lines = TAKEN[way]
    conv = "conv2d 1 kernel 3 stride 1 padding 1"
    found = lines_of(proofward.from_torch(Own(forward), torch.zeros(1, *SHAPE)).model)
    assert found == [conv, *(line or conv for line in lines)]


REFUSED = {
    "behind ReLU": (lambda m, x: F.relu(m.a(x)) + x, ["Add: only shortcuts are proved"]),
    "no ReLU behind": (lambda m, x: m.b(m.a(x) + x), ["Add without ReLU behind it"]),
    "before ReLU": (lambda m, x: F.relu(m.b(F.relu(h := m.a(x))) + h), ["Add: only shortcuts are proved"]),
    "three": (lambda m, x: F.relu(m.a(x) + x + m.p(x)), ["Add: only shortcuts are proved"]),
    "two layers between": (lambda m, x: F.relu(m.b(F.relu(m.a(x))) + m.p(m.c(x))), ["Add: only shortcuts"]),
    "other shapes": (lambda m, x: F.relu(m.wide(x) + x), ["Add of the shapes (2, 6, 6) and (1, 6, 6): put a 1x1"]),
    "a constant": (lambda m, x: F.relu(m.a(x) + 1.0), ["aten.add", "of a constant"]),
    "alpha": (lambda m, x: F.relu(torch.add(m.a(x), x, alpha=2)), ["aten.add", "with alpha"]),
    "a parameter": (lambda m, x: F.relu(m.a(x) + m.p.bias), ["does not depend on the input"]),
    "a product": (lambda m, x: F.relu(m.a(x) * x), ["aten.mul", "not proved by this version"]),
    "a difference": (lambda m, x: F.relu(m.a(x) - x), ["aten.sub", "not proved by this version"]),
    "joined channels": (lambda m, x: F.relu(torch.cat([m.a(x), x], 1)), ["aten.cat", "only the row of a table"]),
    "shared": (lambda m, x: F.relu(m.a(F.relu(m.b(x))) + m.a(x)), ["share their weights"]),
    "between a ReLU and its pool": (
        lambda m, x: F.relu(m.b(F.max_pool2d(h := F.relu(m.a(x)), 2)) + F.max_pool2d(h, 2)), ["Add: only shortcuts"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_other_adds_are_refused(name: str) -> None:
    forward, words = REFUSED[name]
    with pytest.raises(ImportRefused) as refused:
        proofward.from_torch(Own(forward), torch.zeros(1, *SHAPE))
    assert all(word in str(refused.value) for word in words), str(refused.value)


def test_a_sum_of_logits_is_no_shortcut() -> None:
    class Logits(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x):  # type: ignore[no-untyped-def]
            return self.b(h := F.relu(self.a(x))) + h

    with pytest.raises(ImportRefused, match="Add without ReLU behind it"):
        proofward.from_torch(Logits(), torch.zeros(1, 2))


def test_a_file_of_onnx_is_the_same_network(tmp_path) -> None:  # type: ignore[no-untyped-def]
    onnx = pytest.importorskip("onnx")
    from onnx import helper, numpy_helper

    node = helper.make_node
    first = proofward.from_torch(residual(), torch.zeros(1, *SHAPE))
    held = [
        numpy_helper.from_array(part.astype(np.float64), f"{kind}{at}")
        for at, parts in enumerate(first.layers) for kind, part in zip("wb", parts, strict=True)
    ]  # fmt: skip

    def conv(at: int, source: str, stride: int = 1, padding: int = 1) -> object:
        return node("Conv", [source, f"w{at}", f"b{at}"], [f"s{at}"], strides=[stride] * 2, pads=[padding] * 4)

    def relu(source: str, to: str) -> object:
        return node("Relu", [source], [to])

    nodes = [
        conv(0, "x"), relu("s0", "r0"), node("MaxPool", ["r0"], ["v1"], kernel_shape=[2, 2], strides=[2, 2]),
        conv(1, "v1"), relu("s1", "v2"), conv(2, "v2"), node("Add", ["v1", "s2"], ["a2"]), relu("a2", "v3"),
        conv(6, "v3", 2, 0), conv(3, "v3", 2), relu("s3", "v4"), conv(4, "v4"), node("Add", ["s6", "s4"], ["a4"]),
        relu("a4", "v5"), node("Flatten", ["v5"], ["f"]), node("Gemm", ["f", "w5", "b5"], ["y"], transB=1),
    ]  # fmt: skip
    value = [helper.make_tensor_value_info(name, onnx.TensorProto.DOUBLE, axes) for name, axes in (("x", ["n", *SHAPE]), ("y", ["n", 2]))]
    path = tmp_path / "own.onnx"
    onnx.save(helper.make_model(helper.make_graph(nodes, "own", value[:1], value[1:], held), ir_version=8,
                                opset_imports=[helper.make_opsetid("", 17)]), path)  # fmt: skip
    found = proofward.from_onnx(path)
    assert found.model == MODEL and found.graph.digest == first.graph.digest
    for own, other in zip(found.layers, first.layers, strict=True):
        assert all(np.array_equal(one, two) for one, two in zip(own, other, strict=True))
