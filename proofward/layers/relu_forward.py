"""The forward half of a hidden layer in a proof: its sums are rounded, and saturate at both ends.

    2^fw Q + R = Z + 2^(fw-1),  Q = 1 + v + 2^r u,  s = [u = 0],  o = [u > 0],  A = s (1 + v) + o 2^r

What is proved: the committed v, u, s and o are these, and what is claimed about A, which is never committed
to. `relu` has the values, why there is one witness, and the backward half. Message order: the layers make
claims; then `claims.gather` for A, which ends at a point q; then `saturation.Flags.prove` for A at q.
Soundness: see there. How it hides: the party pads every message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.goldilocks import add, mul, scale
from proofward.layers.activation import ActivationForward
from proofward.layers.claims import DerivedTable, gather
from proofward.layers.model import FixedPoint, Int64Array
from proofward.layers.ranges import RangeChecks, combine
from proofward.layers.rounding import Quotient, Rounding, rounded
from proofward.layers.saturation import Flags, HighLimb
from proofward.layers.stack import Shape
from proofward.proof.forms import ONE, Form, Point
from proofward.proof.lookup import LinearCombination
from proofward.proof.party import Party

Array = npt.NDArray[np.uint64]
Further = Sequence[tuple[Ext, Quotient]]


def high_limb(sums: Int64Array, scales: FixedPoint) -> Int64Array:
    """u = floor((Q - 1) / 2^r)."""
    return (rounded(sums, scales) - 1) >> scales.activation_range_bits


def low_limb(sums: Int64Array, scales: FixedPoint) -> Int64Array:
    """v = Q - 1 - 2^r u."""
    return (rounded(sums, scales) - 1) & ((1 << scales.activation_range_bits) - 1)


@dataclass(frozen=True, slots=True)
class ReluForward(ActivationForward):
    """The columns of the values of one hidden layer."""

    scales: FixedPoint
    low: LinearCombination
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
        limb_above: HighLimb,
        sums: Callable[[], Int64Array],
        forward: Callable[[LinearCombination], Rounding],
    ) -> ReluForward:
        """Declare the columns of a layer of 2^log_units units and their lookups.

        `limb_above` is u, by the bound of the sums. `forward` is given Q and declares what ties it to the
        sums.
        """
        size, bits = shape.log_samples + log_units, scales.activation_range_bits
        low = ranges.declare(f"{name} low", size, bits, lambda: low_limb(sums(), scales))
        flags = Flags.declare(ranges, name, size, limb_above, lambda: high_limb(sums(), scales))
        rounding = forward(combine((1, low), (scales.activation_limit, flags.high), constant=1))

        def activations(party: Party) -> Array:
            inside = mul(party.values(flags.inside), combine((1, low), constant=1).values(party.values))
            return add(inside, scale(party.values(flags.above), scales.activation_limit))

        table = DerivedTable(shape, activations)
        return ReluForward(rounding, table, scales, low, flags, table)

    @staticmethod
    def count(limb_above: HighLimb) -> int:
        """Columns that `declare` declares, without those of `forward`."""
        return 1 + Flags.count(limb_above)

    @staticmethod
    def count_all(scales: FixedPoint, limb_above: HighLimb) -> int:
        """`count`, and the columns of the remainders of as many sums."""
        return ReluForward.count(limb_above) + Rounding.count(scales.divisor, scales)

    @property
    def log_size(self) -> int:
        """log2 of the columns' length."""
        return self.low.log_size

    def prove_values(self, party: Party) -> None:
        point, (activation,) = gather(party, [self.table], self.log_size)
        self.prove_at(party, point, activation)

    def prove_at(self, party: Party, point: Point, claim: Form, further: Further = ()) -> None:
        """claim = A + s * sum(weight * value) at a uniform point; and the bits are bits."""
        inside: Further = [(ONE, combine((1, self.low), constant=1)), *further]
        self.flags.prove(party, point, claim, inside, self.scales.activation_limit)
