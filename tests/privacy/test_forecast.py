"""The forecast of what noise costs: from shapes alone, the same every time, and none where it would take long."""

from __future__ import annotations

import numpy as np
import pytest

from proofward.privacy import twin
from proofward.privacy.drawn_tables import drawn_table
from proofward.privacy.forecast import MOST_RECORDS, Forecast, forecast

SHAPE = ((6, 2), 4, 60, 1.0)
"""Widths, hospitals, records of each, bound."""


def test_noise_costs_accuracy_and_more_of_it_more() -> None:
    quiet, little, much = (forecast(*SHAPE, deviation, 1.0, 8) for deviation in (0.0, 3.0, 60.0))
    assert quiet is not None and little is not None and much is not None
    assert quiet.without_noise == little.without_noise == much.without_noise
    assert abs(quiet.with_noise - quiet.without_noise) < 1e-12
    assert little.with_noise > 0.9 and much.with_noise < little.with_noise - 0.05
    assert forecast(*SHAPE, 3.0, 1.0, 8) == little


def test_many_records_are_drawn_as_fewer_and_large_networks_not_at_all() -> None:
    found = forecast((3, 2), 1000, 500, 1.0, 1.0, 1.0, 1)
    assert isinstance(found, Forecast) and found.records == MOST_RECORDS // 1000
    assert forecast((10_000, 1000, 2), 5, 4000, 1.0, 1.0, 1.0, 20) is None


def test_gradients_are_clipped_by_their_norm_and_point_downwards() -> None:
    features, labels = drawn_table(1, 40, 5)
    rng = np.random.default_rng(0)
    weights = [(rng.normal(size=(5, 4)), rng.normal(size=4)), (rng.normal(size=(4, 2)), rng.normal(size=2))]

    def loss(own: twin.Weights) -> float:
        logits = twin.forward(own, features)[-1]
        return float(np.log1p(np.exp((logits[:, 0] - logits[:, 1]) * (2 * labels - 1))).sum())

    gradient = twin.clipped_gradient(weights, twin.Hospital(features, labels), 0.0)
    moved = [(matrix + 1e-6 * slope, bias + 1e-6 * lift)
             for (matrix, bias), (slope, lift) in zip(weights, gradient, strict=True)]  # fmt: skip
    norm = sum(float(np.square(slope).sum() + np.square(lift).sum()) for slope, lift in gradient)
    assert (loss(moved) - loss(weights)) / 1e-6 == pytest.approx(norm, rel=1e-3)
    for row in range(5):
        one = twin.Hospital(features[row : row + 1], labels[row : row + 1])
        clipped = twin.clipped_gradient(weights, one, 0.01)
        size = sum(float(np.square(slope).sum() + np.square(lift).sum()) for slope, lift in clipped) ** 0.5
        assert size <= 0.01 + 1e-12
