"""What an evaluation looks up of every sample: the cells of a table of counts that it is in.

A hidden part of a cell is the sample's class. It is no column: its extension is said where the lookups end,
and is a claim on the labels of the committed dataset, which `Claims` gathers and proves afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.goldilocks import to_field
from proofward.field.multilinear import evaluate
from proofward.proof.forms import ONE, Form, Point
from proofward.proof.party import Party
from proofward.relations.records.dataset import SelectedRows

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Cells:
    """A cell of each entry of a block over the samples: of each sample, or of each sample and class.

    values: flat, a prover's. at: their extension, which may say something; it may be asked for several times.
    """

    name: str
    log_size: int
    values: Callable[[], Array]
    at: Callable[[Point], Form]


@dataclass(frozen=True, slots=True)
class Claims:
    """Claims on the labels of the samples: at a point of the labels' layout, or of their numbers.

    bits, classes: of all samples, a prover's: the bits over (sample, class), and the numbers, of which
    samples that are no records have none and 0. count: of the classes.
    """

    party: Party
    log_samples: int
    bits: Callable[[], Array]
    classes: Callable[[], Signed]
    count: int
    _bits: list[tuple[Point, Form]] = field(default_factory=list)
    _numbers: list[tuple[Point, Form]] = field(default_factory=list)

    def bit_at(self, point: Point) -> Form:
        """Say the extension of the labels' bits at (sample, bit)."""
        return self._say(self._bits, point, self.bits)

    def number_at(self, point: Point) -> Form:
        """Say that of the classes' numbers."""
        return self._say(self._numbers, point, lambda: to_field(self.classes()))

    def _say(self, kept: list[tuple[Point, Form]], point: Point, values: Callable[[], Array]) -> Form:
        known = self.party.knows_witness
        said = self.party.send(evaluate(values(), point) if known else None)
        kept.append((point, said))
        return said

    def prove(self, selected: SelectedRows) -> None:
        """All of them, each by a sumcheck over the rows."""
        factors: list[Ext] = [ONE * number for number in range(self.count)]
        for point, said in self._bits:
            sample, value = point[: self.log_samples], point[self.log_samples :]
            selected.assert_labels(self.party, sample, value, said)
        for point, said in self._numbers:
            selected.assert_combined_labels(self.party, point, factors, said)
