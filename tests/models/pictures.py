"""One convolutional network, written in ways that people write it."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from proofward.layers.networks.network import chain  # noqa: E402
from proofward.models.graph.parts.graph import network_graph  # noqa: E402

SHAPE = (2, 9, 7)
FIRST = {"kind": "conv2d", "outputs": 3, "kernel": 3, "stride": 2, "padding": 1}
SECOND = {"kind": "conv2d", "outputs": 4, "kernel": 3, "stride": 1, "padding": 1}
FLAT = 4 * 5 * 4
MODEL = chain(SHAPE, [FIRST, SECOND, {"kind": "linear", "outputs": 6}, {"kind": "linear", "outputs": 2}])
GRAPH = network_graph(SHAPE, MODEL)


def first(**options):
    return nn.Conv2d(2, 3, 3, stride=2, padding=1, **options)


def second(**options):
    return nn.Conv2d(3, 4, 3, **{"padding": 1, **options})


def rows():
    return nn.Linear(FLAT, 6)


class Nested(nn.Module):
    """Modules within modules."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Sequential(first(), nn.ReLU()), nn.Sequential(second(), nn.Identity()))
        self.head = nn.Sequential(nn.ReLU(), nn.Flatten(), rows(), nn.ReLU(), nn.Linear(6, 2))

    def forward(self, pictures):
        return self.head(self.body(pictures))


class Functional(nn.Module):
    """The layers, everything else by functions; `shape` and `relu` are what differs."""

    def __init__(self, shape=lambda x: x.flatten(1), relu=F.relu, last=None, middle=None):
        super().__init__()
        self.a, self.b, self.c = first(), middle or second(), rows()
        self.d = nn.Linear(6, 2) if last is None else last
        self.shape, self.relu = shape, relu

    def forward(self, pictures):
        relu = self.relu
        return self.d(relu(self.c(self.shape(relu(self.b(relu(self.a(pictures))))))))


class InPlace(Functional):
    """ReLU changes its input, and what it gives is not used."""

    def forward(self, pictures):
        values = self.a(pictures)
        F.relu_(values)
        values = self.b(values)
        values.relu_()
        values = self.c(values.flatten(1))
        return self.d(values.relu_())


class FunctionalConvolution(Functional):
    """Convolutions by functions, too."""

    def forward(self, pictures):
        values = F.relu(F.conv2d(pictures, self.a.weight, self.a.bias, stride=2, padding=1))
        values = F.relu(F.conv2d(values, self.b.weight, self.b.bias, padding="same"))
        return self.d(F.relu(self.c(values.flatten(1))))


def ways():
    """The same network in many ways, all with the same weights and a last bias of zeros."""
    torch.manual_seed(7)
    held = [(part.weight.data, part.bias.data) for part in (first(), second(), rows(), nn.Linear(6, 2))]
    held[3][1].zero_()
    made = {
        "sequential": nn.Sequential(
            first(), nn.ReLU(), second(), nn.ReLU(), nn.Flatten(), rows(), nn.ReLU(), nn.Linear(6, 2)
        ),
        "nested": Nested(),
        "functional relu": Functional(),
        "view": Functional(lambda x: x.view(x.size(0), -1), torch.relu),
        "reshape": Functional(lambda x: x.reshape(-1, FLAT), lambda x: x.relu()),
        "reshaped twice": Functional(lambda x: x.reshape(-1, 8, 10).flatten(1)),
        "no bias": Functional(last=nn.Linear(6, 2, bias=False)),
        "in place": InPlace(),
        "ReLU in place": nn.Sequential(
            first(), nn.ReLU(True), second(), nn.ReLU(True), nn.Flatten(), rows(), nn.ReLU(True), nn.Linear(6, 2)
        ),
        "flattened before ReLU": nn.Sequential(
            first(), nn.ReLU(), second(), nn.Flatten(), nn.ReLU(), rows(), nn.ReLU(), nn.Linear(6, 2)
        ),
        "padding by name": Functional(middle=second(padding="same")),
        "functional convolution": FunctionalConvolution(),
        "dropout of 0": nn.Sequential(
            first(), nn.ReLU(), second(), nn.ReLU(), nn.Dropout2d(0.0), nn.Flatten(), rows(), nn.ReLU(),
            nn.Linear(6, 2),
        ),
    }  # fmt: skip
    for module in made.values():
        layers = [part for part in module.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
        for part, (weight, bias) in zip(layers, held, strict=True):
            part.weight.data = weight.clone()
            if part.bias is not None:
                part.bias.data = bias.clone()
    return made
