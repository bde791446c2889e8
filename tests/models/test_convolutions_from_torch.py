"""Convolutional PyTorch modules: one network however it is written; all else is refused by name, or exact."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import proofward  # noqa: E402
from proofward.models.graph.parts.refusals import ImportRefused  # noqa: E402
from proofward.models.graph.torch.from_torch import from_pt2  # noqa: E402
from proofward.models.settings import SCALES  # noqa: E402
from tests.models.networks import exported  # noqa: E402
from tests.models.pictures import GRAPH, MODEL, SHAPE, ways  # noqa: E402

WAYS = ways()
RANDOM = np.random.default_rng(11)
PICTURES = RANDOM.standard_normal((9, *SHAPE))


def layers_of(module):
    return [part for part in module.modules() if isinstance(part, nn.Conv2d | nn.Linear)]


@pytest.mark.parametrize("way", WAYS)
def test_one_network_however_it_was_written(way):
    made = proofward.from_torch(WAYS[way], torch.zeros((1, *SHAPE)))
    assert made.graph == GRAPH and made.graph.digest == GRAPH.digest and made.model == MODEL
    for (weight, bias), part in zip(made.layers, layers_of(WAYS["sequential"]), strict=True):
        assert np.array_equal(weight, part.weight.detach().double().numpy())
        assert np.array_equal(bias, part.bias.detach().double().numpy())
    assert bool(made.notes) == (way == "no bias")
    with torch.no_grad():
        expected = WAYS[way].double().eval()(torch.from_numpy(PICTURES)).numpy()
    WAYS[way].float()
    assert np.abs(made.logits(PICTURES.reshape(9, -1)) - expected).max() < 1e-12


@pytest.mark.parametrize("way", ["nested", "in place", "padding by name"])
def test_a_file_of_the_program_is_the_module(tmp_path, way):
    torch.export.save(exported(WAYS[way], SHAPE), tmp_path / "net.pt2")
    made = from_pt2(tmp_path / "net.pt2")
    assert made.graph == GRAPH
    for own, part in zip(made.layers, layers_of(WAYS[way]), strict=True):
        assert np.array_equal(own[0], part.weight.detach().double().numpy())


def test_first_weights_are_the_modules_in_the_trainers_order():
    module = WAYS["sequential"]
    first = proofward.from_torch(module, torch.zeros((1, *SHAPE))).first_weights(SCALES)
    whole = [part.detach().double().reshape(-1) for layer in layers_of(module) for part in (layer.weight, layer.bias)]
    assert np.array_equal(first.weights, np.rint(torch.cat(whole).numpy() * 2**SCALES.weight_bits))
    assert first.weights.dtype == np.int64 and first.clipped == {}
    for (weight, bias), part in zip(MODEL.unflatten(first.weights), layers_of(module), strict=True):
        assert weight.shape == tuple(part.weight.shape) and bias.shape == tuple(part.bias.shape)


def test_the_trainer_computes_what_torch_computes_with_the_first_weights():
    from proofward.layers.local_training.training import logit_differences

    module = WAYS["sequential"].double()
    first = proofward.from_torch(module, torch.zeros((1, *SHAPE), dtype=torch.float64)).first_weights(SCALES)
    pictures = np.rint(PICTURES * 640).astype(np.int64)
    found = logit_differences(MODEL, SCALES, first.weights, pictures.reshape(9, -1)) / 64
    with torch.no_grad():
        logits = module(torch.from_numpy(pictures / 64)).numpy()
    module.float()
    assert np.abs(found - (logits[:, 1] - logits[:, 0])).max() < 0.05 and np.ptp(found) > 0.5


def norm(channels, **options):
    made = nn.BatchNorm2d(channels, **options)
    made.running_mean.normal_()
    made.running_var.uniform_(0.5, 2)
    if made.affine:
        nn.init.normal_(made.weight)
        nn.init.normal_(made.bias)
    return made


def net(*layers, flat=18):
    return nn.Sequential(nn.Conv2d(1, 2, 3), *layers, nn.Flatten(), nn.Linear(flat, 2))


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_a_frozen_batch_norm_is_folded(affine, bias, tmp_path):
    module = nn.Sequential(
        nn.Conv2d(1, 2, 3, bias=bias), norm(2, affine=affine, eps=1e-2), nn.ReLU(), nn.Flatten(), nn.Linear(18, 3),
        nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2),
    ).eval()  # fmt: skip
    made = proofward.from_torch(module, torch.zeros((1, 1, 5, 5)))
    assert made.notes == (
        "1 is frozen, and folded into 0, whose weights are trained",
        "5 is frozen, and folded into 4, whose weights are trained",
    )
    assert [node.kind for node in made.graph.nodes][1:3] == ["conv2d", "relu"]
    pictures = RANDOM.standard_normal((5, 1, 5, 5))
    torch.export.save(exported(module, (1, 5, 5)), tmp_path / "net.pt2")
    with torch.no_grad():
        expected = module.double()(torch.from_numpy(pictures)).numpy()
    assert np.abs(made.logits(pictures.reshape(5, -1)) - expected).max() < 1e-12
    assert from_pt2(tmp_path / "net.pt2").graph == made.graph


def test_two_batch_norms_fold_one_after_the_other():
    module = net(norm(2), norm(2), nn.ReLU()).eval()
    made = proofward.from_torch(module, torch.zeros((1, 1, 5, 5)))
    assert [note.split()[0] for note in made.notes] == ["1", "2"]


class Own(nn.Module):
    """A forward of one's own over two convolutions of the same sizes."""

    def __init__(self, forward):
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 3, padding=1)
        self.c, self.n = nn.Linear(25, 2), nn.BatchNorm2d(1)
        self.way = forward

    def forward(self, x):
        return self.way(self, x)


