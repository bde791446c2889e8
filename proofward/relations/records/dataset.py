"""The enrolled dataset as committed columns, and the public selection of its rows by the schedule.

Columns: features X (rows padded, features padded), row-major, in pieces where a picture has channels of no
power of two (`layers.basics.record_pieces`), and labels Y: one bit for each row, or for
three and more classes one for each row and class (rows padded, classes padded), of which exactly one is 1.

A claim on the selected rows, A(sample, j) = X(selection(sample), j), at (r, rj) is
    sum over rows n of S(n) X(n, rj),   S(n) = sum of eq(r, sample) over the samples that select n.
S is public: one sumcheck over the rows, 2 log(rows) / |E|.

Every entry outside the first rows and features is 0 (`zero_padding`). Where a record has a row beside what
the first layer reads (`layers.basics.record`), a claim on either part is one on X, at one or two points of a
row.

Bits of several classes: with 2^c padded classes, 2^c times the extension of Y at (r, 1/2, .., 1/2) is that of
the sum over classes at r; it has to be sum over the first rows n of eq(r, n), at a random r: log(rows) / |E|.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial, reduce
from itertools import chain

import numpy as np
import numpy.typing as npt

from proofward.field.contract import combine_columns
from proofward.field.extension import DEGREE, Ext, ext_add, zeros
from proofward.field.goldilocks import add, scale, to_field
from proofward.field.multilinear import eq_table, evaluate
from proofward.field.scalar import P
from proofward.layers.basics.layout import Layout, log_padded
from proofward.layers.basics.record import RecordLayout
from proofward.layers.basics.record_pieces import Piece, pieces_of
from proofward.layers.columns.stack import Input, plain_weights
from proofward.proof.algebra import as_array
from proofward.proof.commitment.contract import Committed
from proofward.proof.forms import ONE, ZERO, Column, Form, Point, combination
from proofward.proof.party import Party, Tables
from proofward.relations.records.record_parts import Terms, part_inputs, weights_of
from proofward.relations.records.zero_padding import Kept, assert_zero_outside, prefix_weight

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DatasetShape:
    """Rows as enrolled, the layout of a record, and that of its label."""

    rows: int
    layout: RecordLayout
    label: Layout

    @property
    def log_rows(self) -> int:
        return log_padded(self.rows)

    @property
    def log_features(self) -> int:
        return self.layout.log_size

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The features' columns."""
        return pieces_of(self.layout)

    @property
    def kept(self) -> tuple[Kept, ...]:
        """What may differ from 0 in each of them."""
        return tuple(Kept(self.rows, self.log_rows, own.sides, own.block) for own in self.pieces)

    @property
    def label_kept(self) -> Kept:
        """What may differ from 0 in the labels' column."""
        return Kept(self.rows, self.log_rows, tuple(zip(self.label.axes, self.label.log_axes, strict=True)))

    def pad_features(self, features: Signed) -> Array:
        """X as a flat F-array over (row, feature)."""
        return self._pad(features, self.layout)

    def pad_labels(self, labels: Signed) -> Array:
        """Y as a flat F-array over (row, bit of the label), of the bits (n, size)."""
        return self._pad(labels, self.label)

    def _pad(self, values: Signed, layout: Layout | RecordLayout) -> Array:
        full = np.zeros((1 << self.log_rows, layout.padded_size), dtype=np.int64)
        full[: self.rows] = layout.pad(values)
        return to_field(full.reshape(-1))


