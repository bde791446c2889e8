"""Adam at the server, without correction of the first rounds' bias.

    M' = trunc(beta1 M + (1 - beta1) D)            towards 0, once; scale fw
    S' = floor(beta2 S + (1 - beta2) D^2)          once; scale 2 fw
    step = round(2^fw rate M' / (isqrt(S') + 2^fw epsilon))
    W' = clamp(W + step)
isqrt is the floor of the square root, an integer at scale fw. The quotient is of exact integers,
    2^fw (10^6 rate) M'  and  10^6 isqrt(S') + 2^fw (10^6 epsilon),
by long division to the nearest, halves upwards. M and S are 0 before the first round. With |D| <= B for ever,
|M| <= B and S <= B^2 for ever, as both are means rounded towards 0, and the step is at most
rate B / epsilon. B has to be below 2^30, so that S is below 2^60.

Source: Reddi et al., Adaptive Federated Optimization, 2021, algorithm 2, with S = 0 at first as in its text's
experiments with Adam of common libraries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from proofward.layers.arithmetic.exact import roots
from proofward.layers.averaging.aggregation import long_division
from proofward.layers.basics.plain import MILLION
from proofward.layers.rules.model import Int64Array
from proofward.optimizers.arithmetic import combined
from proofward.optimizers.contract import FRACTION, RATE, ServerOptimizer, State


@dataclass(frozen=True)
class FedAdam(ServerOptimizer):
    """Adam at the server. Numbers are integers in millionths: a rate of 0.01 is 10,000.

    Attributes:
        rate: The rate of a step.
        beta1: What the first moment keeps in each round.
        beta2: What the second moment keeps in each round.
        epsilon: Called tau in the source. The larger it is, the less the steps adapt.
    """

    rate: int = 10_000
    beta1: int = 900_000
    beta2: int = 990_000
    epsilon: int = 1_000

    name: ClassVar[str] = "fedadam"
    title: ClassVar[str] = "FedAdam"
    vectors: ClassVar[tuple[str, ...]] = ("first moment", "second moment")
    unsigned: ClassVar[tuple[str, ...]] = ("second moment",)
    ranges: ClassVar[Mapping[str, tuple[int, int]]] = {
        "rate": RATE, "beta1": FRACTION, "beta2": FRACTION, "epsilon": (1, MILLION),
    }  # fmt: skip
    ways_out: ClassVar[str] = "a smaller rate, a larger epsilon, or "

    def step(self, mean: Int64Array, state: State, bits: int) -> tuple[Int64Array, State]:
        """See ServerOptimizer.

        The numerator is below 2^60, as |M| < 2^30 and rate < 2^30; the divisor is below 2^51, as the root is
        below 2^30 and 2^fw epsilon at most 2^50. The quotient is within the bound of the step.
        """
        first, second = state
        first = combined(self.beta1, first, MILLION - self.beta1, mean)
        second = combined(self.beta2, second, MILLION - self.beta2, mean * mean)
        divisor = MILLION * roots(second) + (self.epsilon << bits)
        return long_division(self.rate * first, divisor, bits, 62 - 51), (first, second)

    def bounds(self, mean: int, bits: int) -> tuple[int, tuple[int, ...]]:
        """See ServerOptimizer."""
        return self.rate * mean // self.epsilon + 1, (mean, mean * mean)
