"""The histograms of subgroups' levels beside the one of all records, of which they are proved to be parts.

With H the histogram of all records, which is proved (`score_histogram`), and h_k the committed ones of the
levels k of a subgroup,
    h_k >= 0,     H - sum of h_k over the levels of a subgroup >= 0     cell by cell.
Both are looked up in [0, 2^b), b the bits of the rows of the validation part. The last is a virtual column.
The confusion table of a level is what its histogram makes of it, as for all records.

So a hospital can take no record for another than the proof says, and count none twice in a subgroup. Which
records are of a level, and that small levels are left out, it signs: that is not proved.

What is encrypted is linear in the committed column: for each level its histogram, then its confusion table.

Soundness: that of the lookups. Counts are below 2^24, so nothing wraps around P. How it hides: no message is
added.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
import numpy.typing as npt

from proofward.field.extension import DEGREE, ext_add, zeros
from proofward.field.multilinear import eq_table
from proofward.field.scalar import P
from proofward.layers.layout import Layout, log_padded
from proofward.layers.ranges import RangeChecks
from proofward.proof.forms import Column, Form, Point, total
from proofward.proof.lookup import LinearCombination
from proofward.proof.party import Party
from proofward.relations.blocks import Entries
from proofward.relations.score_histogram import CELLS, ScoreHistogram

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LevelCounts:
    """The committed histograms of all levels, one after another; levels: how many there are."""

    party: Party
    bins: int
    levels: int
    column: LinearCombination

    @staticmethod
    def declare(
        ranges: RangeChecks,
        whole: ScoreHistogram,
        subgroups: tuple[int, ...],
        bits: int,
        counts: Callable[[], Signed],
    ) -> LevelCounts:
        """Declare them and their lookups.

        subgroups: how many levels each has. bits: of a count. counts: the whole vector, a prover's.
        """
        levels, cells = sum(subgroups), 2 * whole.bins
        log_size = log_padded(levels * cells)

        def flat() -> Signed:
            found = np.zeros(1 << log_size, dtype=np.int64)
            found[: levels * cells] = histograms(counts(), cells)[1:].reshape(-1)
            return found

        column = ranges.declare("histograms of levels", log_size, bits, flat)
        own = LevelCounts(ranges.party, whole.bins, levels, column)
        for number, (first, stop) in enumerate(pairwise((0, *accumulate(subgroups))), 1):
            own._look_up_rest(ranges, whole, number, (first, stop), bits, counts)
        return own

    def _look_up_rest(
        self,
        ranges: RangeChecks,
        whole: ScoreHistogram,
        number: int,
        span: tuple[int, int],
        bits: int,
        counts: Callable[[], Signed],
    ) -> None:
        """Records of no level of a subgroup, cell by cell, are not fewer than none."""
        cells, (first, stop) = 2 * self.bins, span

        def rest() -> Signed:
            found = np.zeros(1 << whole.log_size, dtype=np.int64)
            every = histograms(counts(), cells)
            found[:cells] = every[0] - every[1 + first : 1 + stop].sum(axis=0)
            return found

        def weights(point: Point) -> Array:
            found = zeros(self.levels, cells)
            found[:, first:stop] = eq_table(point)[:, None, :cells]
            return found

        ranges.require_virtual(
            f"rest of subgroup {number}",
            whole.log_size,
            bits,
            rest,
            lambda point: whole.at(point) - self._inner(lambda: weights(point)),
        )

    def _inner(self, weights: Callable[[], Array]) -> Form:
        """The inner product with weights (DEGREE, levels, cells)."""
        if not self.party.evaluates_public:
            return Form.of(0)
        full = zeros(1 << self.column.log_size)
        full[:, : self.levels * 2 * self.bins] = weights().reshape(DEGREE, -1)
        return total([column.inner(full) * factor for factor, column in self.column.terms])

    @property
    def block(self) -> Entries:
        """Of the encrypted vector."""
        size = 2 * self.bins + CELLS
        return Entries("subgroups", size, Layout((self.levels * size,)))

    def at(self, point: Point) -> Form:
        """The extension of what is encrypted."""
        cells = 2 * self.bins

        def weights() -> Array:
            size = cells + CELLS
            table = eq_table(point)[:, : self.levels * size].reshape(DEGREE, self.levels, size)
            taken = np.repeat(table[:, :, cells:], self.bins // 2, axis=2)
            own = np.ascontiguousarray(table[:, :, :cells])
            return ext_add(own.reshape(DEGREE, -1), np.ascontiguousarray(taken).reshape(DEGREE, -1))

        return self._inner(weights)

    def values(self, of: Callable[[Column], Array]) -> Array:
        """What is encrypted, padded; a prover's."""
        cells = 2 * self.bins
        own = self.column.values(of)[: self.levels * cells].astype(object).reshape(self.levels, cells)
        taken = own.reshape(self.levels, CELLS, -1).sum(axis=2)
        flat = np.concatenate([own, taken], axis=1).reshape(-1) % P
        return self.block.layout.pad(flat.astype(np.uint64))


def histograms(counts: Signed, cells: int) -> Signed:
    """Those of all records and of each level, (1 + levels, cells), of a whole vector of two classes."""
    return counts.reshape(-1, cells + CELLS)[:, :cells]
