"""The columns of a softmax in a proof: maximum, distances, exponentials, and their sum.

Columns over (sample, class), the classes padded to a power of two, unless said otherwise. With M, D, E and S
as in `softmax`, and valid_k = 1 for a real class and 0 in padding, committed are
    M          one for each sample, by limbs in [-2^(m-1), 2^(m-1))
    D          by limbs D = x + 2^l y, where 0 <= x < 2^l, y any integer that public bounds admit
    s          the sign of y
    E, F       (x + 2^l s, E) and (x + 2^l s, F) are entries of two tables of 2^(l+1) entries:
               round(2^e exp(-i / 2^fa)) for i < 2^l and 0 beyond;  1 for i = 0 and 0 beyond
Proved of them is
    Q := valid M - D is the rounding of Z:  R = Z + 2^(fw-1) - 2^fw Q is virtual, in [0, 2^fw)
    N := sum_k F_k, of real classes:        N - 1 is virtual, in [0, 2^ceil(log2 K))
N, and S likewise, are functions of F and E: their extension at a point of the samples is 2^c times that of F
or E with 1/2 for each of the c variables of the class, less what padding adds, which is public, see below.

Uniqueness. Z is fixed by the caller. The integers that the limbs can make up are below 2^62 (`bounds`), so
R's range makes Q the rounding of Z. The key x + 2^l s is in [0, 2^(l+1)) only for s = 0 and s = 1; so y >= 0
and M >= Q_k for every class, and D, x, y, s, E and F follow from M. N >= 1 says that D_k = 0 for one class,
so M is the maximum; with several, nothing that is committed to depends on which is meant. S >= 2^e is fixed
and below 2^(e+c). Where public bounds say that y is 0 or 1, D itself is one column and the tables' key.

In padding Z = 0 by induction, as weights are 0. There Q = -D, so D = 0, E = 2^e and F = 1, which is what N
and S leave out.

Message order: in the lookups, where those of the remainders R end, Z there. Soundness: that of the lookups.
How it hides: the party pads the message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.goldilocks import add, scale, to_field
from proofward.field.multilinear import eq_table
from proofward.field.scalar import P
from proofward.layers.arithmetic.ranges import RangeChecks, combine, limbs
from proofward.layers.arithmetic.rounding import Rounding
from proofward.layers.arithmetic.saturation import HighLimb
from proofward.layers.basics.layout import Layout
from proofward.layers.heads.softmax import Softmax, exponential_bits, exponential_table
from proofward.layers.rules.model import FixedPoint, Int64Array
from proofward.proof.algebra import element
from proofward.proof.forms import ONE, ZERO, Column, Form, Point
from proofward.proof.lookup import LinearCombination
from proofward.proof.tables import Table

Array = npt.NDArray[np.uint64]

EXPONENTIAL_TAG, ZERO_TAG = 67, 68


@dataclass(frozen=True, slots=True)
class ClassSum:
    """The sum over the real classes of a column that has a known value in padding."""

    column: Column
    takes: Layout
    in_padding: int

    def at(self, samples: Point) -> Form:
        """Its extension at a point of the samples."""
        half, padding = (ONE * 2).inverse(), self.takes.padded_size - self.takes.size
        everything = self.column.at((*samples, *(half,) * self.takes.log_size)) * self.takes.padded_size
        return everything - self.in_padding * padding


@dataclass(frozen=True, slots=True)
class BelowMaximum:
    """Q = valid M - D, the rounded logits."""

    takes: Layout
    maximum: LinearCombination
    distance: LinearCombination

    @property
    def log_size(self) -> int:
        return self.distance.log_size

    def at(self, point: Point) -> Form:
        """Its multilinear extension."""
        split = self.maximum.log_size
        valid = ONE - beyond(point[split:], self.takes.size)
        return self.maximum.at(point[:split]) * valid - self.distance.at(point)

    def values(self, of: Callable[[Column], Array]) -> Array:
        """Its values as an F-array."""
        result = np.zeros((1 << self.maximum.log_size, self.takes.padded_size), dtype=np.uint64)
        result[:, : self.takes.size] = self.maximum.values(of)[:, None]
        return add(result.reshape(-1), scale(self.distance.values(of), P - 1))


@dataclass(frozen=True, slots=True)
class SoftmaxColumns:
    """The columns that are needed after the lookups; `key` is x + 2^l s, over (sample, class)."""

    takes: Layout
    rounding: Rounding
    key: LinearCombination
    exponential: Column
    equal: Column
    total: ClassSum

    @staticmethod
    def declare(
        ranges: RangeChecks,
        scales: FixedPoint,
        takes: Layout,
        log_samples: int,
        *,
        limb_above: HighLimb,
        sums: Callable[[], Int64Array],
        known: Callable[[], Softmax],
    ) -> SoftmaxColumns:
        """Declare them and their lookups; `limb_above` is y, `sums` and `known` are a prover's."""
        samples, size, unit = log_samples, log_samples + takes.log_size, 1 << exponential_bits(scales)

        def column(title: str, values: Callable[[], Int64Array]) -> Column:
            return ranges.party.declare(f"head {title}", size, lambda: to_field(values()))

        bits = maximum_bits(scales, limb_above)
        offset = 1 << (bits - 1)
        shifted = ranges.declare("head maximum", samples, bits, lambda: known().maximum + offset)
        maximum = combine((1, shifted), constant=-offset)
        key, distance = _declare_distance(
            ranges, scales, size, limb_above, lambda: padded(takes, known().distance)
        )
        rounding = Rounding.declare(
            ranges, "head", scales.divisor, BelowMaximum(takes, maximum, distance), sums
        )
        exponential = column("exponentials", lambda: padded(takes, known().exponential, unit))
        equal = column(
            "equal to the maximum", lambda: padded(takes, (known().distance == 0).astype(np.int64), 1)
        )
        table = exponential_table(scales)
        keys = np.arange(table.size, dtype=np.int64)
        for title, tag, entries, found in (
            ("exponentials", EXPONENTIAL_TAG, table, exponential),
            ("zeros", ZERO_TAG, (keys == 0).astype(np.int64), equal),
        ):
            ranges.lookups.query(Table.of(title, tag, keys, entries), key, LinearCombination(((1, found),)))
        maxima = ClassSum(equal, takes, 1)
        ranges.require_virtual(
            "head maxima beside one",
            samples,
            takes.log_size,
            lambda: (known().distance == 0).sum(axis=1) - 1,
            lambda point: maxima.at(point) - 1,
        )
        return SoftmaxColumns(takes, rounding, key, exponential, equal, ClassSum(exponential, takes, unit))

    @staticmethod
    def count(takes: Layout, scales: FixedPoint, limb_above: HighLimb) -> int:
        """Values of a sample in the columns that `declare` declares."""
        parts = len(limbs(maximum_bits(scales, limb_above), scales.table_bits))
        distance = 1 if limb_above.is_own_sign else 2 + limb_above.columns
        each = distance + Rounding.count(scales.divisor, scales) + 2
        return takes.padded_size * each + parts + len(limbs(takes.log_size, scales.table_bits)) - 1

    def sums(self, exponentials: Array) -> Array:
        """S of every sample, of the values of E: below 2^27."""
        totals: Array = exponentials.reshape(-1, self.takes.padded_size)[:, : self.takes.size].sum(
            axis=1, dtype=np.uint64
        )
        return totals


