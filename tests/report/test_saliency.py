"""Saliency equals numerical derivatives of the float twin; which images are shown; the picture and its place."""

from __future__ import annotations

import numpy as np
import pytest

from proofward.data.image_schema import ImageSchema
from proofward.data.images.contract.rule import ImageRule
from proofward.data.images.pixels.levels import Levels
from proofward.data.reading.records import Records
from proofward.layers.networks.initial_weights import initial_weights
from proofward.layers.networks.network import chain, mlp
from proofward.layers.references.float_twin import real_features, real_weights, scores
from proofward.layers.rules.model import FixedPoint
from proofward.report.figures.rows import Rows
from proofward.report.figures.saliency import Example, examples, saliency
from proofward.report.figures.saliency_picture import draw_saliency, pixels, strength
from proofward.report.figures.scores import real_scores
from proofward.report.handover.models.description import Description
from proofward.report.run_page import PAGE_NAME, write_page

SCALES = FixedPoint()
NETWORKS = {
    "convolution and pooling": chain(
        (1, 10, 10),
        [{"kind": "conv2d", "outputs": 3, "kernel": 3, "stride": 1, "padding": 1}, {"kind": "relu_maxpool2d"},
         {"kind": "conv2d", "outputs": 2, "kernel": 2, "stride": 1, "padding": 0}, {"kind": "linear", "outputs": 4},
         {"kind": "linear", "outputs": 2}],
    ),
    "colours": chain((3, 6, 6), [{"kind": "conv2d", "outputs": 4, "kernel": 3, "stride": 2, "padding": 1},
                                 {"kind": "linear", "outputs": 2}]),
    "perceptron": mlp((12, 5, 2)),
    "four classes": chain((1, 8, 8), [{"kind": "conv2d", "outputs": 4, "kernel": 3, "stride": 1, "padding": 1},
                                      {"kind": "relu_maxpool2d"}, {"kind": "linear", "outputs": 4}]),
}  # fmt: skip


def case(name: str, rows: int = 4):
    """(model, weights, records, their scores)."""
    model = NETWORKS[name]
    weights = initial_weights(model, SCALES, b"saliency")
    rng = np.random.default_rng(3)
    own = Records(rng.integers(-64, 64, (rows, model.features)), np.arange(rows, dtype=np.int64) % 2)
    return model, weights, own, real_scores(model, SCALES, weights, own)


@pytest.mark.parametrize("name", NETWORKS)
def test_equals_numerical_differentiation(name):
    model, weights, own, found = case(name)
    gradients = saliency(model, SCALES, weights, own, found)
    flat, inputs, step = real_weights(weights, SCALES), real_features(own.features, SCALES), 2.0**-7

    def decided(values):
        own_scores = scores(model, SCALES, flat, values).astype(np.float64)
        if found.ndim == 1:
            return np.where(found > 0, 1, -1) * own_scores
        first, second = np.argsort(-found, axis=1, kind="stable")[:, :2].T
        return own_scores[np.arange(len(values)), first] - own_scores[np.arange(len(values)), second]

    smooth = 0
    for at in range(model.features):
        ahead, behind = inputs.copy(), inputs.copy()
        ahead[:, at] += np.float32(step)
        behind[:, at] -= np.float32(step)
        right, left = (decided(ahead) - decided(inputs)) / step, (decided(inputs) - decided(behind)) / step
        same = np.abs(right - left) < 1e-3  # elsewhere a ReLU or a maximum changes within the step
        assert np.allclose(gradients[same, at], right[same], atol=1e-3)
        smooth += int(same.sum())
    assert smooth > 0.8 * gradients.size and np.abs(gradients).max() > 0.05


def test_of_more_classes_the_decision_is_against_the_largest_other():
    labels = np.array([0, 0, 1, 2])
    logits = np.array([[3.0, 1.0, 0.0], [0.0, 2.0, 1.0], [0.0, 5.0, 4.0], [1.0, 0.0, 2.0]])
    found = examples(logits, labels)
    assert [(own.position, own.label, own.taken, own.right) for own in found] == [
        (0, 0, 0, True), (1, 0, 1, False), (2, 1, 1, True), (3, 2, 2, True),
    ]  # fmt: skip
    assert found[0].probability == pytest.approx(np.exp(3) / (np.exp(3) + np.e + 1))


def test_the_surest_right_ones_and_the_worst_mistake_of_each_class():
    scores_of = np.array([-1.0, -3.0, -3.0, -2.0, 0.5, 4.0, 1.0, -1.0, -7.0])
    labels = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1])
    found = examples(scores_of, labels)
    assert [own.position for own in found] == [1, 2, 5, 6, 8]
    assert [own.right for own in found] == [True, True, False, True, False]
    assert examples(np.array([2.0]), np.array([1])) == [Example(0, 1, 1, pytest.approx(1 / (1 + np.exp(-2))))]


def test_pixels_are_the_bytes_that_the_features_came_from():
    rng = np.random.default_rng(1)
    for channels, levels in ((1, Levels()), (3, Levels((0.4, 0.5, 0.6), (0.3, 0.25, 0.2)))):
        images = ImageSchema(ImageRule(4, 5, channels), levels)
        made = rng.integers(0, 256, (2, channels, 4, 5), dtype=np.uint8)
        shown = pixels(images, SCALES, levels.features(made, SCALES))
        assert shown.shape == (2, 4, 5, 3)
        for channel in range(3):
            assert np.abs(shown[..., channel] - made[:, min(channel, channels - 1)] / 255).max() < 0.3 / 128 + 1e-9


def test_strength_is_a_share_of_the_largest_over_channels():
    images = ImageSchema(ImageRule(1, 2, 3), Levels((0.5,) * 3, (0.25,) * 3))
    gradients = np.array([[1, -4, 0, 2, -2, 0], [0] * 6], dtype=np.float32)
    assert strength(images, gradients).tolist() == [[[0.5, 1.0]], [[0.0, 0.0]]]


@pytest.mark.slow
def test_the_picture_is_written_apart_and_only_for_its_owner(tmp_path):
    model, weights, own, found = case("colours", rows=12)
    images = ImageSchema(ImageRule(6, 6, 3), Levels((0.5,) * 3, (0.25,) * 3), ("clear",), ("mass $",))
    rows = Rows(own, Description.of_images(images))
    folder, private = tmp_path / "a run", tmp_path / "a run.private" / "report"
    folder.mkdir()
    write_page(model, SCALES, [weights, weights], rows, title="T", folder=folder, private=private)
    assert "saliency.png" not in {path.name for path in folder.iterdir()}
    assert [path.name for path in private.iterdir()] == ["saliency.png"]
    assert (private / "saliency.png").read_bytes().startswith(b"\x89PNG")
    assert all(path.stat().st_mode & 0o077 == 0 for path in (private, private / "saliency.png"))
    text = (folder / PAGE_NAME).read_text()
    assert "](../a%20run.private/report/saliency.png)" in text and "shows records: hand it to nobody" in text
    chosen = examples(found, own.labels)
    shown = pixels(images, SCALES, own.select(np.array([one.position for one in chosen])).features)
    once = draw_saliency(chosen, shown, shown[..., 0], ("clear", "mass"), "12 images")
    assert once == draw_saliency(chosen, shown, shown[..., 0], ("clear", "mass"), "12 images")
