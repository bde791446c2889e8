"""A network of PyTorch or ONNX as what a federation begins with, without a file between."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

pytest.importorskip("onnx")

import proofward as pw
from proofward.models.settings import SCALES
from tests.api.test_images import SETTINGS
from tests.cli.own_images import SIDE, write_folders
from tests.models.test_from_onnx import NODE, file

NODES = [
    NODE("Conv", ["x", "k", "c"], ["s"], strides=[4, 4]), NODE("Relu", ["s"], ["r"]), NODE("Flatten", ["r"], ["f"]),
    NODE("Gemm", ["f", "w", "b"], ["y"], transB=1),
]  # fmt: skip


@pytest.fixture
def network(tmp_path):
    random = np.random.default_rng(3)
    shapes = {"k": (2, 1, 4, 4), "c": (2,), "w": (2, 32), "b": (2,)}
    held = {name: (random.standard_normal(shape) / 4).astype(np.float32) for name, shape in shapes.items()}
    return pw.from_onnx(file(tmp_path / "m.onnx", NODES, shape=(1, SIDE, SIDE), more=held))


@pytest.fixture
def settings():
    return {name: value for name, value in SETTINGS.items() if name != "layers"}


@pytest.mark.slow
def test_a_federation_trains_the_network_from_its_weights(network, settings, tmp_path):
    federation = pw.Federation(**settings, first_model=network, progress=False, folder=tmp_path / "run")
    assert federation.settings["layers"] == ["conv2d 2 kernel 4 stride 4 padding 0"]
    federation.fit(dict(zip("abc", write_folders(tmp_path / "images"), strict=True)))
    assert federation.audit().passed
    rules = federation._done.outcome.history.rules
    weights = network.first_weights(SCALES).weights
    assert rules.trusts_first_model and rules.config.model == network.model
    assert rules.initial_model == hashlib.sha256(weights.astype("<i8").tobytes()).digest()
    (tmp_path / "written").mkdir()
    path = federation.to_file(tmp_path / "written" / "consortium.toml")
    assert (path.parent / "first.safetensors").exists()


def test_layers_beside_it_and_pictures_of_another_size_are_refused(network, settings):
    for name, own in (("layers", ["linear 4"]), ("hidden", [4])):
        with pytest.raises(pw.SettingsRefused, match=f"{name}: expected no layers beside a first model"):
            pw.Federation(**settings, **{name: own}, first_model=network)
    with pytest.raises(pw.SettingsRefused, match="first_model: expected a network 1x32x32-2x8x8-2, as pictures"):
        pw.Federation(**{**settings, "images": {"size": "32x32"}}, first_model=network)


def test_a_perceptron_says_its_hidden_widths(tmp_path):
    random = np.random.default_rng(4)
    held = {"a": random.standard_normal((5, 12)).astype(np.float32), "w": np.ones((2, 5), np.float32)}
    nodes = [NODE("Flatten", ["x"], ["f"]), NODE("Gemm", ["f", "a"], ["h"], transB=1), NODE("Relu", ["h"], ["r"]),
             NODE("Gemm", ["r", "w"], ["y"], transB=1)]  # fmt: skip
    network = pw.from_onnx(file(tmp_path / "m.onnx", nodes, shape=(12,), more=held))
    features = {f"column {number}": (0.0, 1.0) for number in range(12)}
    federation = pw.Federation(first_model=network, features=features, classes=[0, 1], progress=False)
    assert federation.settings["hidden"] == [5] and federation.settings["first_model"].name == "first.safetensors"
