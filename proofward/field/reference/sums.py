"""Sumcheck messages and fraction levels on lists of integers."""

from __future__ import annotations

from proofward.field.reference.extension import Pair, Planes, minus, pairs, planes, plus, times, total


def round_message(
    factors: list[list[Planes]], linear: Planes | None, high: Planes, low: Planes
) -> tuple[Pair, Pair]:
    """t(0) and the leading coefficient of sum_x w(x) (sum_m f_m g_m + l).

    The weight w is the tensor product of two tables.
    """
    weights = [times(a, b) for a in pairs(high) for b in pairs(low)]
    half = len(weights)
    zero: list[Pair] = [(0, 0)] * half
    lead: list[Pair] = [(0, 0)] * half
    for f_table, g_table in factors:
        f, g = pairs(f_table), pairs(g_table)
        for x in range(half):
            zero[x] = plus(zero[x], times(f[x], g[x]))
            lead[x] = plus(lead[x], times(minus(f[x + half], f[x]), minus(g[x + half], g[x])))
    if linear is not None:
        zero = [plus(a, b) for a, b in zip(zero, pairs(linear)[:half], strict=True)]
    return total([times(w, v) for w, v in zip(weights, zero, strict=True)]), total(
        [times(w, v) for w, v in zip(weights, lead, strict=True)]
    )


def fraction_level(numerators: Planes, denominators: Planes) -> tuple[Planes, Planes]:
    """p0 q1 + p1 q0 and q0 q1 over halves."""
    p, q = pairs(numerators), pairs(denominators)
    if len(p) != len(q) or len(q) % 2:
        raise ValueError(f"lengths {len(p)} and {len(q)}")
    half = len(q) // 2
    joined = [plus(times(p[x], q[x + half]), times(p[x + half], q[x])) for x in range(half)]
    return planes(joined), planes([times(q[x], q[x + half]) for x in range(half)])