@dataclass(frozen=True, slots=True)
class DatasetColumns:
    """The columns of one commitment to a dataset."""

    shape: DatasetShape
    features: tuple[Column, ...]
    labels: Column

    @staticmethod
    def declare(
        party: Party, shape: DatasetShape, features: Callable[[], Array], labels: Callable[[], Array]
    ) -> DatasetColumns:
        """Declare the columns; the callables yield flat F-arrays."""
        x = tuple(
            party.declare(own.name, shape.log_rows + own.log_size, partial(_piece, features, shape, own))
            for own in shape.pieces
        )
        y = party.declare("labels", shape.log_rows + shape.label.log_size, labels)
        return DatasetColumns(shape, x, y)

    @staticmethod
    def committed_afresh(
        party: Party,
        shape: DatasetShape,
        root: bytes,
        features: Callable[[], Array],
        labels: Callable[[], Array],
        previous: Callable[[], Committed],
    ) -> tuple[DatasetColumns, DatasetColumns]:
        """The columns under an earlier root, reopened, and those of a fresh commitment to the same dataset.

        That they are the same `assert_equal` shows, once everything is committed to.
        """
        earlier = DatasetColumns.declare(party, shape, features, labels)
        party.reopen("previous dataset", root, previous)
        fresh = DatasetColumns.declare(party, shape, features, labels)
        party.commit("dataset")
        return earlier, fresh

    def assert_padded(self, party: Party) -> None:
        """All entries outside the rows and features of the shape are 0."""
        shape = self.shape
        for column, kept in zip(self.features, shape.kept, strict=True):
            assert_zero_outside(party, column, kept)
        assert_zero_outside(party, self.labels, shape.label_kept)

    def assert_one_class(self, party: Party) -> None:
        """Of the bits of a row's label exactly one is 1, where they are one for each class."""
        shape = self.shape
        if not shape.label.axes:
            return
        rows = party.challenges(shape.log_rows)
        party.soundness.add("one class for each row", "Schwartz-Zippel", shape.log_rows)
        half = (ONE * 2).inverse()
        whole, classes = (half,) * shape.log_rows, (half,) * shape.label.log_size
        real = party.public(lambda: prefix_weight(rows, whole, shape.rows) * (1 << shape.log_rows))
        party.assert_zero(self.labels.at((*rows, *classes)) * shape.label.padded_size - real)

    def assert_equal(self, party: Party, other: DatasetColumns) -> None:
        """Both commitments hold the same dataset: equal at one random point drawn after both roots.

        Error log(size) / |E|: of two that differ some column does.
        """
        mine, others = (*self.features, self.labels), (*other.features, other.labels)
        point = party.challenges(max(own.log_size for own in mine))
        for own, same in zip(mine, others, strict=True):
            at = point[: own.log_size]
            party.assert_zero(own.at(at) - same.at(at))
        party.soundness.add("dataset equality", "Schwartz-Zippel", 2 * len(point))

    def at(self, rows: Point, unit: Point, factor: Ext = ONE) -> Iterator[tuple[Ext, Form]]:
        """factor * X~(rows, unit), as factors of columns' values."""
        for column, own in zip(self.features, self.shape.pieces, strict=True):
            weight, rest = own.term(unit)
            yield factor * weight, column.at((*rows, *rest))

    def records(self, party: Party) -> Iterator[tuple[Piece, Array]]:
        """The pieces, each an F-matrix (rows, places); a prover's."""
        for column, own in zip(self.features, self.shape.pieces, strict=True):
            yield own, party.values(column).reshape(-1, 1 << own.log_size)


