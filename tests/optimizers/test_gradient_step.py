"""The server's step from sums of clipped gradients, against fractions."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest

from proofward.layers.basics.errors import ConfigurationError
from proofward.optimizers.fedavg import FedAvg
from proofward.optimizers.fedavgm import FedAvgM
from proofward.optimizers.gradient_step import GradientStep
from proofward.optimizers.next_model import ModelRule


@pytest.mark.parametrize("bits", [-14, -1, 0, 3])
def test_a_mean_gradient_is_multiplied_and_rounded_once(bits):
    step = GradientStep(factor=193, bits=bits, most=1 << 30)
    mean = np.array([0, 1, -1, 7, -8, (1 << 30) - 1, -(1 << 30)], dtype=np.int64)
    exact = [-floor(Fraction(2) ** bits * 193 * int(own) + Fraction(1, 2)) for own in mean]
    assert step.update(mean).tolist() == exact
    assert max(map(abs, exact)) <= step.largest


def test_a_mean_beyond_what_noise_can_reach_is_refused():
    step = GradientStep(factor=3, bits=0, most=100)
    with pytest.raises(ConfigurationError, match="mean of the gradients"):
        step.update(np.array([101], dtype=np.int64))
    with pytest.raises(ConfigurationError, match="rate"):
        GradientStep(factor=1 << 31, bits=0, most=1 << 30)


def test_the_next_model_goes_down_the_mean_gradient_by_any_optimizer():
    step = GradientStep(factor=192, bits=-10, most=1 << 30)
    total, weights = np.array([5 << 20, -(3 << 20)], dtype=np.int64), np.array([10, -10], dtype=np.int64)
    mean = (total << 24) // (90 << 10)
    for optimizer in (FedAvg(), FedAvgM(momentum=0)):
        rule = ModelRule(optimizer, 24, step.largest, 1 << 40, step)
        following, _ = rule.following(weights, rule.first_state(2), total, 90 << 10)
        assert (np.abs(following - weights + mean * 192 // 1024) <= 2).all()
        assert following[0] < weights[0] and following[1] > weights[1]
