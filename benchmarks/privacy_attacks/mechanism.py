"""A round of differential privacy: the step of a hospital with clipped gradients, its noise, the next model.

It is in the product's integers. `Mechanism` is what an attack is told of the rules. Two of its forms are
refused as rules and show what each part does: without clipping, and without noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import exp, sqrt

import numpy as np
from numpy.typing import NDArray

from proofward.data.records import Records
from proofward.layers.bounds import weight_limit
from proofward.layers.model import FixedPoint, Int64Array, Training
from proofward.layers.network import Network
from proofward.layers.privacy import (
    CLIP_UNITS_BITS,
    COARSE_STEP,
    FINE_DEVIATION,
    LEAST_COARSE_VARIANCE,
    Privacy,
)
from proofward.layers.training import Trainer
from proofward.models.settings import Preset
from proofward.privacy.accountant import Accountant
from proofward.privacy.choice import least_noise

Real = NDArray[np.float64]
MULTIPLIER_BITS = 12
RELEASES, COLLUDERS, MINIMUM, INVERSE_DELTA = 20, 2, 4, 10**5
RATE = 1.5
"""The learning rate times C, for the mean of the clipped gradients."""


@dataclass(frozen=True)
class Mechanism:
    """privacy: the rule. name: what lines call it. clips, adds_noise: false shows what the parts do."""

    name: str
    privacy: Privacy
    parameters: int
    clips: bool = True
    adds_noise: bool = True

    @property
    def clip(self) -> float:
        """C."""
        return float(2.0**self.privacy.clip_bits)

    @property
    def unit(self) -> float:
        """One unit of the lattice, as a real number."""
        return self.clip / (1 << CLIP_UNITS_BITS)

    @property
    def delta(self) -> float:
        return 1 / self.privacy.inverse_delta

    def epsilon(self, noises: int, releases: int) -> float | None:
        """What is promised against who sees so many sums with the unknown noise of so many hospitals."""
        if not (self.clips and self.adds_noise):
            return None
        return Accountant(self.privacy, self.parameters, MINIMUM).epsilon(releases, shares=noises)

    def update(self, setup: Preset, weights: Int64Array, records: Records) -> Int64Array:
        """U: the rounded sum of the clipped gradients of all records, in units of the lattice."""
        gradients, bits = _gradients(setup, weights, records)
        shift = self.privacy.clip_bits + bits + MULTIPLIER_BITS - CLIP_UNITS_BITS
        multipliers = np.full(len(records), 1 << MULTIPLIER_BITS, dtype=np.int64)
        if self.clips:
            bound = 1 << (self.privacy.clip_bits + bits + MULTIPLIER_BITS)
            roots = np.sqrt((gradients.astype(np.float64) ** 2).sum(1)).astype(np.int64) + 1
            multipliers = np.minimum(multipliers, bound // roots)
        total: Int64Array = multipliers @ gradients
        return (total + (1 << (shift - 1))) >> shift

    def noise(self, rng: np.random.Generator) -> Int64Array:
        """Z of one hospital, in units of the lattice; zeros where none is added."""
        if not self.adds_noise:
            return np.zeros(self.parameters, dtype=np.int64)
        fine = _discrete_gaussian(FINE_DEVIATION**2, self.parameters, rng)
        return fine + COARSE_STEP * _discrete_gaussian(self.privacy.coarse_variance, self.parameters, rng)

    def following(self, setup: Preset, weights: Int64Array, total: Int64Array, rows: int) -> Int64Array:
        """The next model after the sum of a round, in which so many records had a part."""
        step = np.rint(RATE * total / rows / (1 << CLIP_UNITS_BITS) * (1 << setup.scales.weight_bits))
        limit = _limit(setup.model, setup.scales)
        following: Int64Array = (weights - step.astype(np.int64)).clip(-limit, limit)
        return following


@lru_cache(maxsize=64)
def with_epsilon(epsilon: float, parameters: int) -> Mechanism:
    """The least noise with which the promise is epsilon: of 20 sums of 4 hospitals, of which 2 collude."""
    privacy = least_noise(_privacy(LEAST_COARSE_VARIANCE), epsilon, parameters, MINIMUM)
    return Mechanism(f"epsilon {epsilon:g}", privacy, parameters)


def without_noise(parameters: int, clips: bool = True) -> Mechanism:
    """One step on all records, exactly; refused as rules."""
    name = f"one step{', clipped' if clips else ''}, exact"
    return Mechanism(name, _privacy(LEAST_COARSE_VARIANCE), parameters, clips, adds_noise=False)


def _privacy(variance: int) -> Privacy:
    return Privacy(0, variance, RELEASES, 1, COLLUDERS, INVERSE_DELTA)


def _gradients(setup: Preset, weights: Int64Array, records: Records) -> tuple[Int64Array, int]:
    """(n, parameters) at scale 2^bits, and bits."""
    model, scales = setup.model, setup.scales
    trainer = Trainer(model, scales, Training(1, 1, 0, 1), len(records), weights)
    forward = trainer.passes.forward(records.features.astype(np.float64))
    last = model.head.gradients(forward.sums[-1], records.labels, model.last_rounding(scales))
    backward = trainer.passes.backward(forward, last.astype(np.float64))
    found = np.empty((len(records), model.parameters), dtype=np.int64)
    for index, (start, bias, end) in enumerate(model.offsets):
        layer, reads = model.layers[index], forward.values[model.joints.reads(index)]
        deltas = backward.deltas[model.joints.joins(index)][:, : layer.gives.size]
        read = layer.takes.unpad(reads)
        found[:, start:bias] = np.einsum("no,ni->noi", deltas, read).reshape(len(records), -1)
        found[:, bias:end] = deltas * (1 << scales.activation_bits)
    return found, scales.activation_bits + scales.gradient_bits


def _discrete_gaussian(variance: int, count: int, rng: np.random.Generator) -> Int64Array:
    sums = _distribution(variance)
    drawn = np.searchsorted(sums, rng.random(count), side="right")
    found: Int64Array = drawn.astype(np.int64) - len(sums) // 2
    return found


@lru_cache(maxsize=16)
def _distribution(variance: int) -> Real:
    reach = 9 * int(sqrt(variance)) + 9
    weights = np.array([exp(-z * z / (2 * variance)) for z in range(-reach, reach + 1)])
    found: Real = np.cumsum(weights / weights.sum())
    return found


@lru_cache(maxsize=16)
def _limit(model: Network, scales: FixedPoint) -> int:
    return weight_limit(model, scales, Training(1, 1, 0, 1), 1)
