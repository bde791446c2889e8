"""PyTorch modules: written in many ways they are one network; everything else is refused by name."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import proofward  # noqa: E402
from proofward.layers.networks.network import mlp  # noqa: E402
from proofward.models.graph.parts.graph import network_graph  # noqa: E402
from proofward.models.graph.parts.refusals import ImportRefused  # noqa: E402
from tests.models.networks import HIDDEN, INPUTS, SHAPE, ways  # noqa: E402

WAYS = ways()
ROWS = torch.zeros((1, *SHAPE))


@pytest.mark.parametrize("way", WAYS)
def test_one_network_however_it_was_written(way):
    made = proofward.from_torch(WAYS[way], ROWS)
    first = proofward.from_torch(WAYS["sequential"], ROWS)
    assert made.graph == first.graph == network_graph(SHAPE, mlp((INPUTS, HIDDEN, 2)))
    assert made.graph.digest == first.graph.digest
    for own, other in zip(made.layers, first.layers, strict=True):
        assert all(np.array_equal(a, b) and a.dtype == np.float64 for a, b in zip(own, other, strict=True))
    assert bool(made.notes) == (way == "no bias")


def test_it_computes_what_torch_computes_and_leaves_the_module_as_it_was():
    module = WAYS["nested"].train()
    made = proofward.from_torch(module, ROWS)
    assert all(part.training for part in module.modules())
    rows = np.random.default_rng(2).standard_normal((9, INPUTS)).astype(np.float32)
    expected = module.eval()(torch.from_numpy(rows.reshape(9, *SHAPE))).detach().numpy()
    assert np.abs(made.logits(rows.astype(np.float64)) - expected).max() < 1e-5


def test_double_precision_is_taken_in():
    module = nn.Linear(3, 2).double()
    made = proofward.from_torch(module, torch.zeros((1, 3), dtype=torch.float64))
    assert np.array_equal(made.layers[0][0], module.weight.detach().numpy()) and made.settings.hidden == ()


def test_more_than_two_outputs_are_taken_in():
    module = nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 5)).double()
    made = proofward.from_torch(module, torch.zeros((1, 3, 4), dtype=torch.float64))
    assert made.model == mlp((12, 8, 5)) and made.graph.words().endswith("SoftmaxHead")
    rows = np.random.default_rng(2).standard_normal((9, 12))
    assert np.allclose(made.logits(rows), module(torch.from_numpy(rows.reshape(9, 3, 4))).detach().numpy())


def flat(*layers):
    return nn.Sequential(nn.Linear(8, 8), *layers, nn.Linear(8, 2))


def images(*layers, outputs=2):
    return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(outputs))


class Own(nn.Module):
    """A forward of one's own over two layers."""

    def __init__(self, forward):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 2)
        self.way = forward

    def forward(self, x):
        return self.way(self, x)


def tied():
    made = Own(lambda m, x: m.c(F.relu(m.b(F.relu(m.a(x))))))
    made.b.weight = made.a.weight
    return made


def frozen():
    made = flat(nn.ReLU())
    made[0].requires_grad_(False)
    return made


PICTURE = (1, 8, 8)
REFUSED = {
    "dilation": (images(nn.Conv2d(1, 2, 3, dilation=2)), PICTURE, ["dilation [2, 2]", "use 1"]),
    "max pool": (images(nn.MaxPool2d(2)), PICTURE, ["max_pool2d", "use a convolution with stride 2"]),
    "average pool": (images(nn.AvgPool2d(2)), PICTURE, ["avg_pool2d", "use a convolution with stride 2"]),
    "adaptive pool": (images(nn.AdaptiveAvgPool2d(1)), PICTURE, ["the mean of a picture", "use a convolution with stride 2"]),
    "batch norm behind ReLU": (flat(nn.ReLU(), nn.BatchNorm1d(8)), (8,), ["2: BatchNorm is taken only directly behind"]),
    "layer norm": (flat(nn.LayerNorm(8), nn.ReLU()), (8,), ["layer_norm", "scale the features beforehand"]),
    "dropout": (flat(nn.ReLU(), nn.Dropout(0.25)), (8,), ["2: Dropout (p = 0.25)", "remove it (p = 0)"]),
    "alpha dropout": (flat(nn.ReLU(), nn.AlphaDropout(0.5)), (8,), ["AlphaDropout", "remove it (p = 0)"]),
    "functional dropout": (Own(lambda m, x: m.c(F.relu(F.dropout(m.a(x), 0.5, True)))), (8,), ["remove it"]),
    "a constant added": (Own(lambda m, x: m.c(x) + torch.ones(2)), (8,), ["not proved"]),
    "one output": (nn.Linear(8, 1), (8,), ["one output: use two outputs"]),
    "a sigmoid": (nn.Sequential(nn.Linear(8, 1), nn.Sigmoid()), (8,), ["use ReLU", "use two outputs"]),
    "softmax": (nn.Sequential(nn.Linear(8, 2), nn.Softmax(1)), (8,), ["leave it out"]),
    "65 outputs": (nn.Linear(8, 65), (8,), ["65 outputs"]),
    "added behind ReLU": (Own(lambda m, x: m.c(F.relu(m.a(x)) + x)), (8,), ["Add: only shortcuts are proved"]),
    "two outputs of the module": (Own(lambda m, x: (m.c(x), m.a(x))), (8,), ["2 outputs of the module"]),
    "tied": (tied(), (8,), ["a and b share their weights"]),
    "a layer twice": (Own(lambda m, x: m.c(F.relu(m.a(F.relu(m.a(x)))))), (8,), ["share their weights"]),
    "frozen": (frozen(), (8,), ["0: 0.weight is frozen", "requires_grad_(True)"]),
    "computed weights": (Own(lambda m, x: F.linear(x, m.c.weight * 2)), (8,), ["not proved"]),
    "branch on data": (Own(lambda m, x: m.c(x) if x.sum() > 0 else m.c(-x)), (8,), ["data-dependent control flow"]),
    "half": (nn.Linear(8, 2).half(), (8,), ["torch.float16", "float32 or float64"]),
    "bfloat": (nn.Linear(8, 2).bfloat16(), (8,), ["torch.bfloat16"]),
    "a cast": (Own(lambda m, x: m.c(x.half().float())), (8,), ["use the same float32 or float64 throughout"]),
    "several axes": (nn.Linear(8, 2), (3, 8), ["flatten them before"]),
    "records joined": (Own(lambda m, x: F.relu(m.c(x)).reshape(-1, 4)), (8,), ["batch"]),
    "no ReLU": (flat(), (8,), ["without ReLU between"]),
    "constant": (Own(lambda m, x: torch.zeros(x.shape[0], 2)), (8,), ["not proved"]),
}  # fmt: skip
for _activation in ("GELU", "SiLU", "Sigmoid", "Tanh", "LeakyReLU", "ELU", "Hardtanh", "Softplus", "ReLU6"):
    REFUSED[_activation] = (flat(getattr(nn, _activation)()), (8,), ["1: aten.", "use ReLU"])


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_proved_is_refused_by_name(name):
    module, shape, said = REFUSED[name]
    example = torch.zeros((2, *shape))
    if name in ("half", "bfloat"):
        example = example.to(next(module.parameters()).dtype)
    else:
        module.eval()(example)  # makes lazy layers
    with pytest.raises(ImportRefused) as error:
        proofward.from_torch(module, example)
    assert all(words in str(error.value) for words in said), str(error.value)


