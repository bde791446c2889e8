"""The server's step where hospitals submit sums of clipped gradients, and not changes of weights.

With D the mean of the clipped gradients of all records, in units of the clip bound C and at the weights'
scale fw, the mean update is
    -round(rate batch 2^(clip_bits - k) D),     k = fw - fa - fd
the learning rate (rate batch / 2^k) times C times the mean gradient; halves upwards before the sign. It is
public arithmetic on a sum that is private already, so it spends nothing, whatever optimizer takes it on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.model import Int64Array

_LIMIT = 1 << 61


@dataclass(frozen=True, slots=True)
class GradientStep:
    """factor: rate times batch. bits: clip_bits - k. most: a bound on the magnitude of D."""

    factor: int
    bits: int
    most: int

    def __post_init__(self) -> None:
        if self.factor * self.most << max(self.bits, 0) >= _LIMIT:
            expected = "rate * batch below 2^61 in a step's units: a smaller one, more rows or less noise"
            raise ConfigurationError("rate", expected, self.factor)

    @property
    def largest(self) -> int:
        """The bound on the magnitude of the step."""
        return self._rounded(self.factor * self.most) + 1

    def update(self, mean: Int64Array) -> Int64Array:
        """The mean update of a mean gradient; raises ConfigurationError where that is beyond its bound."""
        found = max(int(mean.max()), -int(mean.min())) if mean.size else 0
        if found > self.most:
            raise ConfigurationError("mean of the gradients", f"magnitudes of at most {self.most}", found)
        scaled = mean * self.factor
        if self.bits >= 0:
            return -(scaled << self.bits)
        return -np.asarray((scaled + (1 << (-self.bits - 1))) >> -self.bits, dtype=np.int64)

    def _rounded(self, value: int) -> int:
        return value << self.bits if self.bits >= 0 else (value + (1 << (-self.bits - 1))) >> -self.bits
