"""Max-pooling comes in from PyTorch and ONNX beside the ReLU of a convolution, in either order."""

from __future__ import annotations

import numpy as np
import pytest

import proofward
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.networks.network import chain
from proofward.layers.rules.model import FixedPoint
from proofward.models.graph.parts.graph import Graph, network_graph
from proofward.models.graph.parts.nodes import Conv2d, Input, MaxPool2d, ReLU
from proofward.models.graph.parts.refusals import ImportRefused
from proofward.models.graph.settings_lines import settings_lines
from proofward.models.layer_lines import lines_of, network_of

SHAPE = (3, 9, 8)
LINES = ["conv2d 4 kernel 3 stride 1 padding 0", "relu_maxpool2d", "linear 5"]
LAYERS = [
    {"kind": "conv2d", "outputs": 4, "kernel": 3, "stride": 1, "padding": 0},
    {"kind": "relu_maxpool2d"},
    {"kind": "linear", "outputs": 5},
    {"kind": "linear", "outputs": 2},
]
MODEL = chain(SHAPE, LAYERS)


def test_the_graph_of_a_pooled_network_has_one_form() -> None:
    graph = network_graph(SHAPE, MODEL)
    assert graph.words().startswith("Input -> Conv2d(4, 3, stride=1, padding=0) -> ReLU -> MaxPool2d(2) -> Flatten")
    assert graph.to_network() == MODEL
    assert graph.digest != network_graph(SHAPE, chain(SHAPE, [LAYERS[0], *LAYERS[2:]])).digest
    wrong = Graph((Input((), SHAPE), Conv2d((0,), 4, 3, 1, 0), ReLU((1,)), MaxPool2d((2,), 3), *graph.nodes[4:]))
    with pytest.raises(ConfigurationError, match="activation relu_maxpool2d"):
        wrong.to_network()


def test_lines_of_a_consortium_file_name_the_pool() -> None:
    assert network_of(SHAPE, LINES) == MODEL and lines_of(MODEL) == LINES
    assert [line.strip(' ",') for line in settings_lines(MODEL)[2:-1]] == LINES
    for lines in (["relu_maxpool2d"], ["linear 3", "relu_maxpool2d"], [*LINES[:2], "relu_maxpool2d"], ["relu_maxpool2d 3"]):
        with pytest.raises(ConfigurationError):
            network_of(SHAPE, lines)


torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(3, 4, 3), nn.Linear(36, 5), nn.Linear(5, 2)

    def forward(self, pictures):  # type: ignore[no-untyped-def]
        pooled = F.max_pool2d(F.relu(self.a(pictures)), 2, stride=2)
        return self.c(F.relu(self.b(pooled.view(-1, 36))))


def rest() -> list[nn.Module]:
    return [nn.Flatten(), nn.Linear(36, 5), nn.ReLU(), nn.Linear(5, 2)]


WAYS = {
    "ReLU first": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), *rest()),
    "pool first": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2), nn.ReLU(), *rest()),
    "in place": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.MaxPool2d((2, 2), (2, 2)), *rest()),
    "by functions": Functional,
    "frozen norm": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), *rest()),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_write_it_is_the_same_network(way: str) -> None:
    torch.manual_seed(7)
    module = WAYS[way]().eval()
    made = proofward.from_torch(module, torch.zeros(1, *SHAPE))
    assert made.model == MODEL and made.graph.digest == network_graph(SHAPE, MODEL).digest
    pictures = torch.randn(5, *SHAPE, dtype=torch.float64)
    with torch.no_grad():
        expected = module.double()(pictures).numpy()
    assert np.allclose(made.logits(pictures.reshape(5, -1).numpy()), expected, atol=1e-9)
    assert made.first_weights(FixedPoint()).weights.size == MODEL.parameters


def test_the_network_of_the_sketch_comes_in_as_it_stands() -> None:
    """3x128x128, Conv2d(3, 32, 3), ReLU, MaxPool2d(2), Linear to 128 and to 2; its 62 is 63."""
    module = nn.Sequential(
        nn.Conv2d(3, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 63 * 63, 128), nn.ReLU(),
        nn.Linear(128, 2),
    ).eval()  # fmt: skip
    made = proofward.from_torch(module, torch.zeros(1, 3, 128, 128))
    assert made.model.words == "3x128x128-32x126x126-128-2" and made.model.parameters == 16_258_306


REFUSED = {
    "3x3": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(3), nn.Flatten(), nn.Linear(16, 2)),
    "stride 1": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2, stride=1), nn.Flatten(), nn.Linear(120, 2)),
    "padding": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2, padding=1), nn.Flatten(), nn.Linear(64, 2)),
    "ceil_mode": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True), nn.Flatten(), nn.Linear(48, 2)),
    "dilation": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2, dilation=2), nn.Flatten(), nn.Linear(24, 2)),
    "no ReLU": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 2)),
    "on the records": lambda: nn.Sequential(nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(48, 2)),
    "twice": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4, 2)),
    "average before ReLU": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.AvgPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(36, 2)),
    "average of overlapping windows": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AvgPool2d(3, stride=2), nn.Flatten(), nn.Linear(24, 2)),
    "average with padding": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AvgPool2d(2, padding=1), nn.Flatten(), nn.Linear(64, 2)),
    "average of another divisor": lambda: nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AvgPool2d(2, divisor_override=3), nn.Flatten(), nn.Linear(36, 2)
    ),
    "mean without ReLU": lambda: nn.Sequential(nn.Conv2d(3, 4, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_pools_are_refused_with_what_to_use_instead(name: str) -> None:
    with pytest.raises(ImportRefused, match="use a convolution with stride 2"):
        proofward.from_torch(REFUSED[name]().eval(), torch.zeros(1, *SHAPE))
