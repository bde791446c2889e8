"""The counts of an evaluation of three and more classes as the multiplicities of one lookup.

With K classes and B bins, every sample of class c that is taken for t, with its bins b_k, looks up
    2 B k + B [c = k] + b_k       for every class k: in the histogram of k, of its own records or of others
    2 B K + K c + t               in the confusion table
in a table of the integers from 0 on. So the multiplicities are the counts, in the order of `score_layout`.
Classes in padding look up L + b, L the number of counts, which nobody reads. Samples behind the last record
are zeros without a class: they are among the others of each k, and in row 0 of the confusion table. Everybody
can compute these cells, and they are taken off.

Uniqueness: entries of the table differ, so multiplicities are numbers of occurrences in F, and there are
fewer than P. b_k is below B (`class_bins`), [c = k] a bit of the enrolled label, and t is below K, so no cell
has two meanings. Message order: in the lookups, the labels' extension where those of the cells end.
Soundness: that of the lookups and of these claims. How it hides: the party pads every message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.extension import zeros
from proofward.field.goldilocks import add, scale, to_field
from proofward.field.multilinear import eq_table, evaluate
from proofward.field.scalar import P
from proofward.layers.basics.layout import Layout, log_padded, padded
from proofward.proof.forms import Column, Form, Point
from proofward.proof.leaves import eq_index
from proofward.proof.lookup import LookupArgument, VirtualColumn
from proofward.proof.party import Party
from proofward.proof.tables import Table
from proofward.relations.evaluations.class_bins import ClassBins
from proofward.relations.evaluations.counted_cells import Cells, Claims
from proofward.relations.rules.blocks import Entries

Array = npt.NDArray[np.uint64]

CLASSES_TAG = (1 << 40) + 5


def cells_of(found: ClassBins, bins: int, claims: Claims) -> tuple[Cells, Cells]:
    """What every sample looks up: of each class, and in the confusion table."""
    party, classes = claims.party, claims.count
    beside, log_samples = padded(classes), claims.log_samples
    counts = block_size(classes, bins)
    starts = np.full(beside, counts, dtype=np.int64)
    starts[:classes] = 2 * bins * np.arange(classes)

    def of_classes() -> Array:
        own = add(found.bin.values(party.values), scale(claims.bits(), bins))
        return add(own, to_field(np.tile(starts, 1 << log_samples)))

    def classes_at(point: Point) -> Form:
        public = party.public(lambda: evaluate(to_field(starts), point[log_samples:]))
        return found.bin.at(point) + claims.bit_at(point) * bins + public

    def of_confusion() -> Array:
        own = add(found.taken.values(party.values), scale(to_field(claims.classes()), classes))
        return add(own, to_field(np.full(1 << log_samples, 2 * bins * classes - 1, dtype=np.int64)))

    def confusion_at(point: Point) -> Form:
        own = found.taken.at(point) + claims.number_at(point) * classes
        return own + (2 * bins * classes - 1)

    return (
        Cells("cells of scores", found.bin.log_size, of_classes, classes_at),
        Cells("cells of the confusion table", log_samples, of_confusion, confusion_at),
    )


def block_size(classes: int, bins: int) -> int:
    """L."""
    return 2 * bins * classes + classes**2


@dataclass(frozen=True, slots=True)
class ClassHistogram:
    """blank: gives how many samples are no records, and the cells of each; public."""

    party: Party
    lookups: LookupArgument
    table: Table
    size: int
    blank: Callable[[], tuple[int, tuple[int, ...]]]

    @staticmethod
    def declare(
        lookups: LookupArgument,
        cells: tuple[Cells, ...],
        claims: Claims,
        bins: int,
        blank: Callable[[], tuple[int, tuple[int, ...]]],
    ) -> ClassHistogram:
        """Look all samples up."""
        size = block_size(claims.count, bins)
        table = Table.interval("cells of counts", CLASSES_TAG, 0, log_padded(size + padded(bins)))
        for own in cells:
            lookups.query(table, VirtualColumn(own.name, own.log_size, own.values, own.at))
        return ClassHistogram(claims.party, lookups, table, size, blank)

    @property
    def block(self) -> Entries:
        """Of the encrypted vector."""
        return Entries("counts of scores", 0, Layout((self.size,)))

    @property
    def log_size(self) -> int:
        """That of the block."""
        return log_padded(self.size)

    def at(self, point: Point) -> Form:
        """The extension of the counts of the records."""
        if not self.party.evaluates_public:
            return Form.of(0)
        weights = zeros(1 << self.table.log_size)
        weights[:, : self.size] = eq_table(point)[:, : self.size]
        count, places = self.blank()
        found = self.lookups.multiplicities(self.table).inner(weights)
        for place in places:
            found = found - eq_index(point, place) * count
        return found

    def values(self, of: Callable[[Column], Array]) -> Array:
        """The counts of the records, as an F-array; a prover's."""
        (count, places), found = self.blank(), of(self.lookups.multiplicities(self.table))[: self.size].copy()
        for place in places:
            found[place] = (int(found[place]) - count) % P
        return self.block.layout.pad(found)
