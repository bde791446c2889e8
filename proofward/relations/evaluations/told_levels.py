"""Which levels of a subgroup a hospital tells, as inequalities between hidden numbers.

With v_k the records of level k, m those of the part, and L the least count, `score_counts.told_levels` says:
level k is large, A_k = 1, if v_k >= L. All large levels are told. But where 0 < r < L for the rest r = m -
sum of v_k over the large ones, the smallest large level, of equals the first, is left out as well; then at
least L records are not told, so it is one at most.

Hidden bits are, for each level, T_k (told) and D_k (left out though large), and for each subgroup three that
say which of the reasons there is for d = sum of D_k = 0; and numbers V_k. Proved is, with M >= m public,
    A_k = T_k + D_k:  v_k >= L A_k and v_k <= L - 1 + M A_k
    V_k = D_k v_k:    V_k <= M D_k, V_k <= v_k and v_k - V_k <= M (1 - D_k)
    r = m - sum of T_k v_k - sum of V_k
    d = 1:            1 <= r <= L - 1
    d = 0:            r = 0, or r >= L, or no level is large
    T_k + D_k <= 1
    T_k = 1:          v_k >= sum of V_i + sum of D_i over i > k
Exactly one of d and the three bits is 1. T_k v_k is the number of records in what is told of level k.

Uniqueness: v_k fixes A_k, hence r; of d = 1 and d = 0 one alone is possible, and where d = 1 the last line
fixes D. All numbers are below 2^24, so nothing wraps. Message order, soundness, hiding: those of
`inequalities`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from proofward.field.extension import zeros
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.basics.layout import log_padded, padded
from proofward.proof.forms import Column, Form, total
from proofward.proof.lookup import LinearCombination
from proofward.relations.evaluations.inequalities import Block, Inequalities, Term

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]

REASONS = 3
SIZE, TOLD, BIT, LEFT = "records", "told records", "bits", "left out"


@dataclass(frozen=True)
class Levels:
    """spans: first and behind last number of the levels of each subgroup, among all levels."""

    spans: tuple[tuple[int, int], ...]
    least: int
    most: int

    @property
    def count(self) -> int:
        """Of all levels."""
        return self.spans[-1][1]

    @property
    def bits(self) -> int:
        """How many hidden bits there are: T, then D, then the reasons."""
        return 2 * self.count + REASONS * len(self.spans)

    @property
    def number_bits(self) -> int:
        """Of every number here."""
        return (2 * (self.most + self.least) + 2).bit_length()

    def told(self, sizes: Signed, records: int) -> tuple[Signed, Signed]:
        """The hidden bits and V, of the records of each level (levels,) and of the part."""
        bits = np.zeros(self.bits, dtype=np.int64)
        left = np.zeros(self.count, dtype=np.int64)
        for place, (first, stop) in enumerate(self.spans):
            own = sizes[first:stop]
            large = own >= self.least
            rest = records - int(own[large].sum())
            bits[first:stop] = large
            reason = 2 * self.count + REASONS * place
            if large.any() and 0 < rest < self.least:
                number = first + int(np.where(large, own, own.max() + 1).argmin())
                bits[number], bits[self.count + number], left[number] = 0, 1, sizes[number]
            else:
                bits[reason + (0 if rest == 0 else 1 if rest >= self.least else 2)] = 1
        return bits, left


@dataclass(frozen=True, slots=True)
class ToldLevels:
    """The column of the hidden bits."""

    levels: Levels
    bits: LinearCombination

    @staticmethod
    def declare(
        ranges: RangeChecks,
        levels: Levels,
        records: int,
        sizes: Block,
        told: Block,
        known: Callable[[], tuple[Signed, Signed]],
    ) -> ToldLevels:
        """Declare the columns and their lookups.

        records: m. sizes, told: v_k and T_k v_k. known: what `Levels.told` gives, a prover's.
        """
        width = levels.number_bits
        bits = ranges.declare("bits of levels", log_padded(levels.bits), 1, lambda: _padded(known()[0]))
        left = ranges.declare(
            "records of levels left out", log_padded(levels.count), width, lambda: _padded(known()[1])
        )
        rows = Inequalities(
            {
                SIZE: sizes,
                TOLD: told,
                BIT: Block(levels.bits, lambda: known()[0], partial(inner, bits)),
                LEFT: Block(levels.count, lambda: known()[1], partial(inner, left)),
            }
        )
        add_rows(rows, levels, records)
        rows.look_up(ranges, "levels that are told", width)
        return ToldLevels(levels, bits)

    def at(self, weights: Array) -> Form:
        """The inner product of T with weights, an E-array (levels,)."""
        full = zeros(self.levels.bits)
        full[:, : self.levels.count] = weights
        return inner(self.bits, full)

    def values(self, of: Callable[[Column], Array]) -> Array:
        """T as an F-array; a prover's."""
        return self.bits.values(of)[: self.levels.count]


def _padded(values: Signed) -> Signed:
    found = np.zeros(padded(len(values)), dtype=np.int64)
    found[: len(values)] = values
    return found


def add_rows(rows: Inequalities, levels: Levels, records: int) -> None:
    """The module's rows of all subgroups; `records` is m."""
    for place in range(len(levels.spans)):
        _add_subgroup(rows, levels, place, records)


def _add_subgroup(rows: Inequalities, levels: Levels, place: int, records: int) -> None:
    """The module's rows of one subgroup."""
    (first, stop), count, least, most = levels.spans[place], levels.count, levels.least, levels.most
    span, reason = range(first, stop), 2 * count + REASONS * place

    def large(factor: int, *numbers: int) -> list[Term]:
        """A of these levels, times a factor."""
        return [(BIT, at + number, factor) for number in numbers for at in (0, count)]

    def rest(factor: int) -> list[Term]:
        """r without m."""
        return [(block, number, -factor) for number in span for block in (TOLD, LEFT)]

    dropped = [(BIT, count + number, 1) for number in span]
    for k in span:
        told, own = (BIT, k, -(most + 1)), (BIT, count + k)
        rows.add(1, *large(-1, k))
        rows.add(0, (SIZE, k, 1), *large(-least, k))
        rows.add(least - 1, (SIZE, k, -1), *large(most, k))
        rows.add(0, (*own, most), (LEFT, k, -1))
        rows.add(0, (SIZE, k, 1), (LEFT, k, -1))
        rows.add(most, (*own, -most), (SIZE, k, -1), (LEFT, k, 1))
        smallest = [(LEFT, number, -1) for number in span]
        before = [(BIT, count + number, -1) for number in span if number > k]
        rows.add(most + 1, told, (SIZE, k, 1), *smallest, *before)
    some = [(BIT, reason + number, 1) for number in range(REASONS)]
    rows.equal(-1, *dropped, *some)
    rows.add(records, *rest(1), *times(dropped, -1))
    rows.add(least - 1 + most - records, *rest(-1), *times(dropped, -most))
    rows.add(most - records, *rest(-1), (BIT, reason, -most))
    rows.add(records, *rest(1), (BIT, reason + 1, -least))
    rows.add(len(span), *large(-1, *span), (BIT, reason + 2, -len(span)))


def times(terms: list[Term], factor: int) -> list[Term]:
    """The terms, each with so many times its factor."""
    return [(block, number, own * factor) for block, number, own in terms]


def inner(column: LinearCombination, weights: Array) -> Form:
    """The inner product of a column's first entries with weights, an E-array."""
    full = zeros(1 << column.log_size)
    full[:, : weights.shape[1]] = weights
    return total([own.inner(full) * factor for factor, own in column.terms])
