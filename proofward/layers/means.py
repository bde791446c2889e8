"""Scales beside a mean: the mean of 2^e values is their sum, exactly, at a scale that is finer by e bits.

A mean is never divided. The layer above takes the sum S of 2^e values at scale fa as the mean at scale fa +
e. A gradient with respect to the mean, at scale fd, is one with respect to each of the values at scale fd +
e, as each of them has 1/2^e of it; so it is that of the sums below as it stands. Nothing is lost both ways.
For a layer whose inputs are means of 2^i values, and whose sums are behind a mean of 2^o,
    inputs      scale fa + i              gradients of the sums    scale fd + o
    weights     scale fw + i + o          = input scale + gradient scale + k, so that an update is exact
    sums        scale fa + fw + 2 i + o   rounded to scale fa by fw + 2 i + o bits
    back sums   scale fd + fw + i + 2 o   rounded to scale fd, with respect to the mean, by fw + i + 2 o bits
where k is that of the learning rate. First weights W_0 at scale fw are multiplied by 2^(i+o), exactly. The
update of all layers is at the finest scale of any, and rounding it for submission takes those bits off again.
"""

from __future__ import annotations

from dataclasses import dataclass

from proofward.layers.model import FixedPoint


@dataclass(frozen=True, slots=True)
class Finer:
    """inputs: i; gradients: o."""

    inputs: int = 0
    gradients: int = 0

    @property
    def weights(self) -> int:
        """Bits that weights, biases and the update of the layer are finer by."""
        return self.inputs + self.gradients

    @property
    def sums(self) -> int:
        """Bits more that are rounded off sums."""
        return 2 * self.inputs + self.gradients

    @property
    def back_sums(self) -> int:
        """Bits more that are rounded off back sums."""
        return self.inputs + 2 * self.gradients

    def layer(self, scales: FixedPoint) -> FixedPoint:
        """The scales of the layer's own inputs, gradients and weights."""
        if not self.weights:
            return scales
        return scales.finer(
            activation_bits=scales.activation_bits + self.inputs,
            gradient_bits=scales.gradient_bits + self.gradients,
            weight_bits=scales.weight_bits + self.weights,
        )


def rounding(scales: FixedPoint, below: int, above: int) -> FixedPoint:
    """The scales by which an activation rounds sums and back sums that are finer by so many bits."""
    if not below and not above:
        return scales
    return scales.finer(weight_bits=scales.weight_bits + below, finer_back_bits=scales.weight_bits + above)
