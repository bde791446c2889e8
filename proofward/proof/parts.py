"""Tables of a sumcheck that are made part by part, see `claims.Parts`; a prover's.

A table over E of a column takes 16 bytes an entry, and its weights as much again, where the column itself has
one byte or two. So a sumcheck over large columns makes some thousands of entries at a time and forgets them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext, add_scaled, ext_scale, zeros
from proofward.field.multilinear import eq_table
from proofward.field.narrow import Narrow, widen_into
from proofward.proof.algebra import element
from proofward.proof.claims import Range
from proofward.proof.forms import Point

Array = npt.NDArray[np.uint64]

_LOW_VARIABLES = 14


def taken(values: Narrow, ranges: Sequence[Range]) -> Array:
    """The entries of some ranges, one after another, as an F-array."""
    out = np.empty(length(ranges), dtype=np.uint64)
    for (start, stop), target in targets(ranges):
        widen_into(values[start:stop], out[target])
    return out


def length(ranges: Sequence[Range]) -> int:
    """Entries of all ranges."""
    return sum(stop - start for start, stop in ranges)


def targets(ranges: Sequence[Range]) -> Iterator[tuple[Range, slice]]:
    """Every range, and where its entries go."""
    offset = 0
    for start, stop in ranges:
        yield (start, stop), slice(offset, offset + stop - start)
        offset += stop - start


class WeightedEq:
    """The sum of weight * eq(point), for some points of one length."""

    def __init__(self, terms: Sequence[tuple[Ext, Point]], variables: int) -> None:
        self._low = min(variables, _LOW_VARIABLES)
        cut = variables - self._low
        self._tables = [
            (ext_scale(eq_table(point[:cut]), weight), eq_table(point[cut:])) for weight, point in terms
        ]

    def part(self, ranges: Sequence[Range]) -> Array:
        """The entries of some ranges, an E-array."""
        out = zeros(length(ranges))
        for (start, stop), target in targets(ranges):
            at = start
            while at < stop:
                block, inside = at >> self._low, at & ((1 << self._low) - 1)
                count = min(stop - at, (1 << self._low) - inside)
                own = out[:, target.start + at - start : target.start + at - start + count]
                for high, low in self._tables:
                    add_scaled(own, low[:, inside : inside + count], element(high, block))
                at += count
        return out
