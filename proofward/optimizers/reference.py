"""The specification of the server's optimizers in plain Python integers, one parameter at a time."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import floor, isqrt, trunc

Numbers = tuple[int, ...]
Step = Callable[[int, Numbers], tuple[int, Numbers]]


def nearest(value: Fraction) -> int:
    """To the nearest integer, halves upwards."""
    return floor(value + Fraction(1, 2))


def fedavg() -> Step:
    """The step is the mean."""
    return lambda mean, state: (mean, state)


def fedavgm(rate: Fraction, momentum: Fraction) -> Step:
    """See `fedavgm`."""

    def step(mean: int, state: Numbers) -> tuple[int, Numbers]:
        velocity = trunc(momentum * state[0] + mean)
        return nearest(rate * velocity), (velocity,)

    return step


def fedadam(rate: Fraction, beta1: Fraction, beta2: Fraction, epsilon: Fraction, bits: int) -> Step:
    """See `fedadam`."""

    def step(mean: int, state: Numbers) -> tuple[int, Numbers]:
        first = trunc(beta1 * state[0] + (1 - beta1) * mean)
        second = trunc(beta2 * state[1] + (1 - beta2) * mean**2)
        divisor = isqrt(second) + epsilon * 2**bits
        return nearest(2**bits * rate * first / divisor), (first, second)

    return step


def next_weight(
    step: Step, weight: int, state: Numbers, *, mean: Fraction, bits: int, limit: int
) -> tuple[int, Numbers]:
    """The next weight and state of a parameter from the mean of its updates, a real number."""
    change, following = step(nearest(mean * 2**bits), state)
    return max(-limit, min(limit, weight + change)), following