@dataclass(frozen=True, slots=True)
class SelectedRows:
    """The rows that a schedule selects, as the Inputs of layers and as the labels of the head.

    `selection` gives the schedule, int64 (steps, batch); a party that only counts never asks for it. Of more
    `samples` than it has, those behind it select no row: they are zeros.
    """

    dataset: DatasetColumns
    selection: Callable[[], Signed]
    samples: int = 0

    @property
    def inputs(self) -> dict[int, Input]:
        """The parts of the selected records, by place."""
        return part_inputs(self, self.dataset.shape.layout)

    def whole(self, party: Party) -> Array:
        """The selected records, an F-matrix (samples, padded features); a prover's."""
        chosen = self.selection().reshape(-1)
        (first, values), *others = self.dataset.records(party)
        if not others and self.samples <= len(chosen):
            return values[chosen]
        samples = max(self.samples, len(chosen))
        found = np.zeros((samples, 1 << self.dataset.shape.log_features), dtype=np.uint64)
        for own, part in ((first, values), *others):
            found[: len(chosen), own.places] = part[chosen]
        return found

    def assert_terms(self, party: Party, samples: Point, terms: Terms, claim: Form) -> None:
        """claim = the sum over terms of factor times selected features at (samples, point)."""

        def tables() -> Array:
            weights = weights_of(terms)
            parts = [
                combine_columns(part, np.ascontiguousarray(weights[:, own.places]))
                for own, part in self.dataset.records(party)
            ]
            return reduce(ext_add, parts)

        def at(rows: Point) -> Form:
            found = (self.dataset.at(rows, point, factor) for factor, point in terms)
            return combination(ZERO, chain.from_iterable(found))

        self._select(party, samples, claim, tables, at)

    def assert_labels(self, party: Party, samples: Point, value: Point, claim: Form) -> None:
        """claim = selected labels at (samples, value)."""
        width = self.dataset.shape.label.padded_size

        def tables() -> Array:
            return combine_columns(party.values(self.dataset.labels).reshape(-1, width), eq_table(value))

        self._select(party, samples, claim, tables, lambda rows: self.dataset.labels.at((*rows, *value)))

    def assert_combined_labels(self, party: Party, samples: Point, factors: list[Ext], claim: Form) -> None:
        """claim = sum over the values k of a selected label of factors[k] * value, at `samples`."""
        labels, layout = self.dataset.labels, self.dataset.shape.label

        def tables() -> Array:
            weights = zeros(layout.padded_size)
            weights[:, : len(factors)] = as_array(factors)
            return combine_columns(party.values(labels).reshape(-1, layout.padded_size), weights)

        def at(rows: Point) -> Form:
            places = range(layout.log_size - 1, -1, -1)
            points = [(*rows, *(ONE * (k >> at & 1) for at in places)) for k in range(len(factors))]
            return combination(ZERO, zip(factors, map(labels.at, points), strict=True))

        self._select(party, samples, claim, tables, at)

    def _select(
        self,
        party: Party,
        samples: Point,
        claim: Form,
        values: Callable[[], Array],
        at: Callable[[Point], Form],
    ) -> None:
        log_rows = self.dataset.shape.log_rows

        @cache
        def weights() -> Array:
            chosen = self.selection().reshape(-1)
            return scatter(eq_table(samples)[:, : len(chosen)], chosen, 1 << log_rows)

        reduced = party.sumcheck(claim, plain_weights(log_rows), lambda: Tables([(weights(), values())]))
        public = party.public(lambda: evaluate(weights(), reduced.point))
        party.assert_zero(reduced.claim - at(reduced.point) * public)


def _piece(features: Callable[[], Array], shape: DatasetShape, own: Piece) -> Array:
    """The column of a piece of the records, of the flat F-array of all."""
    whole = features()
    if own.log_size == shape.log_features:
        return whole
    return np.ascontiguousarray(whole.reshape(-1, 1 << shape.log_features)[:, own.places]).reshape(-1)


def scatter(values: Array, targets: Signed, size: int) -> Array:
    """sum of the values that go to each target: an E-array of length `size`, for fewer than 2^31 values.

    Halves of 32 bits are summed exactly in 64 bits and reduced once.
    """
    result = zeros(size)
    for plane in range(DEGREE):
        low, high = np.zeros(size, dtype=np.uint64), np.zeros(size, dtype=np.uint64)
        np.add.at(low, targets, values[plane] & np.uint64(0xFFFFFFFF))
        np.add.at(high, targets, values[plane] >> np.uint64(32))
        result[plane] = add(low % np.uint64(P), scale(high % np.uint64(P), 1 << 32))
    return result
