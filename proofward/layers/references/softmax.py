"""The specification of the softmax head in plain Python integers: what the fast one must equal."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from math import floor

from proofward.layers.rules.model import FixedPoint


@dataclass(frozen=True)
class SoftmaxHead:
    """Of the logits of a sample: M, D, E, S, P, the remainders of the division, and the errors P - 2^fd Y."""

    maximum: int
    distances: list[int]
    exponentials: list[int]
    total: int
    probabilities: list[int]
    remainders: list[int]
    errors: list[int]


def softmax_head(logits: list[int], label: int, scales: FixedPoint) -> SoftmaxHead:
    """P_k is 2^fd E_k / S rounded half up; E_k is `exponential` of D_k."""
    quotients = [floor(Fraction(value, scales.divisor.value) + Fraction(1, 2)) for value in logits]
    maximum = max(quotients)
    distances = [maximum - quotient for quotient in quotients]
    exponentials = [exponential(distance, scales) for distance in distances]
    total, unit = sum(exponentials), 1 << scales.gradient_bits
    probabilities = [floor(Fraction(unit * own, total) + Fraction(1, 2)) for own in exponentials]
    remainders = [
        2 * unit * own + total - 2 * total * chance
        for own, chance in zip(exponentials, probabilities, strict=True)
    ]
    errors = [chance - unit * (index == label) for index, chance in enumerate(probabilities)]
    return SoftmaxHead(maximum, distances, exponentials, total, probabilities, remainders, errors)


def exponential(distance: int, scales: FixedPoint) -> int:
    """round(2^(fd+6) exp(-distance / 2^fa)), 0 from 2^l on."""
    if distance >= 1 << scales.logit_range_bits:
        return 0
    with localcontext() as context:
        context.prec = 60
        decay = (Decimal(-distance) / (1 << scales.activation_bits)).exp()
        return int((decay * (64 << scales.gradient_bits)).to_integral_value(ROUND_HALF_EVEN))
