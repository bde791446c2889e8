"""The interval of an AUC solves its equation, holds what it should, and agrees with another estimate."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

import numpy as np
import pytest

from proofward.report.histograms.auc_interval import _variance, auc_interval


@pytest.mark.parametrize("area", [0.2, 0.5, 0.83, 0.99])
@pytest.mark.parametrize(("inside", "others"), [(5, 7), (40, 400), (3000, 2000)])
def test_ends_are_as_far_as_the_level_says(area, inside, others):
    low, high = auc_interval(area, inside, others)
    assert 0 <= low < area < high <= 1
    for end in (low, high):
        if 0 < end < 1:
            distance = 1.959964 * sqrt(_variance(end, inside, others))
            assert abs(area - end) == pytest.approx(distance, rel=1e-6)
    wider = auc_interval(area, inside, others, 0.99)
    assert wider[0] < low and high < wider[1]


def test_a_perfect_order_of_few_records_is_not_certain():
    low, high = auc_interval(1.0, 5, 5)
    assert high == 1 and 0.4 < low < 0.8
    mirrored = auc_interval(0.0, 5, 5)
    assert mirrored == pytest.approx((0.0, 1 - low), abs=1e-9)
    assert auc_interval(1.0, 500, 500)[0] > 0.99


def test_it_agrees_with_the_estimate_of_delong_on_many_records():
    rng = np.random.default_rng(3)
    positive, negative = rng.normal(1.2, 1, 400), rng.normal(0, 1, 500)
    above = positive[:, None] > negative[None, :]
    area = above.mean()
    spread = sqrt(above.mean(axis=1).var(ddof=1) / 400 + above.mean(axis=0).var(ddof=1) / 500)
    low, high = auc_interval(area, 400, 500)
    assert (high - low) / 2 == pytest.approx(NormalDist().inv_cdf(0.975) * spread, rel=0.1)


def test_it_holds_the_true_area_about_as_often_as_it_says():
    rng, held = np.random.default_rng(5), 0
    true = NormalDist().cdf(1 / sqrt(2))
    for _ in range(400):
        area = (rng.normal(1, 1, 30)[:, None] > rng.normal(0, 1, 40)[None, :]).mean()
        low, high = auc_interval(float(area), 30, 40)
        held += low <= true <= high
    assert 0.92 <= held / 400 <= 0.99


@pytest.mark.parametrize("wrong", [(1.1, 2, 2, 0.95), (0.5, 0, 2, 0.95), (0.5, 2, 0, 0.95), (0.5, 2, 2, 1.0)])
def test_nonsense_is_refused(wrong):
    with pytest.raises(ValueError, match="expected an area"):
        auc_interval(*wrong)
