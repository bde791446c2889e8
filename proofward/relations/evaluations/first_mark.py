"""Which of several marks of a sample is the first, in a proof.

Of marks p_0 .. p_(K-1) of every sample, 0 or 1, the code is
    g = k + 1 for the least k with p_k = 1, and 0 where there is none.

What is proved: for a column g over the samples, looked up in [0, 2^b), b the bits of K, and every (sample,
k), k padded to K' = 2^c,
    k + K' (p_k + 2 g)     is an entry of a public table,
which has the triples (k, p, g) that are possible: p = 0 for k < g - 1, p = 1 for k = g - 1, and p = 0 for
g = 0; with any p for k > g - 1 >= 0 and where k is beyond K - 1. Before g's own mark there is none, so g is
unique.

The marks are bits for other reasons, and their extension is known wherever the lookups end. So no message is
added. All of it is below 2^15, so equality in F is equality of integers. Soundness: that of the lookups.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from proofward.field.goldilocks import to_field
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.basics.layout import log_padded
from proofward.proof.forms import Form, Point
from proofward.proof.lookup import LinearCombination, VirtualColumn
from proofward.proof.tables import Table, bits_at

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]

FIRST_TAG = 1 << 41
"""With K added to it."""


@dataclass(frozen=True, slots=True)
class FirstMark:
    """The column g over the samples; `codes` are its values, a prover's."""

    code: LinearCombination
    codes: Callable[[], Signed]

    @staticmethod
    def declare(ranges: RangeChecks, name: str, marks: LinearCombination, count: int) -> FirstMark:
        """Declare g and its lookups; `marks` are over (sample, k), padded, and `count` is K."""
        width, beside = log_padded(count), 1 << log_padded(count)
        log_samples = marks.log_size - width

        @cache
        def codes() -> Signed:
            own = marks.values(ranges.party.values).astype(np.int64).reshape(-1, beside)
            return first_codes(own[:, :count])

        code = ranges.declare(name, log_samples, count.bit_length(), codes)

        def entries() -> Array:
            whole = np.tile(np.arange(beside, dtype=np.int64), 1 << log_samples)
            own = marks.values(ranges.party.values).astype(np.int64)
            return to_field(whole + beside * (own + 2 * np.repeat(codes(), beside)))

        def extension(point: Point) -> Form:
            sample, place = point[:log_samples], point[log_samples:]
            found = marks.at(point) * beside + code.at(sample) * (2 * beside)
            return found + bits_at(place)

        ranges.look_up(
            _table(count), VirtualColumn(f"{name}, first marks", marks.log_size, entries, extension)
        )
        return FirstMark(code, codes)


def first_codes(marks: Signed) -> Signed:
    """g of every sample, of its marks (n, K)."""
    there = marks > 0
    return np.where(there.any(axis=1), there.argmax(axis=1) + 1, 0).astype(np.int64)


@lru_cache(maxsize=64)
def _table(count: int) -> Table:
    """Every possible k + K' (p + 2 g)."""
    beside = 1 << log_padded(count)
    allowed = [
        k + beside * (p + 2 * g)
        for g in range(count + 1)
        for p in (0, 1)
        for k in range(beside)
        if k >= count or _possible(k, p, g)
    ]
    return Table.padded(f"first of {count} marks", FIRST_TAG + count, allowed)


def _possible(k: int, p: int, g: int) -> bool:
    """Whether mark k may be p where the code is g."""
    if g == 0 or k < g - 1:
        return p == 0
    return p == 1 or k > g - 1
