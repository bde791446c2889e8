"""The next model and the optimizer's next state from the sum of a round's updates.

Whoever follows the ledger computes both from what is recorded there, block by block of parameters: every
entry of model and state depends on the entries of the same parameter only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proofward.layers.averaging.aggregation import mean_update
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.model import Int64Array
from proofward.optimizers.arithmetic import largest
from proofward.optimizers.contract import ServerOptimizer, State
from proofward.optimizers.gradient_step import GradientStep

_LIMIT = 1 << 62


@dataclass(frozen=True, slots=True)
class ModelRule:
    """bits: fw, the scale of weights, means and steps. mean: the bound on means. limit: L, below 2^62.

    gradient: what makes mean updates of mean gradients, where such are summed.
    """

    optimizer: ServerOptimizer
    bits: int
    mean: int
    limit: int
    gradient: GradientStep | None = None

    def first_state(self, parameters: int) -> State:
        """The state before the first round: zeros."""
        return tuple(np.zeros(parameters, dtype=np.int64) for _ in self.optimizer.vectors)

    def following(
        self, weights: Int64Array, state: State, total: Int64Array, total_weight: int
    ) -> tuple[Int64Array, State]:
        """The next weights, at scale fw, and the next state; raises ConfigurationError where it cannot be.

        total, total_weight: the sum of the submitted updates, and of the weights of all hospitals in it.
        """
        for name, vector in (("total", total), *zip(self.optimizer.vectors, state, strict=True)):
            if vector.shape != weights.shape or vector.dtype != np.int64 or weights.dtype != np.int64:
                expected = f"int64 array of shape {weights.shape}"
                raise ConfigurationError(name, expected, (str(vector.dtype), vector.shape))
        if largest(weights) >= _LIMIT:
            raise ConfigurationError("weights", "magnitudes below 2^62", largest(weights))
        mean = mean_update(total, total_weight, self.bits)
        if self.gradient is not None:
            mean = self.gradient.update(mean)
        if self.optimizer.vectors:
            self._require_bounds(mean, state)
        step, following = self.optimizer.step(mean, state, self.bits)
        # both terms are below 2^62 in magnitude
        return (weights + step).clip(-self.limit, self.limit), following

    def _require_bounds(self, mean: Int64Array, state: State) -> None:
        """The bounds on which the optimizer's arithmetic rests; rules are refused where they are large."""
        _, bounds = self.optimizer.bounds(self.mean, self.bits)
        found = [("mean of the updates", self.mean, mean)]
        found += zip(self.optimizer.vectors, bounds, state, strict=True)
        for name, bound, vector in found:
            if largest(vector) > bound:
                raise ConfigurationError(name, f"magnitudes of at most {bound}", largest(vector))
            if name in self.optimizer.unsigned and vector.size and (least := int(vector.min())) < 0:
                raise ConfigurationError(name, "no negative number", least)
