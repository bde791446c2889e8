"""Of which level of a subgroup each sample is, in a proof: read off the features of the committed dataset.

Level k of a subgroup is that of a record whose feature f_k is above 0; with several the first, with none no
level (`layers.rules.subgroup`). So who is of a level was fixed by the enrolment, as the features were.

What is proved: with x the features of the samples, over (sample, level), and a committed column p,
    (x, p) is an entry of the public table of (i, [i > 0]) for all i in the range of features
and the code g of the first mark among p (`first_mark`): the level's number and 1, or 0 for no level.
x is no column: its extension is said where the lookups end, and is a claim on the selected rows of the
dataset.

Message order: in the lookups, x where they end; later a sumcheck over the rows. Uniqueness: p and g are
functions of x. Samples that are no records are zeros, and of no level. Soundness: that of the lookups and of
the sumcheck. How it hides: the party pads every message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.goldilocks import to_field, to_signed
from proofward.field.multilinear import eq_table, evaluate
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.basics.layout import log_padded
from proofward.layers.basics.record import RecordLayout, bits_of
from proofward.layers.rules.model import FixedPoint
from proofward.proof.algebra import element
from proofward.proof.forms import Form, Point
from proofward.proof.leaves import eq_index
from proofward.proof.lookup import LinearCombination, VirtualColumn
from proofward.proof.party import Party
from proofward.proof.tables import Table
from proofward.relations.evaluations.first_mark import FirstMark
from proofward.relations.records.dataset import SelectedRows

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]

ABOVE_TAG = (1 << 40) + 6


@dataclass(frozen=True, slots=True)
class LevelCodes:
    """places: where in a record each level's feature is. code: g. codes: its values, int64, a prover's."""

    selected: SelectedRows
    log_samples: int
    places: tuple[Point, ...]
    code: LinearCombination
    codes: Callable[[], Signed]
    _claims: list[tuple[Point, Form]] = field(default_factory=list)

    @staticmethod
    def declare(
        ranges: RangeChecks,
        name: str,
        scales: FixedPoint,
        features: range,
        selected: SelectedRows,
        log_samples: int,
    ) -> LevelCodes:
        """Declare the columns and their lookups; `features` are those of the levels."""
        party, levels = ranges.party, len(features)
        layout = selected.dataset.shape.layout
        columns = padded_places(layout, features)
        beside = 1 << log_padded(levels)
        size = log_samples + log_padded(levels)
        claims: list[tuple[Point, Form]] = []

        @cache
        def known() -> Signed:
            """x, (samples, levels padded)."""
            found = np.zeros((1 << log_samples, beside), dtype=np.int64)
            own = np.ascontiguousarray(selected.whole(party)[:, columns])
            found[:, :levels] = to_signed(own.reshape(-1)).reshape(own.shape)
            return found

        def marks() -> Signed:
            return (known() > 0).astype(np.int64)

        own = ranges.column(f"{name}, above 0", size, marks)

        def extension(point: Point) -> Form:
            said = party.send(evaluate(to_field(known().reshape(-1)), point) if party.knows_witness else None)
            claims.append((point, said))
            return said

        value = VirtualColumn(f"{name}, features", size, lambda: to_field(known().reshape(-1)), extension)
        ranges.look_up(_above(scales), value, own)
        first = FirstMark.declare(ranges, f"{name}, levels", own, levels)
        places = tuple(bits_of(int(place), layout.log_size) for place in columns)
        return LevelCodes(selected, log_samples, places, first.code, first.codes, claims)

    def prove(self, party: Party) -> None:
        """The features are those of the selected rows."""
        for point, said in self._claims:
            sample, level = point[: self.log_samples], point[self.log_samples :]
            table = eq_table(level)
            terms: list[tuple[Ext, Point]] = [
                (element(table, number), place) for number, place in enumerate(self.places)
            ]
            self.selected.assert_terms(party, sample, terms, said)


def padded_places(layout: RecordLayout, features: range) -> Signed:
    """Where features of a record are in its padded column."""
    numbers = layout.pad(np.arange(1, layout.size + 1, dtype=np.int64))
    return np.array([int(np.flatnonzero(numbers == own + 1)[0]) for own in features], dtype=np.int64)


def _above(scales: FixedPoint) -> Table:
    """(i, [i > 0]) for every i in the range of features."""
    low, bits = scales.input_range[0], scales.activation_range_bits

    def values() -> Signed:
        return (np.arange(low, low + (1 << bits)) > 0).astype(np.int64)

    def form(point: Point) -> Ext:
        return point[0] - eq_index(point, -low)  # 0 is the first of the upper half

    return Table.function("above 0", ABOVE_TAG, low, bits, values, form)
