"""A round of differential privacy: the step of a hospital with clipped gradients, its noise, the next model.

Everything is computed by the product's functions. `Mechanism` is what an attack is told of the rules. Two of
its forms are refused as rules and show what each part does: without clipping, and without noise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import shake_256

import numpy as np
from numpy.typing import NDArray

from proofward.data.reading.records import Records
from proofward.lattice.sampler import uniform_words
from proofward.layers.basics.divisor import Divisor
from proofward.layers.gradient_clipping.clip_scale import MULTIPLIER_BITS, ClipScale
from proofward.layers.gradient_clipping.clipped_training import clipped_update, full_step, summed
from proofward.layers.networks.network import Network
from proofward.layers.rules.model import FixedPoint, Int64Array, Training
from proofward.layers.rules.privacy import CLIP_UNITS_BITS, LEAST_COARSE_VARIANCE, Privacy
from proofward.models.settings import Preset
from proofward.privacy.accountant import Accountant
from proofward.privacy.choice import least_noise
from proofward.relations.rules.config import RoundConfig
from proofward.relations.rules.noise_tables import LEVELS
from proofward.relations.uploads.noise_seed import drawn_noise

Real = NDArray[np.float64]
RELEASES, COLLUDERS, MINIMUM, INVERSE_DELTA = 20, 2, 4, 10**5
SLOTS = 128
"""Of a hospital's step, or the next power of two where it has more records."""
TRAINING = Training(rate=12, batch=SLOTS, steps=1, full_batch=True)
"""A learning rate of 1.5, with C = 1."""


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
        slots = max(SLOTS, 1 << (len(records) - 1).bit_length())
        batches = (np.arange(slots) % len(records))[None]
        own = (setup.model, setup.scales, replace(TRAINING, batch=slots))
        known = (weights, records.features, records.labels, batches)
        if self.clips:
            return clipped_update(*own, self.privacy, *known).update
        scale = ClipScale.of(setup.model, setup.scales, self.privacy)
        whole = np.where(np.arange(slots) < len(records), 1 << MULTIPLIER_BITS, 0)
        return Divisor(scale.shift).rounded(summed(setup.model, full_step(*own, *known), whole, scale))

    def noise(self, rng: np.random.Generator) -> Int64Array:
        """Z of one hospital, in units of the lattice; zeros where none is added."""
        if not self.adds_noise:
            return np.zeros(self.parameters, dtype=np.int64)
        secret, public = (
            uniform_words(shake_256(rng.bytes(32)).digest, len(LEVELS) * self.parameters) for _ in range(2)
        )
        shape = (len(LEVELS), self.parameters)
        return drawn_noise(self.privacy, secret.reshape(shape), public.reshape(shape))

    def following(self, setup: Preset, weights: Int64Array, total: Int64Array, rows: int) -> Int64Array:
        """The next model after the sum of a round, in which so many records had a part."""
        rule = _rules(setup.model, setup.scales, self.privacy).model_rule
        return rule.following(weights, (), total, rows << CLIP_UNITS_BITS)[0]


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


@lru_cache(maxsize=64)
def _rules(model: Network, scales: FixedPoint, privacy: Privacy) -> RoundConfig:
    return RoundConfig(model, scales, TRAINING, privacy.clip_bound, MINIMUM, 1, privacy=privacy)
