"""The forward half of a hidden layer in a proof: its sums are rounded, and saturate at both ends.

    2^fw Q + R = Z + 2^(fw-1),  s = [1 <= Q <= 2^r],  o = [Q > 2^r],  A = s Q + o 2^r

What is proved: the committed columns that make up Q - 1 (`beyond`), s and o are these, and what is claimed
about A, which is never committed to. `relu` has the values, why there is one witness, and the backward half.
Message order: the layers make claims; then `claims.gather` for A, which ends at a point q; then
`flags.Flags.prove` for A at q. Soundness: see there. How it hides: the party pads every message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.pieces import by_pieces
from proofward.layers.activations.activation import ActivationForward
from proofward.layers.arithmetic.beyond import Beyond
from proofward.layers.arithmetic.flags import Flags
from proofward.layers.arithmetic.ranges import RangeChecks, combine
from proofward.layers.arithmetic.rounding import Quotient, Rounding, rounded
from proofward.layers.columns.claims import DerivedTable, gather
from proofward.layers.columns.stack import Shape
from proofward.layers.rules.model import FixedPoint, Int64Array
from proofward.proof.forms import ONE, Form, Point
from proofward.proof.lookup import LinearCombination
from proofward.proof.party import Party

Array = npt.NDArray[np.uint64]
Further = Sequence[tuple[Ext, Quotient]]


def above_one(sums: Int64Array, scales: FixedPoint) -> Int64Array:
    """X = Q - 1, which is in its range from 0 to 2^r - 1 where the derivative is 1."""
    return by_pieces(lambda own: rounded(own, scales) - 1, sums)


@dataclass(frozen=True, slots=True)
class ReluForward(ActivationForward):
    """The columns of the values of one hidden layer."""

    scales: FixedPoint
    inside: LinearCombination  #: X where it is in its range
    flags: Flags
    table: DerivedTable

    @staticmethod
    def declare(
        ranges: RangeChecks,
        scales: FixedPoint,
        shape: Shape,
        *,
        name: str,
        log_units: int,
        limb_above: Beyond,
        sums: Callable[[], Int64Array],
        forward: Callable[[LinearCombination], Rounding],
    ) -> ReluForward:
        """Declare the columns of a layer of 2^log_units units and their lookups.

        `limb_above` is how Q - 1 is committed to, by the bound of the sums. `forward` is given Q and declares
        what ties it to the sums.
        """
        size, bits = shape.log_samples + log_units, scales.activation_range_bits
        flags, low, whole = limb_above.declare_inside(
            ranges, name, size, bits, lambda: above_one(sums(), scales)
        )
        rounding = forward(combine((1, whole), constant=1))

        def activations(party: Party) -> Array:
            return flags.saturated(party, low, scales.activation_limit)

        table = DerivedTable(shape, activations)
        return ReluForward(rounding, table, scales, low, flags, table)

    @staticmethod
    def count(limb_above: Beyond) -> int:
        """Columns that `declare` declares, without those of `forward`."""
        return limb_above.inside_columns

    @staticmethod
    def count_all(scales: FixedPoint, limb_above: Beyond) -> int:
        """`count`, and the columns of the remainders of as many sums."""
        remainders = Rounding.count(scales.divisor, scales, limb_above.limb_bits)
        return ReluForward.count(limb_above) + remainders

    @property
    def log_size(self) -> int:
        """log2 of the columns' length."""
        return self.inside.log_size

    def prove_values(self, party: Party) -> None:
        point, (activation,) = gather(party, [self.table], self.log_size)
        self.prove_at(party, point, activation)

    def prove_at(self, party: Party, point: Point, claim: Form, further: Further = ()) -> None:
        """claim = A + s * sum(weight * value) at a uniform point; and the bits are bits."""
        inside: Further = [(ONE, combine((1, self.inside), constant=1)), *further]
        self.flags.prove(party, point, claim, inside, self.scales.activation_limit)
