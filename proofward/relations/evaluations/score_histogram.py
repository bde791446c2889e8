"""The histogram of an evaluation as the multiplicities of a lookup, and the confusion table as its sums.

Every sample looks up
    b + B c
in a table of the integers from 0 on, b its bin and c its class, 0 or 1. Its entries differ, so their
multiplicities are how often each is looked up (Haboeck 2022/1530): the committed column of
multiplicities is the histogram, the samples behind the last record included. Those are records of zeros of
class 0, whose bin everybody can compute: the public number of them is taken off its entry.

What is encrypted is that column, and the confusion table, its public sums: a record is taken for class 1
where its bin is in the upper half.

c is no column of this proof: the extension of the samples' classes is said where the lookups end, and is a
claim on the labels of the committed dataset that the caller proves.

Uniqueness: multiplicities are numbers of occurrences in F, and there are fewer samples than P.
Soundness: that of the lookups. How it hides: the party pads the message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.extension import zeros
from proofward.field.goldilocks import add, scale
from proofward.field.multilinear import eq_table
from proofward.field.scalar import P
from proofward.layers.basics.layout import Layout, log_padded
from proofward.proof.forms import Column, Form, Point
from proofward.proof.leaves import eq_index
from proofward.proof.lookup import LinearCombination, LookupArgument, VirtualColumn
from proofward.proof.party import Party
from proofward.proof.tables import Table
from proofward.relations.evaluations.counted_cells import Cells, Claims
from proofward.relations.rules.blocks import Entries

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]

HISTOGRAM_TAG = (1 << 40) + 2
CELLS = 4
"""Of the confusion table of two classes."""


def cells_of_both(of_sample: LinearCombination, bins: int, claims: Claims) -> Cells:
    """What every sample looks up; `of_sample` are the bins."""
    party = claims.party

    def entries() -> Array:
        return add(of_sample.values(party.values), scale(claims.bits(), bins))

    def extension(point: Point) -> Form:
        return of_sample.at(point) + claims.bit_at(point) * bins

    return Cells("bins of both classes", of_sample.log_size, entries, extension)


@dataclass(frozen=True, slots=True)
class ScoreHistogram:
    """bins: B. blank: gives how many samples are no records, and their bin; public."""

    party: Party
    lookups: LookupArgument
    table: Table
    bins: int
    blank: Callable[[], tuple[int, int]]

    @staticmethod
    def declare(
        party: Party, lookups: LookupArgument, bins: int, cells: Cells, blank: Callable[[], tuple[int, int]]
    ) -> ScoreHistogram:
        """Look all samples up in their cells."""
        table = Table.interval(cells.name, HISTOGRAM_TAG, 0, log_padded(2 * bins))
        lookups.query(table, VirtualColumn(cells.name, cells.log_size, cells.values, cells.at))
        return ScoreHistogram(party, lookups, table, bins, blank)

    @property
    def column(self) -> Column:
        """The multiplicities."""
        return self.lookups.multiplicities(self.table)

    @property
    def blocks(self) -> tuple[Entries, Entries]:
        """Of the encrypted vector: the histogram, and the confusion table."""
        size = 2 * self.bins
        return Entries("histogram", 0, Layout((size,))), Entries("confusion", size, Layout((CELLS,)))

    @property
    def log_size(self) -> int:
        """That of the histogram."""
        return self.table.log_size

    def at(self, point: Point) -> Form:
        """The extension of the histogram of the records."""
        if not self.party.evaluates_public:
            return Form.of(0)
        count, place = self.blank()
        return self.column.at(point) - eq_index(point, place) * count

    def values(self, of: Callable[[Column], Array]) -> Array:
        """The histogram of the records, as an F-array; a prover's."""
        (count, place), found = self.blank(), of(self.column).copy()
        found[place] = (int(found[place]) - count) % P
        return found


@dataclass(frozen=True, slots=True)
class ConfusionTable:
    """Of classes and what records are taken for, from the histogram."""

    histogram: ScoreHistogram

    @property
    def log_size(self) -> int:
        """Of its four cells."""
        return CELLS.bit_length() - 1

    def at(self, point: Point) -> Form:
        """The extension of the cells: one functional of the column."""
        whole, half = self.histogram, self.histogram.bins // 2
        if not whole.party.evaluates_public:
            return Form.of(0)
        cells, weights = eq_table(point), zeros(1 << whole.log_size)
        weights[:, : 2 * whole.bins] = np.repeat(cells, half, axis=1)
        count, place = whole.blank()
        return whole.column.inner(weights) - eq_index(point, place // half) * count

    def values(self, of: Callable[[Column], Array]) -> Array:
        """The cells; a prover's."""
        whole = self.histogram
        counts = whole.values(of)[: 2 * whole.bins].astype(object).reshape(CELLS, -1)
        return np.array([int(own.sum()) % P for own in counts], dtype=np.uint64)