def test_all_layers_are_refused_at_once():
    module = nn.Sequential(
        nn.Conv2d(1, 2, 3, dilation=2), nn.GELU(), nn.AvgPool2d(2, ceil_mode=True), nn.Flatten(), nn.Dropout(0.1), nn.Linear(8, 1)
    )
    with pytest.raises(ImportRefused) as error:
        proofward.from_torch(module, torch.zeros((1, *PICTURE)))
    found = error.value.problems
    assert len(found) == 4 and {words.split(":")[0] for words in found} == {"0", "1", "2", "4"}


class Lying(nn.Module):
    """Another network while it is exported."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 2)

    def forward(self, x):
        return self.layer(x) if torch.compiler.is_exporting() else self.layer(x) + 0.001


def test_a_module_that_computes_something_else_is_refused_with_the_difference():
    with pytest.raises(ImportRefused, match=r"differ by 0\.001, allowed is"):
        proofward.from_torch(Lying(), torch.zeros((1, 8)))


@pytest.mark.parametrize("module, example, said", [
    ("a path", ROWS, "expected a torch.nn.Module, found str"),
    (nn.Linear(8, 2), [1.0] * 8, "example: expected a tensor"),
    (nn.Linear(8, 2), torch.zeros(8), "example: expected a tensor"),
])  # fmt: skip
def test_other_arguments(module, example, said):
    with pytest.raises(ImportRefused, match=said):
        proofward.from_torch(module, example)


@pytest.mark.parametrize(("pool", "said"), [
    (nn.MaxPool2d(3, 2, 1), "windows of 3 x 3, stride 2 x 2, padding [1, 1, 1, 1])"),
    (nn.MaxPool2d(2, ceil_mode=True), "windows of 2 x 2, stride 2 x 2, ceil_mode)"),
    (nn.MaxPool2d(2, dilation=2), "windows of 2 x 2, stride 2 x 2, dilation 2 x 2)"),
    (nn.AvgPool2d(3, 2), "windows of 3 x 3, stride 2 x 2)"),
    (nn.AvgPool2d((2, 1), divisor_override=3), "windows of 2 x 1, stride 2 x 1, divisor 3)"),
])  # fmt: skip
def test_a_pool_that_is_refused_is_described(pool, said):
    module = images(nn.Conv2d(1, 2, 3), nn.ReLU(), pool)
    module.eval()(torch.zeros((2, *PICTURE)))
    with pytest.raises(ImportRefused) as error:
        proofward.from_torch(module, torch.zeros((2, *PICTURE)))
    assert f"2: aten.{'max' if 'Max' in repr(pool) else 'avg'}_pool2d.default ({said}: only MaxPool2d(2)" in str(error.value)


def test_a_module_whose_sizes_do_not_fit_the_example_says_so():
    module = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2 * 6 * 6, 2))
    with pytest.raises(ImportRefused) as error:
        proofward.from_torch(module, torch.zeros((1, 3, 16, 16)))
    assert "does not compute outputs of records of the example's shape, 3x16x16: RuntimeError: mat1 and mat2" in str(error.value)


def test_scaling_within_the_network_belongs_to_the_consortium():
    module = Own(lambda m, x: m.c((x - 0.5) / 0.25))
    with pytest.raises(ImportRefused) as error:
        proofward.from_torch(module, torch.zeros((1, 8)))
    assert str(error.value).count("belong to the consortium, as centre and spread") == 2
