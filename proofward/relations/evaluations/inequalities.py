"""Many inequalities between a few hidden integers, in one range check.

Each row is a linear combination, with public integers as factors, of variables and a public constant, and has
to be in [0, 2^b). The variables are entries of committed columns, or sums of such entries, block by block.

What is proved: the rows, a virtual column, are looked up in [0, 2^b). No message is added. Uniqueness: who
uses it has bounds on all variables that keep the rows below P / 2. Soundness: that of the lookups.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from proofward.field.extension import zeros
from proofward.field.goldilocks import mul, to_field
from proofward.field.multilinear import eq_table, evaluate
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.basics.layout import log_padded
from proofward.proof.forms import Form, Point, total
from proofward.relations.records.dataset import scatter

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]
Term = tuple[str, int, int]
"""A block of variables, the number of the variable in it, and its factor."""


@dataclass(frozen=True, slots=True)
class Block:
    """Variables: how many, their values, a prover's, and their inner product with weights, an E-array."""

    size: int
    values: Callable[[], Signed]
    inner: Callable[[Array], Form]


@dataclass(slots=True)
class Inequalities:
    """The rows, gathered one after another."""

    blocks: Mapping[str, Block]
    _constants: list[int] = field(default_factory=list)
    _entries: dict[str, list[tuple[int, int, int]]] = field(default_factory=dict)

    def add(self, constant: int, *terms: Term) -> None:
        """constant + sum of factor * variable is not below 0."""
        row = len(self._constants)
        self._constants.append(constant)
        for block, number, factor in terms:
            self._entries.setdefault(block, []).append((row, number, factor))

    def equal(self, constant: int, *terms: Term) -> None:
        """It is 0."""
        self.add(constant, *terms)
        self.add(-constant, *((block, number, -factor) for block, number, factor in terms))

    def values(self) -> Signed:
        """All rows; a prover's."""
        found = np.array(self._constants, dtype=np.int64)
        for block, own in self._parts.items():
            np.add.at(found, own[:, 0], own[:, 2] * self.blocks[block].values()[own[:, 1]])
        return found

    @property
    def _parts(self) -> dict[str, Signed]:
        """By block, (row, variable, factor) of each entry."""
        return {block: np.array(own, dtype=np.int64) for block, own in self._entries.items()}

    def look_up(self, ranges: RangeChecks, name: str, bits: int) -> None:
        """All rows are in [0, 2^bits)."""
        party, log_size, parts = ranges.party, log_padded(len(self._constants)), self._parts

        def padded(rows: Signed) -> Signed:
            full = np.zeros(1 << log_size, dtype=np.int64)
            full[: len(rows)] = rows
            return full

        constants = padded(np.array(self._constants, dtype=np.int64))

        def extension(point: Point) -> Form:
            if not party.evaluates_public:
                return Form.of(0)
            table = eq_table(point)
            forms = [Form.of(evaluate(to_field(constants), point))]
            for block, own in parts.items():
                factors = to_field(own[:, 2])
                weighted = zeros(len(own))
                for plane in range(len(weighted)):
                    weighted[plane] = mul(np.ascontiguousarray(table[plane, own[:, 0]]), factors)
                about = self.blocks[block]
                forms.append(about.inner(scatter(weighted, own[:, 1], about.size)))
            return total(forms)

        ranges.require_virtual(name, log_size, bits, lambda: padded(self.values()), extension)
