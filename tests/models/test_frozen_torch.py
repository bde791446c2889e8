"""A torch program as a frozen network."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from proofward.data.frozen.network import to_values  # noqa: E402
from proofward.data.frozen.weights import VALUE_BITS  # noqa: E402
from proofward.models.graph.frozen.file import read_frozen_network  # noqa: E402
from proofward.models.graph.parts.refusals import ImportRefused  # noqa: E402


def saved(path, module, shape=(1, 16, 16)):
    """The file of a module whose parameters are frozen."""
    torch.manual_seed(3)
    module.eval().requires_grad_(False)
    program = torch.export.export(
        module, (torch.zeros(2, *shape),), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},)
    )
    torch.export.save(program, path)
    return path


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.norm = nn.Conv2d(1, 4, 3, 2, 1), nn.Conv2d(4, 4, 3, 1, 1), nn.BatchNorm2d(4)
        self.pool, self.act = nn.MaxPool2d(3, 2, 1), nn.ReLU(inplace=True)

    def forward(self, x):
        x = self.pool(self.act(self.first(x)))
        return self.act(self.norm(self.second(x)) + x).mean((2, 3))


CUT = nn.Sequential(
    nn.Conv2d(1, 4, 3, 1, 1), nn.ReLU6(), nn.Conv2d(4, 4, 3, 2, 1, groups=4, bias=False), nn.BatchNorm2d(4),
    nn.Hardtanh(0, 2), nn.AvgPool2d(3, 2, 1), nn.MaxPool2d(4), nn.Flatten(), nn.Dropout(0.5), nn.Linear(4, 5),
)  # fmt: skip


@pytest.mark.parametrize(
    ("module", "kinds"),
    [
        (Residual(), ["convolution", "relu", "max", "convolution", "add", "relu", "mean"]),
        (CUT, ["convolution", "relu", "convolution", "relu", "mean", "max", "linear"]),
    ],
)
def test_it_is_what_the_module_computes(tmp_path, module, kinds):
    made = read_frozen_network(saved(tmp_path / "b.pt2", module))
    assert [node.kind for node in made.nodes] == kinds
    pictures = to_values(np.random.default_rng(1).standard_normal((3, *made.shape)))
    unit = 1 << VALUE_BITS
    with torch.no_grad():
        expected = module.double()(torch.from_numpy(pictures / unit)).numpy()
    module.float()
    assert np.abs(made.features(pictures) / unit - expected).max() < 1e-3


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (nn.Sigmoid(), "sigmoid: a frozen network has Conv"),
        (nn.Hardtanh(-1, 1), "only from 0 to a number above"),
        (nn.AvgPool2d(3, 2, 1, count_include_pad=False), "with zeros that count in means"),
        (nn.MaxPool2d(3, 2, ceil_mode=True), "without gaps"),
        (nn.MaxPool2d(2, dilation=2), "without gaps"),
        (nn.AdaptiveAvgPool2d(2), "more than one value a channel"),
        (nn.AdaptiveMaxPool2d(1), "a frozen network has Conv"),
        (nn.Conv2d(1, 1, 3, dilation=2), "dilation"),
    ],
)  # fmt: skip
def test_what_is_no_frozen_network_is_refused_by_name(tmp_path, layer, words):
    with pytest.raises(ImportRefused) as refused:
        read_frozen_network(saved(tmp_path / "b.pt2", nn.Sequential(layer, nn.Flatten())))
    assert words in str(refused.value)


class Joined(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.last = nn.Conv2d(1, 2, 3), nn.Linear(5, 4)

    def forward(self, x, row):
        return self.last(torch.cat([torch.relu(self.conv(x)).mean((2, 3)), row], 1))


def test_a_second_input_is_refused(tmp_path):
    examples = (torch.zeros(2, 1, 16, 16), torch.zeros(2, 3))
    free = tuple({0: torch.export.Dim.DYNAMIC} for _ in examples)
    module = Joined().eval().requires_grad_(False)
    torch.export.save(torch.export.export(module, examples, dynamic_shapes=free), tmp_path / "b.pt2")
    with pytest.raises(ImportRefused, match="two inputs: a frozen network takes pictures alone"):
        read_frozen_network(tmp_path / "b.pt2")
