"""Range checks by lookup: values that fit a table are looked up as they are, larger ones as limbs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.goldilocks import to_field
from proofward.field.pieces import by_pieces
from proofward.layers.arithmetic.sign_tables import signs, signs_above
from proofward.layers.basics.divisor import Divisor
from proofward.proof.forms import ONE, ZERO, Column, Form, Point
from proofward.proof.lookup import LinearCombination, LookupArgument, VirtualColumn
from proofward.proof.party import Party
from proofward.proof.tables import Table, bits_at, integers

Signed = npt.NDArray[np.int64] | npt.NDArray[np.int32]


_BELOW_TAG = 1 << 32
LARGEST_LIMB = 24  #: bits of the largest interval table


class RangeChecks:
    """The interval tables of one proof, and the tables of signs.

    An interval table's tag is the number of its bits; tables of signs have tags from 128 on, and tables of
    the integers below a number that is no power of two have tags beyond 2^32.
    """

    def __init__(self, party: Party, lookups: LookupArgument, table_bits: int) -> None:
        self.party = party
        self.lookups = lookups
        self.table_bits = table_bits
        self._tables: dict[int, Table] = {}

    def _keep(self, table: Table) -> Table:
        """The table with this tag, made once."""
        return self._tables.setdefault(table.tag, table)

    def _table(self, bits: int) -> Table:
        return self._tables.get(bits) or self._keep(Table.interval(f"range of {bits} bits", bits, 0, bits))

    def require(self, value: LinearCombination, bits: int) -> None:
        """Every entry is in [0, 2^bits), where a table of so many entries is affordable."""
        if not 0 <= bits <= LARGEST_LIMB:
            raise ValueError(f"range of {bits} bits, tables have at most {LARGEST_LIMB}")
        self.lookups.query(self._table(bits), value)

    def _table_below(self, count: int) -> Table:
        """See `table_below`; of a power of two the usual table."""
        bits = (count - 1).bit_length()
        if count == 1 << bits:
            return self._table(bits)
        return self._keep(table_below(count))

    def require_sign(self, value: LinearCombination, bits: int, sign: LinearCombination) -> None:
        """Every entry is in [-2^(bits-1), 2^(bits-1)), and `sign` is its sign: -1, 0 or 1."""
        self.look_up(signs(bits), value, sign)

    def look_up(
        self, table: Table, value: LinearCombination | VirtualColumn, second: LinearCombination | None = None
    ) -> None:
        """Every entry (pair of entries) is in a table, which is one for all layers that ask for its tag."""
        self.lookups.query(self._keep(table), value, second)

    def require_joint_sign(
        self, low: LinearCombination, bits: int, above: LinearCombination, sign: LinearCombination
    ) -> None:
        """`low` is in [0, 2^bits), `sign` the sign of low + 2^bits x, where `above` is the sign of x.

        The pair is looked up as low + 2^bits (above + 1), which tells both apart as both are in their ranges:
        x < 0 gives -1, x = 0 gives [low > 0], x > 0 gives 1. Keys from 3 * 2^bits on have no meaning and
        cannot occur.
        """
        self.require(low, bits)
        key = combine((1, low), (1 << bits, above), constant=1 << bits)
        self.look_up(signs_above(bits), key, sign)

    def column(
        self, title: str, log_size: int, values: Callable[[], npt.NDArray[np.int64]]
    ) -> LinearCombination:
        """Declare a column of integers, which nothing looks up yet."""
        own = self.party.declare(title, log_size, lambda: to_field(values().reshape(-1)))
        return LinearCombination(((1, own),))

    def declare_low(
        self, name: str, log_size: int, bits: int, values: Callable[[], Signed], limb_bits: int = 0
    ) -> LinearCombination:
        """Declare and check the lowest bits of integers of any sign."""
        return self.declare(f"{name} low", log_size, bits, lambda: values() & ((1 << bits) - 1), limb_bits)

    def declare(
        self, name: str, log_size: int, bits: int, values: Callable[[], Signed], limb_bits: int = 0
    ) -> LinearCombination:
        """Declare limbs of values in [0, 2^bits) and check them; returns the value as their combination.

        Limbs are as wide as the usual tables, or have `limb_bits`.
        """
        terms: list[tuple[int, Column]] = []
        for index, (shift, width) in enumerate(limbs(bits, limb_bits or self.table_bits)):
            column = self.party.declare(
                f"{name}, limb {index}", log_size, partial(_limb, values, bits, shift, width)
            )
            self.require(LinearCombination(((1, column),)), width)
            terms.append((1 << shift, column))
        return LinearCombination(tuple(terms))

    def require_virtual(
        self,
        name: str,
        log_size: int,
        bits: int,
        values: Callable[[], Signed],
        extension: Callable[[Point], Form],
        limb_bits: int = 0,
    ) -> None:
        """Check that values are in [0, 2^bits), see `require_remainder`."""
        self.require_remainder(name, log_size, Divisor(bits), values, extension, limb_bits)

    def require_remainder(
        self,
        name: str,
        log_size: int,
        divisor: Divisor,
        values: Callable[[], Signed],
        extension: Callable[[Point], Form],
        limb_bits: int = 0,
    ) -> None:
        """Check that values are in [0, divisor), and commit to their lower limbs only.

        `values` are a prover's, `extension` is their multilinear extension at the lookups' point, see
        `proof.leaves.VirtualColumn`. The top limb is what the lower ones leave of them. With limbs l_i of the
        widths b_i the values are sum_i 2^(b_0 + .. + b_(i-1)) l_i in the field, and each l_i is in its range;
        so they are in [0, 2^bits); or in [0, D), where the table of the top limb, of the last shift s, has
        the integers below D / 2^s: with l below that and the rest below 2^s the value is below D.
        """
        *lower, (shift, width) = divisor.limbs(limb_bits or self.table_bits)
        bits = shift + width
        terms: list[tuple[int, Column]] = []
        for index, (below, own) in enumerate(lower):
            title = f"{name}, limb {index}"
            column = self.party.declare(title, log_size, partial(_limb, values, bits, below, own))
            self.require(LinearCombination(((1, column),)), own)
            terms.append((1 << below, column))

        def top(point: Point) -> Form:
            rest = extension(point)
            for factor, column in terms:
                rest = rest - column.at(point) * factor
            return rest * (ONE * (1 << shift)).inverse()

        limb = VirtualColumn(
            f"{name}, limb {len(lower)}", log_size, partial(_limb, values, bits, shift, width), top
        )
        self.lookups.query(self._table_below(divisor.value >> shift), limb)


def _limb(values: Callable[[], Signed], bits: int, shift: int, width: int) -> npt.NDArray[np.uint64]:
    """The limb of `width` bits from `shift` on, as field elements.

    The top limb keeps what is too large, so that a value out of range fails its lookup.
    """
    flat = values().reshape(-1).astype(np.int64, copy=False)
    if shift + width == bits:
        return to_field(by_pieces(lambda own: own >> shift, flat) if shift else flat)
    return to_field(by_pieces(lambda own: (own >> shift) & ((1 << width) - 1), flat))


def table_below(count: int) -> Table:
    """The integers below `count`, no power of two, and the first of them again up to the next one."""
    bits = (count - 1).bit_length()

    def entries() -> tuple[npt.NDArray[np.int64], None]:
        found = integers(0, bits)
        found[count:] = 0
        return found, None

    name, tag = f"range below {count}", _BELOW_TAG + count
    return Table(name, tag, bits, entries, first_form=partial(_below_at, count))


def _below_at(count: int, point: Point) -> Ext:
    """The extension of i where i < count, and 0 elsewhere.

    Below count are, for each of its bits that is 1, the integers with the bits of count before it, 0 there
    and anything behind.
    """
    value, before = ZERO, ONE
    for place, coordinate in enumerate(point):
        behind = len(point) - 1 - place
        if count >> behind & 1:
            start = count >> (behind + 1) << (behind + 1)
            value = value + before * (ONE - coordinate) * (bits_at(point[place + 1 :]) + start)
        before = before * (coordinate if count >> behind & 1 else ONE - coordinate)
    return value


def combine(*parts: tuple[int, LinearCombination], constant: int = 0) -> LinearCombination:
    """constant + sum of coefficient * value, of values over columns of one length."""
    terms = tuple((factor * own, column) for factor, value in parts for own, column in value.terms)
    return LinearCombination(terms, constant + sum(factor * value.constant for factor, value in parts))


def limbs(bits: int, table_bits: int) -> list[tuple[int, int]]:
    """(shift, width) of the limbs of a value of `bits` bits, lowest first; only the top may be narrower."""
    return [(shift, min(table_bits, bits - shift)) for shift in range(0, bits, table_bits)]


def best_limb_bits(demands: Sequence[tuple[int, int]], usual: int, largest: int = LARGEST_LIMB) -> int:
    """How wide limbs are best for values of several sizes, (bits, how many) each; 0: as wide as usual tables.

    A limb is a column or a virtual one, and a lookup; a table's entry counts twice, for its multiplicity and
    as a leaf. The usual tables are there anyway.
    """

    def cost(width: int) -> int:
        entries = 2 << width if width > usual else 0
        return entries + sum(2 * count * len(limbs(bits, width)) for bits, count in demands)

    widths = {-(-bits // parts) for bits, _ in demands for parts in range(1, 4)}
    best = min([usual, *sorted(width for width in widths if usual < width <= largest)], key=cost)
    return 0 if best == usual else best