def tied():
    made = Own(lambda m, x: m.c(F.relu(m.b(F.relu(m.a(x)))).flatten(1)))
    made.b.weight = made.a.weight
    return made


def tied_biases():
    made = Own(lambda m, x: m.c(F.relu(m.b(F.relu(m.a(x)))).flatten(1)))
    made.b.bias = made.a.bias
    return made


def frozen():
    made = net(nn.ReLU())
    made[0].requires_grad_(False)
    return made


def conv(flat, **options):
    return nn.Sequential(nn.Conv2d(2, 2, **{"kernel_size": 3, **options}), nn.ReLU(), nn.Flatten(), nn.Linear(flat, 2))


def pool(layer, flat):
    return net(nn.ReLU(), layer, flat=flat)


REFUSED = {
    "dilation": (conv(2, dilation=2), 2, ["0: aten.conv2d", "dilation [2, 2]", "use 1"]),
    "kernel": (conv(30, kernel_size=(1, 3)), 2, ["a kernel of 1x3: use a square one"]),
    "strides": (conv(12, stride=(1, 2)), 2, ["strides [1, 2]: use the same"]),
    "stride": (conv(2, kernel_size=1, stride=65), 2, ["a stride of 65: use at most 64"]),
    "paddings": (conv(30, padding=(0, 1)), 2, ["padding (0, 0, 1, 1)", "the same on all sides"]),
    "padding over the kernel": (conv(162, padding=3), 2, ["padding (3, 3, 3, 3)", "use less than the kernel's 3"]),
    "same of an even kernel": (conv(50, kernel_size=2, padding="same"), 2, ["padding (0, 1, 0, 1)", "an odd kernel"]),
    "reflected": (conv(50, padding=1, padding_mode="reflect"), 2, ["0: aten.pad", "the convolution's own zero padding"]),
    "circular": (conv(50, padding=1, padding_mode="circular"), 2, ["own zero padding"]),
    "zeros around": (nn.Sequential(nn.ZeroPad2d(1), conv(50)), 2, ["own zero padding"]),
    "transposed": (nn.Sequential(nn.ConvTranspose2d(2, 2, 3), nn.Flatten(), nn.Linear(98, 2)), 2, ["use Conv2d"]),
    "along one axis": (nn.Sequential(nn.Flatten(2), nn.Conv1d(2, 2, 3), nn.Flatten(), nn.Linear(46, 2)), 2,
                       ["conv1d", "use Conv2d on pictures"]),
    "max pool": (pool(nn.MaxPool2d(2, 1), 8), 1, ["2: aten.max_pool2d", "use a convolution with stride 2"]),
    "3x3 pool": (pool(nn.MaxPool2d(3), 2), 1, ["max_pool2d", "use a convolution with stride 2"]),
    "ceil_mode": (pool(nn.AvgPool2d(2, ceil_mode=True), 8), 1, ["avg_pool2d", "use a convolution with stride 2"]),
    "GELU": (net(nn.GELU()), 1, ["1: aten.gelu", "use ReLU"]),
    "dropout": (net(nn.ReLU(), nn.Dropout2d(0.5)), 1, ["2: Dropout2d (p = 0.5)", "remove it"]),
    "instance norm": (net(nn.InstanceNorm2d(2), nn.ReLU()), 1, ["instance_norm", "scale the features beforehand"]),
    "batch norm behind ReLU": (net(nn.ReLU(), norm(2)), 1, ["2: BatchNorm is taken only directly behind a convolution"]),
    "batch norm first": (nn.Sequential(norm(1), net(nn.ReLU())), 1, ["BatchNorm is taken only directly behind"]),
    "tied": (tied(), 1, ["a and b share their weights"]),
    "tied biases": (tied_biases(), 1, ["a and b share their biases"]),
    "a layer twice": (Own(lambda m, x: m.c(F.relu(m.a(F.relu(m.a(x)))).flatten(1))), 1, ["share their weights"]),
    "frozen": (frozen(), 1, ["0: 0.weight is frozen"]),
    "computed": (Own(lambda m, x: m.c(F.relu(F.conv2d(x, m.a.weight * 2, padding=1)).flatten(1))), 1, ["conv2d of weights"]),
    "added behind ReLU": (Own(lambda m, x: m.c((F.relu(m.a(x)) + x).flatten(1))), 1, ["Add: only shortcuts are proved"]),
    "turned": (Own(lambda m, x: m.c(F.relu(m.a(x)).transpose(2, 3).flatten(1))), 1, ["aten.transpose"]),
    "no ReLU": (net(nn.Identity()), 1, ["0, 3: two layers without ReLU between"]),
    "no Linear": (nn.Sequential(nn.Conv2d(1, 2, 5), nn.Flatten()), 1, ["the last layer is a convolution"]),
    "reshaped": (nn.Sequential(nn.Flatten(), nn.Unflatten(1, (2, 5, 5)), conv(18)), (1, 10, 5),
                 ["a record has the shape (1, 10, 5)", "takes (2, 5, 5): do not reshape"]),
    "not flattened": (nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Linear(3, 2)), 1, ["flatten them before"]),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_proved_is_refused_by_name(name):
    module, channels, said = REFUSED[name]
    shape = channels if isinstance(channels, tuple) else (channels, 5, 5)
    module.eval()
    with torch.no_grad():
        module(torch.zeros((2, *shape)))  # a network that works
    with pytest.raises(ImportRefused) as error:
        proofward.from_torch(module, torch.zeros((2, *shape)))
    assert all(words in str(error.value) for words in said), str(error.value)


