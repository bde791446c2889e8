"""The sumcheck prover's kernels: round messages and levels of the fraction tree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext, ext_add, ext_mul, planes
from proofward.field.jit import PLANES, ROW, SCALAR, WORD, kernel, void
from proofward.field.memory import large_empty
from proofward.field.reference import mirrored
from proofward.field.reference import sums as reference
from proofward.field.scalar import HALF, MASK, P, ext_times, join, minus, plus, times
from proofward.field.threads import parallel

Array = npt.NDArray[np.uint64]

_GRAIN = 1 << 13


@dataclass(slots=True)
class SplitWeights:
    """A weight table as the tensor product of two.

    w(x) = high[x >> s] low[x mod 2^s], where 2^s is the length of `low`.
    """

    high: Array
    low: Array


@kernel()
def _parts(table, first, count):  # type: ignore[no-untyped-def]
    """Both planes of a table at first .. first + count, and half a table further on."""
    half = table[0].size // 2
    above = first + half
    return (
        table[0][first : first + count],
        table[1][first : first + count],
        table[0][above : above + count],
        table[1][above : above + count],
    )


@kernel(void(PLANES, PLANES, PLANES, PLANES, WORD, WORD, ROW))
def _round(f, g, high, low, start, stop, out):  # type: ignore[no-untyped-def]
    """Adds one product's part of t(0) and of the leading coefficient to `out`.

    It covers the blocks start .. stop of the high weights.
    """
    block = low[0].size
    for h in range(start, stop):
        base = h * block
        # halves below 2^32, at most 2^32 terms
        zl0, zh0, zl1, zh1 = np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
        ll0, lh0, ll1, lh1 = np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
        f0, f1, s0, s1 = _parts(f, base, block)
        g0, g1, t0, t1 = _parts(g, base, block)
        w0, w1 = low[0], low[1]
        for i in range(block):
            p0, p1 = ext_times(f0[i], f1[i], g0[i], g1[i])
            q0, q1 = ext_times(
                minus(s0[i], f0[i]), minus(s1[i], f1[i]), minus(t0[i], g0[i]), minus(t1[i], g1[i])
            )
            p0, p1 = ext_times(p0, p1, w0[i], w1[i])
            q0, q1 = ext_times(q0, q1, w0[i], w1[i])
            zl0 += p0 & MASK
            zh0 += p0 >> HALF
            zl1 += p1 & MASK
            zh1 += p1 >> HALF
            ll0 += q0 & MASK
            lh0 += q0 >> HALF
            ll1 += q1 & MASK
            lh1 += q1 >> HALF
        z0, z1 = ext_times(join(zl0, zh0), join(zl1, zh1), high[0][h], high[1][h])
        l0, l1 = ext_times(join(ll0, lh0), join(ll1, lh1), high[0][h], high[1][h])
        out[0], out[1] = plus(out[0], z0), plus(out[1], z1)
        out[2], out[3] = plus(out[2], l0), plus(out[3], l1)


@kernel(void(PLANES, PLANES, PLANES, PLANES, PLANES, PLANES, WORD, WORD, ROW))
def _round_two(f, g, u, v, high, low, start, stop, out):  # type: ignore[no-untyped-def]
    """As `_round`, for the sum of two products f g + u v."""
    block = low[0].size
    w0, w1 = low[0], low[1]
    for h in range(start, stop):
        f0, f1, f2, f3 = _parts(f, h * block, block)
        g0, g1, g2, g3 = _parts(g, h * block, block)
        u0, u1, u2, u3 = _parts(u, h * block, block)
        v0, v1, v2, v3 = _parts(v, h * block, block)
        # halves below 2^32, at most 2^32 terms
        zl0, zh0, zl1, zh1 = np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
        ll0, lh0, ll1, lh1 = np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
        for i in range(block):
            a0, a1 = ext_times(f0[i], f1[i], g0[i], g1[i])
            b0, b1 = ext_times(u0[i], u1[i], v0[i], v1[i])
            p0, p1 = ext_times(plus(a0, b0), plus(a1, b1), w0[i], w1[i])
            zl0 += p0 & MASK
            zh0 += p0 >> HALF
            zl1 += p1 & MASK
            zh1 += p1 >> HALF
        for i in range(block):
            c0, c1 = ext_times(
                minus(f2[i], f0[i]), minus(f3[i], f1[i]), minus(g2[i], g0[i]), minus(g3[i], g1[i])
            )
            d0, d1 = ext_times(
                minus(u2[i], u0[i]), minus(u3[i], u1[i]), minus(v2[i], v0[i]), minus(v3[i], v1[i])
            )
            q0, q1 = ext_times(plus(c0, d0), plus(c1, d1), w0[i], w1[i])
            ll0 += q0 & MASK
            lh0 += q0 >> HALF
            ll1 += q1 & MASK
            lh1 += q1 >> HALF
        z0, z1 = ext_times(join(zl0, zh0), join(zl1, zh1), high[0][h], high[1][h])
        l0, l1 = ext_times(join(ll0, lh0), join(ll1, lh1), high[0][h], high[1][h])
        out[0], out[1] = plus(out[0], z0), plus(out[1], z1)
        out[2], out[3] = plus(out[2], l0), plus(out[3], l1)


@kernel(void(PLANES, PLANES, PLANES, WORD, WORD, ROW))
def _round_linear(table, high, low, start, stop, out):  # type: ignore[no-untyped-def]
    """Adds the linear table's part of t(0)."""
    block = low[0].size
    for h in range(start, stop):
        base = h * block
        zl0, zh0, zl1, zh1 = np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
        a0, a1, w0, w1 = table[0][base : base + block], table[1][base : base + block], low[0], low[1]
        for i in range(block):
            p0, p1 = ext_times(a0[i], a1[i], w0[i], w1[i])
            zl0 += p0 & MASK
            zh0 += p0 >> HALF
            zl1 += p1 & MASK
            zh1 += p1 >> HALF
        z0, z1 = ext_times(join(zl0, zh0), join(zl1, zh1), high[0][h], high[1][h])
        out[0], out[1] = plus(out[0], z0), plus(out[1], z1)


