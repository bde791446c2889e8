"""Scales beside a mean: the mean of n values is their sum, exactly, at a scale that is n times finer.

A mean is never divided. The layer above takes the sum S of n values at scale 2^fa as the mean at scale n
2^fa. A gradient with respect to the mean, at scale 2^fd, is one with respect to each of the values at scale n
2^fd, as each of them has 1/n of it; so it is that of the sums below as it stands. Nothing is lost both ways,
and n is any number. For a layer whose inputs are means of i values, and whose sums are behind a mean of o,
    inputs      scale i 2^fa                  gradients of the sums    scale o 2^fd
    weights     scale i o 2^fw                = input scale x gradient scale x 2^k, so that an update is exact
    sums        scale i^2 o 2^(fa + fw)       rounded to scale 2^fa, divided by i^2 o 2^fw
    back sums   scale i o^2 2^(fd + fw)       rounded to scale 2^fd, with respect to the mean, by i o^2 2^fw
where k is that of the learning rate. First weights W_0 at scale 2^fw are multiplied by i o, exactly. The
update of all layers is at the least common multiple of their scales, and rounding it for submission divides
by that again.
"""

from __future__ import annotations

from dataclasses import dataclass

from proofward.layers.rules.model import FixedPoint


@dataclass(frozen=True, slots=True)
class Finer:
    """inputs: i; gradients: o."""

    inputs: int = 1
    gradients: int = 1

    @property
    def weights(self) -> int:
        """How many times finer weights, biases and the update of the layer are."""
        return self.inputs * self.gradients

    @property
    def sums(self) -> int:
        """How many times finer sums are, beyond the weights' scale 2^fw."""
        return self.inputs * self.weights

    @property
    def back_sums(self) -> int:
        """The same of back sums."""
        return self.gradients * self.weights

    def one(self, scales: FixedPoint) -> int:
        """1 at the scale of the layer's inputs: the constant that its biases are multiplied by."""
        return self.inputs << scales.activation_bits
