"""Grouped and depthwise convolutions come in from PyTorch and ONNX, and go out again."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import proofward  # noqa: E402
from proofward.layers.networks.network import chain  # noqa: E402
from proofward.models.graph.parts.graph import network_graph  # noqa: E402
from proofward.models.layer_lines import lines_of  # noqa: E402

SHAPE = (4, 9, 8)
LINES = [
    "conv2d 8 kernel 3 stride 2 padding 1 groups 4",
    "conv2d 16 kernel 3 stride 1 padding 1 groups 8",
    "conv2d 2 kernel 1 stride 1 padding 0",
]


def module() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=4), nn.ReLU(),
        nn.Conv2d(8, 16, 3, padding="same", groups=8), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 2, 1, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(40, 2),
    ).eval()  # fmt: skip


def test_a_module_with_groups_comes_in() -> None:
    own = module()
    made = proofward.from_torch(own, torch.zeros(1, *SHAPE))
    assert lines_of(made.model) == LINES
    rows = np.random.default_rng(1).standard_normal((5, *SHAPE))
    with torch.no_grad():
        expected = own.double()(torch.from_numpy(rows)).numpy()
    assert np.allclose(made.logits(rows.reshape(5, -1)), expected, atol=1e-12)
    assert made.graph.to_network() == made.model and "groups=4" in made.graph.words()


def test_a_file_with_groups_is_the_same_network(tmp_path) -> None:  # type: ignore[no-untyped-def]
    pytest.importorskip("onnxscript")
    own, path = module(), tmp_path / "own.onnx"
    torch.onnx.export(own, (torch.zeros(2, *SHAPE),), path, dynamo=True, verbose=False)
    assert proofward.from_onnx(path).graph == proofward.from_torch(own, torch.zeros(1, *SHAPE)).graph


def test_one_group_has_the_digest_of_before() -> None:
    layer = {"kind": "conv2d", "outputs": 4, "kernel": 3, "stride": 1, "padding": 0}
    head = {"kind": "linear", "outputs": 2}
    plain, grouped = (network_graph(SHAPE, chain(SHAPE, [own, head])) for own in (layer, {**layer, "groups": 2}))
    assert plain.nodes[1].to_plain() == {"sources": (0,), **layer}
    assert grouped.nodes[1].to_plain() == {"sources": (0,), **layer, "groups": 2}
    assert plain.digest != grouped.digest


def test_groups_need_no_power_of_two_of_channels() -> None:
    own = nn.Sequential(nn.Conv2d(6, 4, 3, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(36, 2)).eval()
    made = proofward.from_torch(own, torch.zeros(1, 6, 5, 5))
    assert lines_of(made.model) == ["conv2d 4 kernel 3 stride 1 padding 0 groups 2"]
    rows = np.random.default_rng(1).standard_normal((5, 6, 5, 5))
    with torch.no_grad():
        expected = own.double()(torch.from_numpy(rows)).numpy()
    assert np.allclose(made.logits(rows.reshape(5, -1)), expected, atol=1e-12)
