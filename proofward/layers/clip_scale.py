"""The public numbers by which the gradient of each record is clipped, and the sum of them rounded.

With a = activation_bits and d = gradient_bits, the gradient g of a record is an integer vector at scale
a + d, and so is the bound on its norm. With A what a layer reads and dZ the gradient of its sums:
    C = 2^(clip_bits + a + d)
    S = ||g||^2 = sum over layers of (||A||^2 + 2^(2a)) ||dZ||^2
    s = floor(sqrt(S)) + 1
    k = min(2^12, floor(2^12 C / s))       the multiplier, at scale 12; 0 in slots of a batch without a row
    G = sum over records of k g            at scale a + d + 12
    U = floor(G / 2^h + 1/2)               h = clip_bits + a + d + 2, so that 2^10 units of U are C

k s <= 2^12 C and s > sqrt(S), so the norm of k g is below 2^12 C. Two datasets that differ in one record
differ in G by less than 2^13 C in norm; rounding moves the difference of two entries by less than 1. Hence
    ||U - U'|| <= 2 2^10 + sqrt(p)         p parameters, in the units of U.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

import numpy as np

from proofward.layers.errors import ConfigurationError, WraparoundPossible
from proofward.layers.exact import roots
from proofward.layers.linear import Linear
from proofward.layers.model import FixedPoint, Int64Array
from proofward.layers.network import Network
from proofward.layers.privacy import CLIP_UNITS_BITS, Privacy
from proofward.layers.relu import Relu

MULTIPLIER_BITS = 12
"""A gradient that is not clipped is multiplied by 2^12."""

SQUARE_LIMIT = 1 << 58
"""S stays below, so that the square of a root's double is below 2^62."""

WAYS_OUT = "linear layers one after another; for pictures, such a head behind a frozen public network"


@dataclass(frozen=True, slots=True)
class ClipScale:
    """bound: C. shift: h. most_square: the public bound on S. one: 2^a."""

    bound: int
    shift: int
    most_square: int
    one: int

    @staticmethod
    def of(model: Network, scales: FixedPoint, privacy: Privacy) -> ClipScale:
        """Those of a network; raises a TrainingError where its gradients cannot be clipped, and says why."""
        check_network(model)
        bits = privacy.clip_bits + scales.activation_bits + scales.gradient_bits
        if bits < 0:
            raise ConfigurationError("clip_bits", f"at least {privacy.clip_bits - bits}", privacy.clip_bits)
        square = largest_square(model, scales)
        if square >= SQUARE_LIMIT:
            raise WraparoundPossible(
                "all layers", "squared norm of a record's gradient", square, SQUARE_LIMIT
            )
        shift = bits + MULTIPLIER_BITS - CLIP_UNITS_BITS
        return ClipScale(1 << bits, shift, square, 1 << scales.activation_bits)

    @property
    def most_root(self) -> int:
        """The largest s."""
        return isqrt(self.most_square) + 1

    @property
    def slack_bits(self) -> int:
        """Bits of what S lacks to the squares beside it: at most 2 (s - 1)."""
        return max(1, (2 * self.most_root - 2).bit_length())

    @property
    def shortfall_bits(self) -> int:
        """Bits of 2^12 - k of a row."""
        least = min(1 << MULTIPLIER_BITS, (self.bound << MULTIPLIER_BITS) // self.most_root)
        return max(1, ((1 << MULTIPLIER_BITS) - least).bit_length())

    @property
    def room_bits(self) -> int:
        """Bits of what a clipped norm lacks to the bound, in whole multipliers or in the root's units."""
        return max(1, (max(self.most_root, self.bound) - 1).bit_length())

    @property
    def rest_bits(self) -> int:
        """Bits of what one multiplier more would be too much."""
        return max(1, (self.most_root - 1).bit_length())

    def root(self, squares: Int64Array) -> Int64Array:
        """s of S."""
        return roots(squares) + 1

    def multipliers(self, squares: Int64Array) -> Int64Array:
        """k of S, of rows."""
        full = np.int64(self.bound << MULTIPLIER_BITS)
        result: Int64Array = np.minimum(1 << MULTIPLIER_BITS, full // self.root(squares))
        return result


def largest_square(model: Network, scales: FixedPoint) -> int:
    """A bound on S: every value and gradient at the end of its range."""
    total, one = 0, 1 << scales.activation_bits
    for index, layer in enumerate(model.layers):
        last = index == model.depth - 1
        value = -scales.input_range[0] if index == 0 else scales.of_layer(index - 1).activation_limit
        gradient = model.head.largest_gradient(scales) if last else scales.of_layer(index).gradient_limit
        total += (layer.takes.size * value**2 + one**2) * layer.gives.size * gradient**2
    return total


def check_network(model: Network) -> None:
    """Raises ConfigurationError unless all layers are such whose gradients can be clipped for each record."""
    strange = [type(own).__name__ for own in model.layers if type(own) is not Linear]
    strange += [type(own).__name__ for own in model.activations if type(own) is not Relu]
    strange += ["shortcuts"] * bool(model.shortcuts) + ["a row beside pictures"] * bool(model.row)
    if strange:
        found = ", ".join(dict.fromkeys(strange))
        raise ConfigurationError("model with differential privacy", WAYS_OUT, found)
