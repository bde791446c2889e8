"""The public numbers by which the gradient of each record is clipped, and the sum of them rounded.

With a = activation_bits and d = gradient_bits, the gradient g of a record is an integer vector at scale
a + d, and so is the bound on its norm. Beside means both are f times finer, the least common multiple of all
layers (`means`), and a layer's own gradient g_l counts u_l times. With A what a layer reads and dZ the
gradient of its sums:
    C = f 2^(clip_bits + a + d)
    S = ||g||^2 = sum over layers of u_l^2 ||g_l||^2
    ||g_l||^2 = (||A||^2 + 2^(2a)) ||dZ||^2 of a linear layer; of a convolution see `record_norms`
    s = floor(sqrt(S)) + 1
    k = min(2^12, floor(2^12 C / s))       the multiplier, at scale 12; 0 in slots of a batch without a row
    G = sum over records of k g            at scale a + d + 12
    U = floor(G / (f 2^h) + 1/2)           h = clip_bits + a + d + 2, so that 2^10 units of U are C

k s <= 2^12 C and s > sqrt(S), so the norm of k g is below 2^12 C. Two datasets that differ in one record
differ in G by less than 2^13 C in norm; rounding moves the difference of two entries by less than 1. Hence
    ||U - U'|| <= 2 2^10 + sqrt(p)         p parameters, in the units of U.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

import numpy as np

from proofward.layers.arithmetic.exact import roots
from proofward.layers.basics.divisor import Divisor
from proofward.layers.basics.errors import ConfigurationError, WraparoundPossible
from proofward.layers.gradient_clipping.record_norms import PRODUCT, Way, check_layers, way_of
from proofward.layers.networks.bounds import largest_value
from proofward.layers.networks.network import Network
from proofward.layers.rules.model import FixedPoint, Int64Array
from proofward.layers.rules.privacy import CLIP_UNITS_BITS, Privacy

MULTIPLIER_BITS = 12
"""A gradient that is not clipped is multiplied by 2^12."""

REMEDY = (
    "narrower layers, a smaller gradient_range_bits or activation_range_bits, or a frozen public network "
    "before a small head"
)

SQUARE_LIMIT = 1 << 58
"""S stays below, so that the square of a root's double is below 2^62."""


@dataclass(frozen=True, slots=True)
class LayerNorm:
    """How the norm of a layer's gradient enters S. unit: u_l. one: what its biases are multiplied by.

    most: the public bound on ||g_l||^2.
    """

    way: Way
    unit: int
    one: int
    most: int

    @property
    def is_product(self) -> bool:
        """Of the norm of what the layer reads and that of the gradient of its sums."""
        return self.way.name == PRODUCT


@dataclass(frozen=True, slots=True)
class ClipScale:
    """bound: C. shift: h. finest: f. layers: how each one's norm enters S."""

    bound: int
    shift: int
    layers: tuple[LayerNorm, ...]
    finest: int = 1

    @staticmethod
    def of(model: Network, scales: FixedPoint, privacy: Privacy) -> ClipScale:
        """Those of a network; raises a TrainingError where its gradients cannot be clipped, and says why."""
        check_layers(model)
        bits = privacy.clip_bits + scales.activation_bits + scales.gradient_bits
        if bits < 0:
            raise ConfigurationError("clip_bits", f"at least {privacy.clip_bits - bits}", privacy.clip_bits)
        units = model.update_units
        layers = tuple(layer_norm(model, scales, index, unit) for index, unit in enumerate(units))
        shift = bits + MULTIPLIER_BITS - CLIP_UNITS_BITS
        found = ClipScale(model.finest << bits, shift, layers, model.finest)
        if found.most_square >= SQUARE_LIMIT:
            quantity = "squared norm of a record's gradient"
            raise WraparoundPossible("all layers", quantity, found.most_square, SQUARE_LIMIT, REMEDY)
        return found

    @property
    def most_square(self) -> int:
        """The public bound on S."""
        return sum(own.unit**2 * own.most for own in self.layers)

    @property
    def products(self) -> tuple[LayerNorm, ...]:
        """The layers whose norm is a product of two, in order."""
        return tuple(own for own in self.layers if own.is_product)

    @property
    def wholes(self) -> tuple[LayerNorm, ...]:
        """The others, in order."""
        return tuple(own for own in self.layers if not own.is_product)

    @property
    def divisor(self) -> Divisor:
        """f 2^h, by which the sum of gradients is rounded."""
        return Divisor.of(self.finest << self.shift)

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


def layer_norm(model: Network, scales: FixedPoint, index: int, unit: int) -> LayerNorm:
    """Of a layer, with a bound from every value and gradient at the end of its range.

    Behind a pool that keeps one sum of a window the gradients of the others are 0.
    """
    layer, one = model.layers[index], model.finer[index].one(scales)
    value, inputs, positions = largest_value(model, scales, index), layer.takes.size, 1
    last = index == model.depth - 1
    gradient = model.head.largest_gradient(scales) if last else scales.of_layer(index).gradient_limit
    way, outputs = way_of(layer), layer.gives.size
    if way.name != PRODUCT:
        inputs, outputs = layer.fan_in, layer.biases.size
        positions = layer.positions // layer.window**2 * (1 if last else model.activations[index].passes)
    return LayerNorm(way, unit, one, (inputs * value**2 + one**2) * outputs * (positions * gradient) ** 2)


def largest_square(model: Network, scales: FixedPoint) -> int:
    """A bound on S."""
    units = model.update_units
    return sum(unit**2 * layer_norm(model, scales, index, unit).most for index, unit in enumerate(units))
