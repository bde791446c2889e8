"""Exported models of images: both formats hold network and rule, and floats agree with the integers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from proofward.data.columns.schema import FEATURES_NAME, Feature
from proofward.data.image_schema import ImageSchema
from proofward.data.images.contract.rule import ImageRule
from proofward.data.images.pixels.levels import Levels
from proofward.layers.basics.layout import Layout
from proofward.layers.local_training.training import logit_differences
from proofward.layers.networks.network import Network
from proofward.layers.rules.model import FixedPoint
from proofward.models.layer_lines import network_of
from proofward.report.handover.models.description import CLASSES_NAME, Description, read_description
from proofward.report.handover.models.exported_model import ExportedModel, ModelInvalid, Origin, read_exported

SCALES = FixedPoint()
UNIT = 1 << SCALES.activation_bits
SCHEMA = ImageSchema(ImageRule(9, 7, channels=3), Levels((0.4, 0.5, 0.6), (0.2, 0.25, 0.3)), ("0",), ("1", "2"))
LINES = ["conv2d 4 kernel 3 stride 2 padding 1", "conv2d 3 kernel 2", "linear 6"]


def exported(lines=LINES, schema=SCHEMA, seed=2) -> ExportedModel:
    network = network_of(schema.axes, lines)
    random = np.random.default_rng(seed)
    weights = (random.normal(0, 0.3, network.parameters) * (1 << SCALES.weight_bits)).astype(np.int64)
    origin = Origin("a trial", b"c" * 32, 2, 3, 77, b"r" * 32)
    return ExportedModel(origin, network, SCALES, Description.of_images(schema), weights)


MODEL = exported()


@pytest.mark.parametrize("write", [ExportedModel.to_json, ExportedModel.to_safetensors])
@pytest.mark.parametrize("lines", [LINES, ["linear 5"], []])
def test_a_file_gives_the_model_back(write, lines):
    model = exported(lines)
    found = read_exported(write(model))
    assert found.model == model.model and found.description == model.description
    assert np.array_equal(found.weights, model.weights) and found.digest == model.digest
    assert write(found) == write(model)


def test_the_description_has_network_and_rule():
    plain = json.loads(MODEL.to_json())
    assert Network.from_dict({"inputs": plain["inputs"], "layers": plain["layers"]}) == MODEL.model
    assert "widths" not in plain and "features" not in plain
    assert ImageSchema.from_plain(plain["images"]) == SCHEMA and plain["classes"] == ["0", "1 or 2"]
    assert plain["tensors"]["layer1.weight"]["shape"] == [4, 3, 3, 3]
    assert any("conv2d" in line for line in plain["computation"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"inputs": [3, 7, 9]}, r"takes pictures of \(3, 7, 9\), the rule makes them of \(3, 9, 7\)"),
        ({"inputs": [3, 9, 8]}, "the model has 216 inputs, 189 features are described"),
        ({"widths": [189, 2]}, "a mapping with the key widths, or inputs and layers"),
        ({"layers": []}, "a list of 1 to"),
        ({"classes": ["0", "1"]}, "classes: expected those of the images"),
        ({"images": {}}, "images: expected proofward/images/v1"),
        ({"images": {**SCHEMA.to_plain(), "spread": [1e-300] * 3}}, "black and white within"),
    ],
)
def test_files_that_contradict_themselves(change, words):
    plain = {**json.loads(MODEL.to_json()), **change}
    with pytest.raises(ModelInvalid, match=words):
        read_exported(json.dumps(plain).encode())


def test_floats_agree_with_the_integers():
    pixels = np.random.default_rng(5).integers(0, 256, (40, 3, 9, 7), dtype=np.uint8)
    inputs = SCHEMA.levels.features(pixels, SCALES)
    scores = logit_differences(MODEL.model, SCALES, MODEL.weights, inputs) / UNIT
    parts = [(MODEL.real(weight), MODEL.real(bias)) for weight, bias in MODEL.model.unflatten(MODEL.weights)]
    values, error = inputs / UNIT, 0.0
    for layer, (weight, bias) in zip(MODEL.model.layers, parts, strict=True):
        sums = layer.real_sums(weight, bias, values)
        norm = np.abs(weight).reshape(len(weight), -1).sum(axis=1).max()
        error = 0.5 / UNIT + norm * error
        values = np.clip(sums, 0, SCALES.activation_limit / UNIT)
    observed = np.abs(sums[:, 1] - sums[:, 0] - scores)
    assert 0 < observed.max() <= 2 * error and np.ptp(scores) > 4 * observed.max()


def test_a_layers_floats_are_those_of_plain_loops():
    layer = MODEL.model.layers[0]
    weight, bias = (MODEL.real(part) for part in MODEL.model.unflatten(MODEL.weights)[0])
    picture = np.random.default_rng(6).normal(size=(3, 9, 7))
    wide = np.pad(picture, ((0, 0), (1, 1), (1, 1)))
    expected = [
        (weight[o] * wide[:, 2 * y : 2 * y + 3, 2 * x : 2 * x + 3]).sum() + bias[o]
        for o in range(4) for y in range(5) for x in range(4)
    ]  # fmt: skip
    found = layer.real_sums(weight, bias, picture.reshape(1, -1))
    assert layer.gives == Layout((4, 5, 4)) and np.allclose(found[0], expected, rtol=0, atol=1e-12)


def test_the_folder_of_a_run_describes_images(tmp_path):
    described = MODEL.description
    for name, data in described.files().items():
        (tmp_path / name).write_bytes(data)
    assert read_description(tmp_path / FEATURES_NAME, tmp_path / CLASSES_NAME) == described
    assert read_description(tmp_path / FEATURES_NAME) == described
    assert described.features[-1] == Feature("channel 3 row 9 column 7", 0.6, 0.3, "grey level")
