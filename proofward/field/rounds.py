"""The rounds of a sumcheck after the first: binding a variable and summing the next message in one pass.

Tables lie in one F-matrix, two rows a table (its planes), in the order f, g, f', g', .., linear. Binding a
variable halves the part of every row that is in use, in place.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext, planes
from proofward.field.jit import MATRIX, PLANES, ROW, SCALAR, WORD, kernel, void
from proofward.field.memory import large_empty
from proofward.field.multilinear import fold_into
from proofward.field.reference import mirrored
from proofward.field.reference import rounds as reference
from proofward.field.scalar import HALF, MASK, P, ext_times, inverse, join, minus, plus, times
from proofward.field.sums import SplitWeights
from proofward.field.threads import parallel

Array = npt.NDArray[np.uint64]

_GRAIN = 1 << 13


@kernel("void(uint64[:, ::1], int64, uint64, uint64, int64, int64)")
def bind_rows(tables, half, r0, r1, start, stop):  # type: ignore[no-untyped-def]
    for t in range(0, tables.shape[0], 2):
        a0, a1 = tables[t, start:stop], tables[t + 1, start:stop]
        b0, b1 = tables[t, half + start : half + stop], tables[t + 1, half + start : half + stop]
        for i in range(a0.size):
            d0, d1 = ext_times(minus(b0[i], a0[i]), minus(b1[i], a1[i]), r0, r1)
            a0[i], a1[i] = plus(a0[i], d0), plus(a1[i], d1)


@kernel(void(MATRIX, WORD, WORD, "boolean", SCALAR, SCALAR, PLANES, PLANES, WORD, WORD, ROW))
def sum_round(tables, length, pairs, bound, r0, r1, high, low, start, stop, out):  # type: ignore[no-untyped-def]
    """Adds the blocks start .. stop of the high weights to t(0) and the leading coefficient.

    `length` entries of a row are in use once the variable is bound, unless it is `bound` already. The entries
    that a block reads and writes are no other block's.
    """
    block, half = low[0].size, length // 2
    w0, w1 = low
    zero, lead = np.empty((2, block), dtype=np.uint64), np.empty((2, block), dtype=np.uint64)
    z0, z1, l0, l1 = zero[0], zero[1], lead[0], lead[1]
    for h in range(start, stop):
        first = h * block
        last, above = first + block, first + half
        if not bound:
            bind_rows(tables, length, r0, r1, first, last)
            bind_rows(tables, length, r0, r1, above, above + block)
        zero[:], lead[:] = 0, 0
        for t in range(0, 4 * pairs, 4):
            f0, f1, g0, g1 = (
                tables[t, first:last],
                tables[t + 1, first:last],
                tables[t + 2, first:last],
                tables[t + 3, first:last],
            )
            u0, u1 = tables[t, above : above + block], tables[t + 1, above : above + block]
            v0, v1 = tables[t + 2, above : above + block], tables[t + 3, above : above + block]
            for i in range(block):
                p0, p1 = ext_times(f0[i], f1[i], g0[i], g1[i])
                z0[i], z1[i] = plus(z0[i], p0), plus(z1[i], p1)
            for i in range(block):
                q0, q1 = ext_times(
                    minus(u0[i], f0[i]), minus(u1[i], f1[i]), minus(v0[i], g0[i]), minus(v1[i], g1[i])
                )
                l0[i], l1[i] = plus(l0[i], q0), plus(l1[i], q1)
        if tables.shape[0] > 4 * pairs:
            a0, a1 = tables[4 * pairs, first:last], tables[4 * pairs + 1, first:last]
            for i in range(block):
                z0[i], z1[i] = plus(z0[i], a0[i]), plus(z1[i], a1[i])
        for which, (s0, s1) in enumerate(((z0, z1), (l0, l1))):
            # halves below 2^32 are summed, at most 2^32 terms
            low0, high0, low1, high1 = np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
            for i in range(block):
                p0, p1 = ext_times(s0[i], s1[i], w0[i], w1[i])
                low0 += p0 & MASK
                high0 += p0 >> HALF
                low1 += p1 & MASK
                high1 += p1 >> HALF
            p0, p1 = ext_times(join(low0, high0), join(low1, high1), high[0][h], high[1][h])
            out[2 * which], out[2 * which + 1] = plus(out[2 * which], p0), plus(out[2 * which + 1], p1)


def bind_first(tables: list[Array], challenge: Ext) -> Array:
    """The tables (2, N) with their first variable bound: the matrix of all, N / 2 entries a row."""
    bound = large_empty(2 * len(tables), tables[0].shape[1] // 2)
    for i, table in enumerate(tables):
        fold_into(table, challenge, bound[2 * i : 2 * i + 2])
    return bound


def bind_last(tables: Array, challenge: Ext) -> None:
    """Bind the variable of rows of two entries."""
    bind_rows(tables, 1, np.uint64(challenge.c0), np.uint64(challenge.c1), 0, 1)


def next_message(
    tables: Array, length: int, pairs: int, challenge: Ext | None, weights: SplitWeights
) -> tuple[Ext, Ext]:
    """Bind a variable (None: it is bound), then sum t(0) and the leading coefficient of `length` entries.

    The result is that of `fold` for every table, and `round_message`. ValueError unless length = 2 high low.
    """
    high, low = weights.high, weights.low
    if length != 2 * high.shape[1] * low.shape[1] or tables.shape[1] < length * (1 + (challenge is not None)):
        raise ValueError(f"{length} entries of {tables.shape}, weights {high.shape} and {low.shape}")
    r0, r1 = (
        (np.uint64(0), np.uint64(0))
        if challenge is None
        else (np.uint64(challenge.c0), np.uint64(challenge.c1))
    )
    upper, lower = planes(high), planes(low)
    parts: list[list[int]] = []

    def work(start: int, stop: int) -> None:
        out = np.zeros(4, dtype=np.uint64)
        sum_round(tables, length, pairs, challenge is None, r0, r1, upper, lower, start, stop, out)
        parts.append(out.tolist())

    parallel(work, high.shape[1], max(1, _GRAIN // low.shape[1]))
    z0, z1, l0, l1 = (sum(part[i] for part in parts) % P for i in range(4))
    return Ext(z0, z1), Ext(l0, l1)


@kernel("boolean(uint64[:, ::1], uint64[:, ::1])")
def _claim(rounds, out):  # type: ignore[no-untyped-def]
    """Of every round w0, w1, r and the two values sent; whether no w1 is 0.

    Every operation takes and gives canonical values, so nothing overflows.
    """
    count = rounds.shape[0]
    scale0, scale1, constant0, constant1 = np.uint64(1), np.uint64(0), np.uint64(0), np.uint64(0)
    for i in range(count - 1, -1, -1):
        w0, w1, v0, v1, r0, r1, z0, z1, l0, l1 = rounds[i]
        norm = minus(times(v0, v0), times(np.uint64(7), times(v1, v1)))
        if norm == 0:
            return False
        over = inverse(norm)
        ratio0, ratio1 = ext_times(r0, r1, times(v0, over), minus(np.uint64(0), times(v1, over)))
        x0, x1 = ext_times(ratio0, ratio1, w0, w1)
        x0, x1 = minus(minus(np.uint64(1), r0), x0), minus(minus(np.uint64(0), r1), x1)
        x0, x1 = ext_times(scale0, scale1, x0, x1)
        y0, y1 = ext_times(r0, r1, r0, r1)
        y0, y1 = ext_times(scale0, scale1, minus(y0, r0), minus(y1, r1))
        out[0, 2 * i], out[1, 2 * i], out[0, 2 * i + 1], out[1, 2 * i + 1] = x0, x1, y0, y1
        x0, x1 = ext_times(x0, x1, z0, z1)
        y0, y1 = ext_times(y0, y1, l0, l1)
        constant0, constant1 = plus(constant0, plus(x0, y0)), plus(constant1, plus(x1, y1))
        scale0, scale1 = ext_times(scale0, scale1, ratio0, ratio1)
    out[0, 2 * count], out[1, 2 * count] = scale0, scale1
    out[0, 2 * count + 1], out[1, 2 * count + 1] = constant0, constant1
    return True


@mirrored(reference.claim_coefficients)
def claim_coefficients(
    weights: Sequence[tuple[Ext, Ext]], point: Sequence[Ext], sent: Sequence[Ext]
) -> Array:
    """The claim after n rounds of a sumcheck: its coefficients as an E-array of 2 n + 2.

    First come those of the pads of the 2 n values sent, then that of the first claim, then the constant. The
    weights of a round are w0 and w1; ZeroDivisionError where w1 is 0.
    """
    rounds = [
        (w0.c0, w0.c1, w1.c0, w1.c1, r.c0, r.c1, zero.c0, zero.c1, lead.c0, lead.c1)
        for (w0, w1), r, zero, lead in zip(weights, point, sent[::2], sent[1::2], strict=True)
    ]
    out = np.empty((2, 2 * len(rounds) + 2), dtype=np.uint64)
    if not _claim(np.array(rounds, dtype=np.uint64).reshape(-1, 10), out):
        raise ZeroDivisionError("inverse of 0 in E")
    return out
