"""The enrolled dataset as committed columns, and the public selection of its rows by the schedule.

Columns: features X (rows padded, features padded), row-major, and labels Y: one bit for each row, or for
three and more classes one for each row and class (rows padded, classes padded), of which exactly one is 1.

A claim on the selected rows, A(sample, j) = X(selection(sample), j), at (r, rj) is
    sum over rows n of S(n) X(n, rj),   S(n) = sum of eq(r, sample) over the samples that select n.
S is public: one sumcheck over the rows, 2 log(rows) / |E|.

Every entry outside the first rows and features is 0. With marked(x) = 1 for such an entry x, else 0,
    sum over x of eq(r, x) marked(x) X(x) = 0 at a random r,
one sumcheck, 3 log(size) / |E|. What a verifier needs of `marked` at the sumcheck's end is a product of two
sums over the first rows and the first features, a few multiplications for each variable: a claimed number of
rows costs it nothing.

Bits of several classes: with 2^c padded classes, 2^c times the extension of Y at (r, 1/2, .., 1/2) is that of
the sum over classes at r; it has to be sum over the first rows n of eq(r, n), at a random r: log(rows) / |E|.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from proofward.field.contract import combine_columns
from proofward.field.extension import DEGREE, Ext, lift, zeros
from proofward.field.goldilocks import add, scale, to_field
from proofward.field.multilinear import eq_table, evaluate
from proofward.field.scalar import P
from proofward.layers.layout import Layout, log_padded
from proofward.layers.stack import plain_weights
from proofward.proof.algebra import as_array
from proofward.proof.forms import ONE, ZERO, Column, Form, Point, combination
from proofward.proof.party import Party, Tables

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]
Sides = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class DatasetShape:
    """Rows as enrolled, the layout of a record, and that of its label."""

    rows: int
    layout: Layout
    label: Layout

    @property
    def log_rows(self) -> int:
        return log_padded(self.rows)

    @property
    def log_features(self) -> int:
        return self.layout.log_size

    @property
    def sides(self) -> Sides:
        """Length and variables of every axis of the features' column."""
        return self._sides(self.layout)

    @property
    def label_sides(self) -> Sides:
        """Length and variables of every axis of the labels' column."""
        return self._sides(self.label)

    def _sides(self, layout: Layout) -> Sides:
        return (self.rows, self.log_rows), *zip(layout.axes, layout.log_axes, strict=True)

    def pad_features(self, features: Signed) -> Array:
        """X as a flat F-array over (row, feature)."""
        return self._pad(features, self.layout)

    def pad_labels(self, labels: Signed) -> Array:
        """Y as a flat F-array over (row, bit of the label), of the bits (n, size)."""
        return self._pad(labels, self.label)

    def _pad(self, values: Signed, layout: Layout) -> Array:
        full = np.zeros((1 << self.log_rows, layout.padded_size), dtype=np.int64)
        full[: self.rows] = layout.pad(values)
        return to_field(full.reshape(-1))


