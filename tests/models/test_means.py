"""Means of windows and of whole pictures come in from PyTorch and ONNX behind the ReLU of a convolution."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import proofward  # noqa: E402
from proofward.layers.basics.errors import ConfigurationError  # noqa: E402
from proofward.layers.networks.network import chain  # noqa: E402
from proofward.models.graph.parts.graph import Graph, network_graph  # noqa: E402
from proofward.models.graph.parts.nodes import AvgPool2d  # noqa: E402
from proofward.models.graph.parts.refusals import ImportRefused  # noqa: E402
from proofward.models.layer_lines import lines_of, network_of  # noqa: E402

ODD = (2, 10, 9)
SHAPE = (2, 10, 10)
LINES = [
    "conv2d 4 kernel 3 stride 1 padding 1", "relu_avgpool2d", "conv2d 6 kernel 2 stride 1 padding 0",
    "relu_global_avgpool", "linear 5",
]  # fmt: skip
MODEL = network_of(SHAPE, LINES)


class Written(nn.Module):
    """The network, with the mean of a picture as somebody writes it."""

    def __init__(self, mean) -> None:  # type: ignore[no-untyped-def]
        super().__init__()
        self.a, self.b = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 6, 2)
        self.c, self.d, self.mean = nn.Linear(6, 5), nn.Linear(5, 2), mean

    def forward(self, x):  # type: ignore[no-untyped-def]
        x = nn.functional.avg_pool2d(torch.relu(self.a(x)), 2)
        x = self.mean(torch.relu(self.b(x)))
        return self.d(torch.relu(self.c(x.flatten(1))))


WAYS = {
    "adaptive": nn.AdaptiveAvgPool2d(1),
    "a window of the whole": nn.AvgPool2d(4),
    "mean of two axes": lambda x: x.mean((2, 3)),
    "mean from the end": lambda x: x.mean(dim=[-1, -2], keepdim=True),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_write_it_is_the_same_network(way: str) -> None:
    module = Written(WAYS[way]).eval()
    made = proofward.from_torch(module, torch.zeros(1, *SHAPE))
    assert made.model == MODEL and made.graph.digest == network_graph(SHAPE, MODEL).digest
    rows = np.random.default_rng(3).standard_normal((5, *SHAPE))
    with torch.no_grad():
        expected = module.double()(torch.from_numpy(rows)).numpy()
    assert np.allclose(made.logits(rows.reshape(5, -1)), expected, atol=1e-12)


@pytest.mark.parametrize("way", ["adaptive", "mean of two axes"])
def test_a_file_is_the_same_network(tmp_path, way: str) -> None:  # type: ignore[no-untyped-def]
    pytest.importorskip("onnxscript")
    module, path = Written(WAYS[way]).eval(), tmp_path / "own.onnx"
    torch.onnx.export(module, (torch.zeros(2, *SHAPE),), path, dynamo=True, verbose=False)
    assert proofward.from_onnx(path).graph == network_graph(SHAPE, MODEL)


class Uneven(nn.Module):
    """Windows of 3 x 3, groups of three channels, and the mean of 3 x 2 values."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(2, 6, 3, padding=1), nn.Conv2d(6, 6, 1, groups=2)
        self.pool, self.mean, self.c = nn.AvgPool2d(3), nn.AdaptiveAvgPool2d(1), nn.Linear(6, 2)

    def forward(self, x):  # type: ignore[no-untyped-def]
        x = self.pool(torch.relu(self.a(x)))
        return self.c(self.mean(torch.relu(self.b(x))).flatten(1))


UNEVEN = [
    "conv2d 6 kernel 3 stride 1 padding 1", "relu_avgpool2d 3", "conv2d 6 kernel 1 stride 1 padding 0 groups 2",
    "relu_global_avgpool",
]  # fmt: skip


def test_means_of_other_sizes_come_in(tmp_path) -> None:  # type: ignore[no-untyped-def]
    own, shape = Uneven().eval(), (2, 11, 8)
    made = proofward.from_torch(own, torch.zeros(1, *shape))
    assert lines_of(made.model) == UNEVEN and made.model == network_of(shape, UNEVEN)
    assert "AvgPool2d(3)" in made.graph.words() and made.graph.to_network() == made.model
    rows = np.random.default_rng(3).standard_normal((5, *shape))
    with torch.no_grad():
        expected = own.double()(torch.from_numpy(rows)).numpy()
    assert np.allclose(made.logits(rows.reshape(5, -1)), expected, atol=1e-12)
    pytest.importorskip("onnxscript")
    path = tmp_path / "own.onnx"
    torch.onnx.export(Uneven().eval(), (torch.zeros(2, *shape),), path, dynamo=True, verbose=False)
    assert proofward.from_onnx(path).graph == made.graph


def test_the_graph_names_means_and_has_one_form() -> None:
    graph = network_graph(SHAPE, MODEL)
    assert "ReLU -> AvgPool2d(2) -> Conv2d(6, 2, stride=1, padding=0) -> ReLU -> GlobalAvgPool -> Flatten" in graph.words()
    assert graph.to_network() == MODEL and lines_of(MODEL) == LINES
    three, one = (Graph(tuple(
        AvgPool2d(node.sources, side) if isinstance(node, AvgPool2d) else node for node in graph.nodes
    )) for side in (3, 1))  # fmt: skip
    assert three.to_network() == network_of(SHAPE, [LINES[0], "relu_avgpool2d 3", *LINES[2:]])
    with pytest.raises(ConfigurationError, match="size"):
        one.to_network()
    other = chain(SHAPE, [{"kind": "relu_maxpool2d"} if own["kind"] == "relu_avgpool2d" else own for own in MODEL.plain_layers])
    assert network_graph(SHAPE, other).digest != graph.digest


@pytest.mark.parametrize(
    "pool", [nn.AvgPool2d(3, stride=2), nn.AvgPool2d((3, 2)), nn.AvgPool2d(3, padding=1), nn.AvgPool2d(3, ceil_mode=True)]
)
def test_other_windows_are_refused_with_what_to_use(pool: nn.Module) -> None:
    own = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), pool, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
    with pytest.raises(ImportRefused, match="AvgPool2d of square windows side by side"):
        proofward.from_torch(own.eval(), torch.zeros(1, *ODD))


def test_means_to_several_values_are_refused_by_name() -> None:
    with pytest.raises(ImportRefused, match=r"use AdaptiveAvgPool2d\(1\)"):
        proofward.from_torch(
            nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, 2)).eval(),
            torch.zeros(1, *ODD),
        )
