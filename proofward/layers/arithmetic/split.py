"""Values committed to whole, or in two parts of which the first alone says where the value saturates.

Of an integer Y that public bounds limit, the class is wanted: -1 where Y < 0, 0 where 0 <= Y < 2^b, 1 where
Y is at least that. With M = 2^k - 2^b it is written as
    Y = c + M d,    c in [-M, M + 2^b),    d = 0 where c is in [0, 2^b), otherwise of c's sign or 0
and (c, class of c) is looked up in a table of 2^(k+1) entries. d is absent where c alone can be all of Y.
Where it is not, (d + D class, class) is looked up in a table of
    (0, 0);   (D + d, 1) for 0 <= d < D;   (-D + d, -1) for -D + 2 <= d <= 0
which says that d = 0 where the class is 0, and that d is in [0, D) or (-D + 1, 0] where it is 1 or -1. The
first component alone would not: with another class an entry is another d. So the class of Y is that of c:
where c >= 2^b, M d >= 0 and Y >= 2^b; where c < 0, M d <= 0 and Y < 0. c and d are unique, since c has
exactly M values of class 1 and of class -1, one for each residue of Y.

Both tables have about as many bits as half of Y, where a low limb and a high limb with its sign need more
lookups or larger tables. Y is a rounded value itself (b the bits of its range), or its high limb (b = 0).
Where Y is a gradient in one part, it is looked up with what becomes of it when it saturates.

Table entries that no value of Y may have, the last 2^b of (c, class), carry a number that is no class.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.pieces import by_pieces
from proofward.layers.arithmetic.beyond import Span, Values
from proofward.layers.arithmetic.flags import Flags
from proofward.layers.arithmetic.ranges import RangeChecks, combine
from proofward.layers.arithmetic.saturation import declare_sign
from proofward.layers.columns.stack import zero_product
from proofward.layers.rules.model import LARGEST_TABLE, Int64Array
from proofward.proof.forms import ONE, Point
from proofward.proof.lookup import LinearCombination
from proofward.proof.tables import Table, bits_at, integers

NO_CLASS = 5
_CLASS_TAG, _SATURATED_TAG, _EXCESS_TAG = 1 << 12, 2 << 12, 3 << 12


@dataclass(frozen=True, slots=True)
class Split:
    """Y in a part of `part_bits` (k) and an excess of `excess_bits`; `low_bits` (b) of it are in range.

    `span` is that of the high limb of the values. Y is the high limb where `low_bits` is 0.
    """

    span: Span
    low_bits: int
    part_bits: int
    excess_bits: int
    limb_bits: int = 0
    low_limbs: int = 1

    @property
    def step(self) -> int:
        """M."""
        return (1 << self.part_bits) - (1 << self.low_bits)

    @property
    def columns(self) -> int:
        return 1 if self.excess_bits else 0

    @property
    def why(self) -> str:
        whole = "they" if self.low_bits else "what is above it"
        if not self.excess_bits:
            return f"{whole} in one part of {self.part_bits + 1} bits"
        return f"{whole} in parts of {self.part_bits + 1} and {self.excess_bits} bits"

    @property
    def inside_columns(self) -> int:
        return 2 + (self.span[1] > 0) + self.columns

    @property
    def inside_lookups(self) -> int:
        return 1 + self.columns

    @property
    def saturating_columns(self) -> int:
        return 2 if self.low_bits else 2 + self.low_limbs + self.columns

    @property
    def saturating_lookups(self) -> int:
        return 1 if self.low_bits else 1 + self.low_limbs + self.columns

    @property
    def table_rows(self) -> int:
        return (2 << self.part_bits) + (1 << self.excess_bits if self.excess_bits else 0)

    def declare_inside(
        self, ranges: RangeChecks, name: str, size: int, bits: int, values: Values
    ) -> tuple[Flags, LinearCombination, LinearCombination]:
        assert bits == self.low_bits
        part = ranges.column(f"{name} part", size, lambda: self.part(values()))
        flags = Flags.declare(ranges.party, name, size, lambda: values() >> bits, above=self.span[1] > 0)
        return flags, part, self._whole(ranges, name, part, flags.sign, values)

    def declare_saturating(
        self, ranges: RangeChecks, name: str, size: int, bits: int, values: Values
    ) -> tuple[LinearCombination, LinearCombination]:
        if self.low_bits:
            assert bits == self.low_bits and not self.excess_bits
            whole = ranges.column(name, size, values)
            saturated = ranges.column(f"{name} saturated", size, lambda: saturated_at_ends(values(), bits))
            ranges.look_up(saturating_table(bits, self.part_bits), whole, saturated)
            return whole, saturated

        def high() -> Int64Array:
            return values() >> bits

        low = ranges.declare_low(name, size, bits, values, self.limb_bits)
        sign = declare_sign(ranges, f"{name} sign", size, high)
        part = ranges.column(f"{name} part", size, lambda: self.part(high()))
        whole = self._whole(ranges, name, part, sign, high)
        return combine((1, low), (1 << bits, whole)), combine((1, low), (1 << bits, sign))

    def _whole(
        self,
        ranges: RangeChecks,
        name: str,
        part: LinearCombination,
        sign: LinearCombination,
        values: Values,
    ) -> LinearCombination:
        """Y, of which the class is proved to be `sign`."""
        ranges.look_up(class_table(self.low_bits, self.part_bits), part, sign)
        if not self.excess_bits:
            return part
        excess = ranges.column(f"{name} excess", part.log_size, lambda: self.excess(values()))
        key = combine((1, excess), (1 << (self.excess_bits - 1), sign))
        ranges.look_up(excess_table(self.excess_bits), key, sign)
        return combine((1, part), (self.step, excess))

    def part(self, values: Int64Array) -> Int64Array:
        """c of values Y of any shape."""
        return by_pieces(lambda own: own - self.step * self._excess(own), values)

    def excess(self, values: Int64Array) -> Int64Array:
        """d."""
        return by_pieces(self._excess, values)

    def _excess(self, values: Int64Array) -> Int64Array:
        if not self.excess_bits:
            return np.zeros_like(values)
        above = np.maximum(values - (1 << self.low_bits), 0) // self.step
        below = np.maximum(-values - 1, 0) // self.step
        result: Int64Array = above - below
        return result


@lru_cache(maxsize=4096)
def ways(span: Span, low_bits: int, limb_bits: int = 0, low_limbs: int = 1) -> tuple[Split, ...]:
    """All ways to split the values whose high limbs have this span; `low_limbs` are those beside them."""
    found = []
    low, high = span[0] << low_bits, (span[1] + 1) << low_bits
    for part_bits in range(low_bits + 1, LARGEST_TABLE):
        step = (1 << part_bits) - (1 << low_bits)
        if low >= -step and high <= step + (1 << low_bits):
            found.append(Split(span, low_bits, part_bits, 0, limb_bits, low_limbs))
            break
        more = max((-low - 1) // step + 2, (high - 1 - (1 << low_bits)) // step + 1)
        excess_bits = (more - 1).bit_length() + 1
        if excess_bits <= LARGEST_TABLE:
            found.append(Split(span, low_bits, part_bits, excess_bits, limb_bits, low_limbs))
    return tuple(found)


def saturated_at_ends(values: Int64Array, bits: int) -> Int64Array:
    """X with its high limb, floor(X / 2^bits), brought to -1, 0 or 1."""
    result: Int64Array = (values & ((1 << bits) - 1)) + (np.sign(values >> bits) << bits)
    return result


def class_table(low_bits: int, part_bits: int) -> Table:
    """The pairs (c, class of c), c from -M on."""
    low = (1 << low_bits) - (1 << part_bits)

    def classes() -> npt.NDArray[np.int64]:
        values = integers(low, part_bits + 1)
        found = np.where(values < 0, -1, np.sign(values >> low_bits))
        found[values >= 1 << part_bits] = NO_CLASS
        return found

    name, tag = f"classes of {low_bits} in {part_bits} bits", _CLASS_TAG + (low_bits << 6) + part_bits
    form = partial(_class_at, part_bits - low_bits, NO_CLASS)
    return Table.function(name, tag, low, part_bits + 1, classes, form)


def saturating_table(low_bits: int, part_bits: int) -> Table:
    """The pairs (X, X with its high limb brought to its sign), X from -M on."""
    low = (1 << low_bits) - (1 << part_bits)

    def form(point: Point) -> Ext:
        inside = bits_at(point[1 + part_bits - low_bits :])
        return inside + _class_at(part_bits - low_bits, 1, point) * (1 << low_bits)

    name = f"saturated values of {low_bits} in {part_bits} bits"
    tag = _SATURATED_TAG + (low_bits << 6) + part_bits
    values = partial(_saturated_from, low, low_bits, part_bits)
    return Table.function(name, tag, low, part_bits + 1, values, form)


def _saturated_from(low: int, low_bits: int, part_bits: int) -> npt.NDArray[np.int64]:
    return saturated_at_ends(integers(low, part_bits + 1), low_bits)


def _class_at(middle: int, last: int, point: Point) -> Ext:
    """The extension of the class of c by the bits of c + M, of which `middle` are below the top one.

    Those from M to 2^k - 1, of class 0, have the top bit 0 and all middle bits 1. Where the top bit is 1 the
    class is 1, and `last` where the middle bits are all 1 too.
    """
    top, inside = point[0], zero_product(tuple(ONE - own for own in point[1 : 1 + middle]))
    return top * (ONE + inside * (last - 1)) - (ONE - top) * (ONE - inside)


def excess_table(bits: int) -> Table:
    """The pairs (d + D class, class), D = 2^(bits - 1)."""
    half = 1 << (bits - 1)

    def entries() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        keys = integers(1 - 2 * half, bits)
        keys[half:] = integers(half, bits - 1)
        keys[0] = 0
        return keys, np.sign(keys)

    def keys_at(point: Point) -> Ext:
        top, rest = point[0], bits_at(point[1:])
        return rest + top * (3 * half - 1) + (1 - 2 * half) + zero_product(point) * (2 * half - 1)

    def classes_at(point: Point) -> Ext:
        return point[0] * 2 - 1 + zero_product(point)

    name = f"excesses of {bits} bits"
    return Table(name, _EXCESS_TAG + bits, bits, entries, first_form=keys_at, second_form=classes_at)
