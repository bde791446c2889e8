"""The public numbers of one hospital's update where the gradient of each record is clipped.

With n the rows that the hospital trains on, and the numbers of `layers.gradient_clipping.clip_scale`:
    M = 2^10 n                  weight: the sum of all U over the sum of all M is a mean gradient, in C
    B = 2^10 n                  bound on |U_j|: no record adds more than C = 2^10 units to an entry
    m = bits of B, and one more                U_j in [-2^(m-1), 2^(m-1))
Nothing is weighted or clipped a second time. What is encrypted is U with its noise, and bounded by the sum of
both bounds (`noise_tables.message_bound`): no draw leaves its range.

No integer wraps around P. Checked for every rule, besides what `clip_scale` checks of each record:
    slots 2^12 C + f 2^(h-1) < 2^62,   f 2^h (2^(m-1) + 1) < 2^62,   B < 2^31
Whatever multipliers in [0, 2^12] are committed to, and they are unique, |G_j| <= n 2^12 C.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from proofward.lattice.parameters import LARGEST_BOUND
from proofward.layers.averaging.weighting import WEIGHT_BITS
from proofward.layers.basics.divisor import Divisor
from proofward.layers.basics.errors import WraparoundPossible
from proofward.layers.gradient_clipping.clip_scale import MULTIPLIER_BITS, ClipScale
from proofward.layers.networks.bounds import LIMIT
from proofward.layers.networks.network import Network
from proofward.layers.rules.model import FixedPoint, Training
from proofward.layers.rules.privacy import Privacy


@dataclass(frozen=True, slots=True)
class ClippedRule:
    """rows: n. weight: M. bound: B. message_bits: m."""

    rows: int
    weight: int
    bound: int
    message_bits: int
    scale: ClipScale

    @property
    def divisor(self) -> Divisor:
        """By which the sum of gradients is rounded."""
        return self.scale.divisor


@lru_cache(maxsize=256)
def clipped_rule(
    model: Network, scales: FixedPoint, training: Training, privacy: Privacy, rows: int
) -> ClippedRule:
    """The numbers for a hospital of `rows` rows; raises a TrainingError where there are none."""
    training.steps_for(rows)
    trained, scale = training.trained_rows(rows), ClipScale.of(model, scales, privacy)
    units = trained << WEIGHT_BITS
    bits = units.bit_length() + 1
    slots = training.batch * scale.bound << MULTIPLIER_BITS
    for quantity, value, limit in (
        ("sum of clipped gradients", slots + scale.divisor.half, LIMIT),
        ("rounded sum of gradients", ((1 << (bits - 1)) + 1) * scale.divisor.value, LIMIT),
        ("bound on the entries of the update", units, LARGEST_BOUND),
    ):
        if value >= limit:
            raise WraparoundPossible("all layers", quantity, value, limit)
    return ClippedRule(trained, units, units, bits, scale)