@dataclass(frozen=True, slots=True)
class DatasetColumns:
    """The columns of one commitment to a dataset."""

    shape: DatasetShape
    features: Column
    labels: Column

    @staticmethod
    def declare(
        party: Party, shape: DatasetShape, features: Callable[[], Array], labels: Callable[[], Array]
    ) -> DatasetColumns:
        """Declare the columns; the callables yield flat F-arrays."""
        x = party.declare("features", shape.log_rows + shape.log_features, features)
        y = party.declare("labels", shape.log_rows + shape.label.log_size, labels)
        return DatasetColumns(shape, x, y)

    def assert_padded(self, party: Party) -> None:
        """All entries outside the rows and features of the shape are 0."""
        shape = self.shape
        assert_zero_outside(party, self.features, shape.sides)
        assert_zero_outside(party, self.labels, shape.label_sides)

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

        Error log(size) / |E|.
        """
        point = party.challenges(max(self.features.log_size, self.labels.log_size))
        for own, same in ((self.features, other.features), (self.labels, other.labels)):
            at = point[: own.log_size]
            party.assert_zero(own.at(at) - same.at(at))
        party.soundness.add("dataset equality", "Schwartz-Zippel", 2 * len(point))


@dataclass(frozen=True, slots=True)
class SelectedRows:
    """The rows that a schedule selects, as the Input of the first layer and as the labels of the head.

    `selection` gives the schedule, int64 (steps, batch); a party that only counts never asks for it.
    """

    dataset: DatasetColumns
    selection: Callable[[], Signed]

    def matrix(self, party: Party) -> Array:
        width = 1 << self.dataset.shape.log_features
        return np.ascontiguousarray(
            party.values(self.dataset.features).reshape(-1, width)[self.selection().reshape(-1)]
        )

    def assert_at(self, party: Party, samples: Point, unit: Point, claim: Form) -> None:
        """claim = selected features at (samples, unit)."""
        width = 1 << self.dataset.shape.log_features

        def tables() -> Array:
            return combine_columns(party.values(self.dataset.features).reshape(-1, width), eq_table(unit))

        self._select(party, samples, claim, tables, lambda rows: self.dataset.features.at((*rows, *unit)))

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
            return scatter(eq_table(samples), self.selection().reshape(-1), 1 << log_rows)

        reduced = party.sumcheck(claim, plain_weights(log_rows), lambda: Tables([(weights(), values())]))
        public = party.public(lambda: evaluate(weights(), reduced.point))
        party.assert_zero(reduced.claim - at(reduced.point) * public)


def assert_zero_outside(party: Party, column: Column, sides: Sides) -> None:
    """The column, an axis of 2^bits entries for each side (count, bits), is 0 outside the first counts."""
    corner = party.challenges(column.log_size)
    party.soundness.add("zeros of the padding", "Schwartz-Zippel", column.log_size)

    def tables() -> Tables:
        inside = np.ones(1, dtype=np.uint64)
        for count, bits in sides:
            inside = np.outer(inside, np.arange(1 << bits) < count).astype(np.uint64).reshape(-1)
        return Tables([(eq_table(corner) * (np.uint64(1) - inside), lift(party.values(column)))])

    reduced = party.sumcheck(Form.of(0), plain_weights(column.log_size), tables)
    public = party.public(lambda: weight_outside(corner, reduced.point, sides))
    party.assert_zero(reduced.claim - column.at(reduced.point) * public)


def weight_outside(left: Point, right: Point, sides: Sides) -> Ext:
    """sum of eq(left, x) eq(right, x) over the entries x outside the first counts of the axes."""
    everything = inside = ONE
    start = 0
    for count, bits in sides:
        stop = start + bits
        everything = everything * prefix_weight(left[start:stop], right[start:stop], 1 << bits)
        inside = inside * prefix_weight(left[start:stop], right[start:stop], count)
        start = stop
    return everything - inside


def prefix_weight(left: Point, right: Point, count: int) -> Ext:
    """sum of eq(left, x) eq(right, x) over the first `count` of the 2^bits entries x of an axis.

    The entries below `count` are, for every bit 1 of it, those that agree with it before and have a 0 there.
    """
    bits = len(left)
    pairs = [(r * s, (ONE - r) * (ONE - s)) for r, s in zip(left, right, strict=True)]
    below = [ONE]  # below[k]: the sum over all settings of the last k variables
    for one, zero in reversed(pairs):
        below.append(below[-1] * (one + zero))
    if count == 1 << bits:
        return below[bits]
    total, agreeing = ZERO, ONE
    for position, (one, zero) in enumerate(pairs):
        if count >> (bits - 1 - position) & 1:
            total = total + agreeing * zero * below[bits - 1 - position]
            agreeing = agreeing * one
        else:
            agreeing = agreeing * zero
    return total


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