@kernel(void(PLANES, PLANES, PLANES, PLANES, WORD, WORD))
def _fraction(p, q, numerators, denominators, start, stop):  # type: ignore[no-untyped-def]
    p0, p1, p2, p3 = _parts(p, start, stop - start)
    q0, q1, q2, q3 = _parts(q, start, stop - start)
    n0, n1, d0, d1 = (
        numerators[0][start:stop],
        numerators[1][start:stop],
        denominators[0][start:stop],
        denominators[1][start:stop],
    )
    for i in range(n0.size):
        a0, a1 = ext_times(p0[i], p1[i], q2[i], q3[i])
        b0, b1 = ext_times(p2[i], p3[i], q0[i], q1[i])
        n0[i], n1[i] = plus(a0, b0), plus(a1, b1)
    for i in range(d0.size):
        d0[i], d1[i] = ext_times(q0[i], q1[i], q2[i], q3[i])


@kernel(void(ROW, ROW, SCALAR, SCALAR, SCALAR, SCALAR, ROW, ROW, WORD, WORD))
def _denominators(first, second, c0, c1, b0, b1, out0, out1, start, stop):  # type: ignore[no-untyped-def]
    # every operation takes and gives canonical values, so nothing overflows
    f, q0, q1 = first[start:stop], out0[start:stop], out1[start:stop]
    if second.size == 0:
        for i in range(f.size):
            q0[i] = minus(c0, f[i])
            q1[i] = c1
    else:
        s = second[start:stop]
        for i in range(f.size):
            q0[i] = minus(minus(c0, f[i]), times(b0, s[i]))
            q1[i] = minus(c1, times(b1, s[i]))


