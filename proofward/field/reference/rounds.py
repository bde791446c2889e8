"""The claim after a sumcheck's rounds, on integers."""

from __future__ import annotations

from typing import Any

from proofward.field.reference.extension import Pair, Planes, minus, planes, plus, times
from proofward.field.reference.goldilocks import P


def _inverse(value: Pair) -> Pair:
    scale = pow(value[0] * value[0] - 7 * value[1] * value[1], -1, P)
    return value[0] * scale % P, -value[1] * scale % P


def claim_coefficients(weights: list[Any], point: list[Any], sent: list[Any]) -> Planes:
    """Of every round backwards: t(r) = claim r / w1 + t0 (1 - r - r w0 / w1) + t2 (r^2 - r)."""
    coefficients: list[Pair] = [(0, 0)] * (2 * len(weights))
    scale, constant = (1, 0), (0, 0)
    for i in reversed(range(len(weights))):
        w0, w1, r, zero, lead = ((x.c0, x.c1) for x in (*weights[i], point[i], *sent[2 * i : 2 * i + 2]))
        if w1 == (0, 0):
            raise ZeroDivisionError("inverse of 0 in E")
        ratio = times(r, _inverse(w1))
        first = times(scale, minus(minus((1, 0), r), times(ratio, w0)))
        second = times(scale, minus(times(r, r), r))
        coefficients[2 * i], coefficients[2 * i + 1] = first, second
        constant = plus(constant, plus(times(first, zero), times(second, lead)))
        scale = times(scale, ratio)
    return planes([*coefficients, scale, constant])
