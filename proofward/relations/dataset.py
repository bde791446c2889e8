"""The enrolled dataset as committed columns, and the public selection of its rows by the schedule.

Columns: features X (rows padded, features padded), row-major, and labels Y (rows padded). A claim on the
selected rows
A(sample, j) = X(selection(sample), j) at (r, rj) is sum over rows n of S(n) X(n, rj) with S(n) = sum of eq(r,
sample) over the samples that select n,
which is public: one sumcheck over the rows. Soundness 2 log(rows) / |E| each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.contract import combine_columns
from proofward.field.extension import lift, zeros
from proofward.field.goldilocks import add, scale, to_field
from proofward.field.multilinear import eq_table, evaluate
from proofward.field.scalar import P
from proofward.layers.model import padded
from proofward.layers.stack import plain_weights
from proofward.proof.forms import Column, Form, Point
from proofward.proof.party import Party, Tables

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DatasetShape:
    """Rows and features, as enrolled."""

    rows: int
    features: int

    @property
    def log_rows(self) -> int:
        return padded(self.rows).bit_length() - 1

    @property
    def log_features(self) -> int:
        return padded(self.features).bit_length() - 1

    def pad_features(self, features: Signed) -> Array:
        """X as a flat F-array over (row, feature)."""
        full = np.zeros((1 << self.log_rows, 1 << self.log_features), dtype=np.int64)
        full[: self.rows, : self.features] = features
        return to_field(full.reshape(-1))

    def pad_labels(self, labels: Signed) -> Array:
        """Y as an F-array."""
        full = np.zeros(1 << self.log_rows, dtype=np.int64)
        full[: self.rows] = labels
        return to_field(full)


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
        return DatasetColumns(shape, x, party.declare("labels", shape.log_rows, labels))

    def assert_equal(self, party: Party, other: DatasetColumns) -> None:
        """Both commitments hold the same dataset: equal at one random point drawn after both roots; error
        log(size) / |E|.
        """
        point = party.challenges(self.features.log_size)
        party.assert_zero(self.features.at(point) - other.features.at(point))
        rows = point[: self.labels.log_size]
        party.assert_zero(self.labels.at(rows) - other.labels.at(rows))
        party.soundness.add("dataset equality", "Schwartz-Zippel", 2 * len(point))


@dataclass(frozen=True, slots=True)
class SelectedRows:
    """The rows that a schedule selects, as the Input of the first layer and as the labels of the head."""

    dataset: DatasetColumns
    selection: Signed

    def matrix(self, party: Party) -> Array:
        width = 1 << self.dataset.shape.log_features
        return np.ascontiguousarray(
            party.values(self.dataset.features).reshape(-1, width)[self.selection.reshape(-1)]
        )

    def assert_at(self, party: Party, samples: Point, unit: Point, claim: Form) -> None:
        """claim = selected features at (samples, unit)."""
        width = 1 << self.dataset.shape.log_features

        def tables() -> Array:
            return combine_columns(party.values(self.dataset.features).reshape(-1, width), eq_table(unit))

        self._select(party, samples, claim, tables, lambda rows: self.dataset.features.at((*rows, *unit)))

    def assert_labels(self, party: Party, samples: Point, claim: Form) -> None:
        """claim = selected labels at `samples`."""
        self._select(
            party, samples, claim, lambda: lift(party.values(self.dataset.labels)), self.dataset.labels.at
        )

    def _select(
        self,
        party: Party,
        samples: Point,
        claim: Form,
        values: Callable[[], Array],
        at: Callable[[Point], Form],
    ) -> None:
        log_rows = self.dataset.shape.log_rows
        weights = zeros(0)
        if party.evaluates_public:
            weights = scatter(eq_table(samples), self.selection.reshape(-1), 1 << log_rows)
        reduced = party.sumcheck(claim, plain_weights(log_rows), lambda: Tables([(weights, values())]))
        public = party.public(lambda: evaluate(weights, reduced.point))
        party.assert_zero(reduced.claim - at(reduced.point) * public)


def scatter(values: Array, targets: Signed, size: int) -> Array:
    """sum of the values that go to each target: an E-array of length `size`, for fewer than 2^31 values.

    Halves of 32 bits are summed exactly in 64 bits and reduced once.
    """
    result = np.zeros((2, size), dtype=np.uint64)
    for plane in range(2):
        low, high = np.zeros(size, dtype=np.uint64), np.zeros(size, dtype=np.uint64)
        np.add.at(low, targets, values[plane] & np.uint64(0xFFFFFFFF))
        np.add.at(high, targets, values[plane] >> np.uint64(32))
        result[plane] = add(low % np.uint64(P), scale(high % np.uint64(P), 1 << 32))
    return result