def padded(takes: Layout, values: Int64Array, in_padding: Int64Array | int = 0) -> Int64Array:
    """(samples, classes) over (samples, padded), flat."""
    full = np.zeros((len(values), takes.padded_size), dtype=np.int64)
    full[:] = np.reshape(in_padding, (-1, 1))
    full[:, : takes.size] = values
    return full.reshape(-1)


def maximum_bits(scales: FixedPoint, limb_above: HighLimb) -> int:
    """m: the span of y bounds every difference of two logits, and so every logit."""
    return ((limb_above.span[1] + 1) << scales.logit_range_bits).bit_length() + 1


def beyond(unit: Point, classes: int) -> Ext:
    """The sum of eq(unit, k) over the classes k in padding."""
    table, result = eq_table(unit), ZERO
    for k in range(classes, 1 << len(unit)):
        result = result + element(table, k)
    return result


def _declare_distance(
    ranges: RangeChecks, scales: FixedPoint, size: int, limb: HighLimb, distances: Callable[[], Int64Array]
) -> tuple[LinearCombination, LinearCombination]:
    """The tables' key x + 2^l s, and D."""
    bits = scales.logit_range_bits

    def column(title: str, values: Callable[[], Int64Array]) -> LinearCombination:
        declared = ranges.party.declare(f"head {title}", size, lambda: to_field(values()))
        return LinearCombination(((1, declared),))

    if limb.is_own_sign:
        distance = column("distances", distances)
        return distance, distance
    low = column("distances low", lambda: distances() & ((1 << bits) - 1))
    ranges.require(low, bits)
    sign = column("distances sign", lambda: np.sign(distances() >> bits))
    high = limb.declare(ranges, "head distances high", sign, lambda: distances() >> bits)
    return combine((1, low), (1 << bits, sign)), combine((1, low), (1 << bits, high))
