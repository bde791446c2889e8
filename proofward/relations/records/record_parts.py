"""The parts of committed records as what layers read: claims on a part are claims on the whole column.

What is proved: a claim on a part's extension at a point is the claim on a sum of one or two values of the
whole's, with public factors (`layers.basics.record`). No message is added, and there is no error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext, ext_add, ext_scale
from proofward.field.multilinear import eq_table
from proofward.layers.basics.record import RecordLayout
from proofward.layers.columns.stack import Input
from proofward.proof.forms import ONE, Form, Point
from proofward.proof.party import Party

Array = npt.NDArray[np.uint64]
Terms = list[tuple[Ext, Point]]


class Records(Protocol):
    """Records over (sample, place), as a public function of a committed column."""

    def whole(self, party: Party) -> Array:
        """F-matrix (samples, padded size of a record); a prover's."""

    def assert_terms(self, party: Party, samples: Point, terms: Terms, claim: Form) -> None:
        """claim = the sum over terms of factor times the extension at (samples, point)."""


@dataclass(frozen=True, slots=True)
class PartInput:
    """A part of the records as an Input."""

    records: Records
    layout: RecordLayout
    place: int

    def matrix(self, party: Party) -> Array:
        return np.ascontiguousarray(self.layout.part(self.records.whole(party), self.place))

    def assert_at(self, party: Party, samples: Point, unit: Point, claim: Form) -> None:
        self.records.assert_terms(party, samples, self.layout.terms(self.place, unit), claim)


def part_inputs(records: Records, layout: RecordLayout) -> dict[int, Input]:
    """All parts, by place."""
    return {place: PartInput(records, layout, place) for place in layout.layouts}


def weights_of(terms: Terms) -> Array:
    """sum of factor * eq(point), an E-array."""
    (factor, point), *others = terms
    total = eq_table(point)
    if factor != ONE:
        total = ext_scale(total, factor)
    for factor, point in others:
        total = ext_add(total, ext_scale(eq_table(point), factor))
    return total