@pytest.mark.parametrize("tracked", [True, False])
def test_a_batch_norm_that_learns_from_batches_is_refused(tmp_path, tracked):
    module = net(nn.BatchNorm2d(2, track_running_stats=tracked), nn.ReLU())
    module.train(tracked)
    with pytest.raises(ImportRefused, match=r"1: .*atch.*training BatchNorm is not proved: freeze it with module.eval"):
        proofward.from_torch(module, torch.zeros((1, 1, 5, 5)))
    batch = ({0: torch.export.Dim.DYNAMIC},)
    torch.export.save(torch.export.export(module, (torch.zeros(2, 1, 5, 5),), dynamic_shapes=batch), tmp_path / "m.pt2")
    with pytest.raises(ImportRefused, match=r"training BatchNorm is not proved: freeze it with module\.eval"):
        from_pt2(tmp_path / "m.pt2")


def test_all_layers_are_refused_at_once():
    module = nn.Sequential(
        nn.Conv2d(1, 2, 3, dilation=2, groups=1), nn.GELU(), nn.Conv2d(2, 2, (2, 1)), nn.ReLU(), nn.Flatten(),
        nn.Linear(48, 2),
    )  # fmt: skip
    with pytest.raises(ImportRefused) as error:
        proofward.from_torch(module, torch.zeros((1, 1, 9, 10)))
    assert [words.split(":")[0] for words in error.value.problems] == ["0", "1", "2"]


class Lying(nn.Module):
    """Another padding while it is exported."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 2, 3, padding=1), nn.Linear(50, 2)

    def forward(self, x):
        if not torch.compiler.is_exporting():
            x = F.pad(x, (1, 1, 1, 1), value=1e-6)[:, :, 1:-1, 1:-1] + 1e-6
        return self.b(F.relu(self.a(x)).flatten(1))


def test_a_module_that_computes_something_else_is_refused_with_the_difference():
    with pytest.raises(ImportRefused, match="the module and the imported network differ by"):
        proofward.from_torch(Lying(), torch.zeros((1, 1, 5, 5)))
