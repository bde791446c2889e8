"""Federated averaging with momentum at the server.

    V' = trunc(momentum V + D)        towards 0, once
    W' = clamp(W + round(rate V'))    to nearest, halves upwards
V is 0 before the first round. With |D| <= B for ever, |V| <= B / (1 - momentum) for ever: trunc never
enlarges, and momentum B / (1 - momentum) + B is B / (1 - momentum). The clamp does not change V.

Source: Hsu, Qi, Brown, Measuring the Effects of Non-Identical Data Distribution, 2019.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from proofward.layers.basics.plain import MILLION
from proofward.layers.rules.model import Int64Array
from proofward.optimizers.arithmetic import combined, multiplied
from proofward.optimizers.contract import FRACTION, RATE, ServerOptimizer, State


@dataclass(frozen=True)
class FedAvgM(ServerOptimizer):
    """Momentum at the server. Numbers are integers in millionths: a rate of 0.5 is 500,000.

    A rate of 1 and a momentum of 0 give FedAvg.

    Attributes:
        rate: The rate of a step.
        momentum: What is kept of the step before.
    """

    rate: int = MILLION
    momentum: int = 900_000

    name: ClassVar[str] = "fedavgm"
    title: ClassVar[str] = "FedAvgM"
    vectors: ClassVar[tuple[str, ...]] = ("momentum",)
    ranges: ClassVar[Mapping[str, tuple[int, int]]] = {"rate": RATE, "momentum": FRACTION}
    ways_out: ClassVar[str] = "a smaller rate or momentum, or "

    def step(self, mean: Int64Array, state: State, bits: int) -> tuple[Int64Array, State]:
        """See ServerOptimizer."""
        (momentum,) = state
        following = combined(self.momentum, momentum, MILLION, mean)
        return multiplied(following, self.rate), (following,)

    def bounds(self, mean: int, bits: int) -> tuple[int, tuple[int, ...]]:
        """See ServerOptimizer."""
        momentum = mean * MILLION // (MILLION - self.momentum)
        return self.rate * momentum // MILLION + 1, (momentum,)