def fill_denominators(constant: Ext, beta: Ext, first: Array, second: Array | None, out: Array) -> None:
    """out = constant - first - beta second for F-arrays; a prover's, so it has no slow twin."""
    if out.shape != (2, first.size) or (second is not None and second.shape != first.shape):
        shapes = [first.shape] + ([] if second is None else [second.shape])
        raise ValueError(f"denominators {out.shape} for values of the shapes {shapes}")
    f = np.ascontiguousarray(first)
    s = f[:0] if second is None else np.ascontiguousarray(second)
    c0, c1, b0, b1 = (np.uint64(x) for x in (constant.c0, constant.c1, beta.c0, beta.c1))
    q0, q1 = planes(out)
    parallel(lambda start, stop: _denominators(f, s, c0, c1, b0, b1, q0, q1, start, stop), f.size, 8 * _GRAIN)


@mirrored(reference.round_message)
def _round_pairs(
    factors: list[tuple[Array, Array]], linear: Array | None, high: Array, low: Array
) -> tuple[tuple[int, int], tuple[int, int]]:
    parts: list[list[int]] = []
    pairs = [(planes(f), planes(g)) for f, g in factors]
    rest = None if linear is None else planes(linear)
    upper, lower = planes(high), planes(low)

    def work(start: int, stop: int) -> None:
        out = np.zeros(4, dtype=np.uint64)
        if len(pairs) == 2:
            (f, g), (u, v) = pairs
            _round_two(f, g, u, v, upper, lower, start, stop, out)
        else:
            for f, g in pairs:
                _round(f, g, upper, lower, start, stop, out)
        if rest is not None:
            _round_linear(rest, upper, lower, start, stop, out)
        parts.append([int(value) for value in out])

    parallel(work, high.shape[1], max(1, _GRAIN // low.shape[1]))
    sums = [sum(part[i] for part in parts) % P for i in range(4)]
    return (sums[0], sums[1]), (sums[2], sums[3])


def round_message(
    factors: list[tuple[Array, Array]], linear: Array | None, weights: SplitWeights
) -> tuple[Ext, Ext]:
    """t(0) and the leading coefficient of a sumcheck's round polynomial.

    t(X) = sum_x w(x) (sum_m f_m(X, x) g_m(X, x) + l(X, x)), where X is the tables' first variable.

    Tables are E-arrays of one length N, the weights' tensor product has N / 2 entries; else ValueError.
    """
    length = 2 * weights.high.shape[1] * weights.low.shape[1]
    tables = [table for pair in factors for table in pair] + ([] if linear is None else [linear])
    for table in tables:
        if table.shape != (2, length):
            raise ValueError(f"table {table.shape} for weights of {length // 2} entries")
    zero, lead = _round_pairs(factors, linear, weights.high, weights.low)
    return Ext(*zero), Ext(*lead)


@mirrored(reference.fraction_level)
def fraction_level(numerators: Array, denominators: Array) -> tuple[Array, Array]:
    """(p0 q1 + p1 q0, q0 q1) over halves: E-arrays of one even length to E-arrays of half the length."""
    if numerators.shape != denominators.shape or denominators.shape[-1] % 2:
        raise ValueError(f"shapes {numerators.shape} and {denominators.shape}")
    half = denominators.shape[1] // 2
    p, q = large_empty(2, half), large_empty(2, half)
    inputs, outputs = (planes(numerators), planes(denominators)), (planes(p), planes(q))
    parallel(lambda start, stop: _fraction(*inputs, *outputs, start, stop), half, _GRAIN)
    return p, q


def ones_level(denominators: Array) -> tuple[Array, Array]:
    """`fraction_level` for numerators that are all 1: (q0 + q1, q0 q1)."""
    half = denominators.shape[1] // 2
    low, high = denominators[:, :half], denominators[:, half:]
    return ext_add(low, high), ext_mul(low, high)
