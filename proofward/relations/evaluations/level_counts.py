"""The counts of the levels of subgroups, in a proof.

Every sample looks up, for each subgroup, the cell that it has among the counts of all, behind its level,
    cell + C (o + g)
with g the code of its level in the subgroup (`level_codes`), C cells, and o the first code of the subgroup,
in one table of integers. So the multiplicities are the counts of every level, and of the records of none.
What a hospital tells of a level is all of it or nothing (`told_levels`): with T the hidden bits, and H the
counts of levels,
    E(k, cell) = T(k) H(k, cell)
for a committed column E, at a random point (q, s) by a sumcheck over the levels:
    E~(q, s) = sum over k of eq(q, k) T(k) H~(k, s).
E is encrypted, for two classes with the confusion tables that its histograms make.

Message order, after the lookups
    verifier: q, s        the sumcheck        prover: T and H where it ended
Uniqueness: multiplicities are numbers of occurrences in F (`score_histogram`), T is a column of bits, and H
and T fix E. Soundness: (log levels + log cells) / |E|, and what lookups and the sumcheck enter. How it hides:
the party pads every message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise

import numpy as np
import numpy.typing as npt

from proofward.field.contract import combine_columns
from proofward.field.extension import DEGREE, ext_scale, lift, zeros
from proofward.field.goldilocks import add, to_field
from proofward.field.multilinear import eq_table
from proofward.field.scalar import P
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.basics.layout import Layout, log_padded, padded
from proofward.layers.columns.stack import eq_weights
from proofward.proof.algebra import element
from proofward.proof.forms import Column, Form, Point
from proofward.proof.lookup import LinearCombination, LookupArgument, VirtualColumn
from proofward.proof.party import Party, Tables
from proofward.proof.tables import Table
from proofward.relations.evaluations.counted_cells import Cells
from proofward.relations.evaluations.inequalities import Block
from proofward.relations.evaluations.level_codes import LevelCodes
from proofward.relations.evaluations.told_levels import Levels, ToldLevels, inner
from proofward.relations.rules.blocks import Entries

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]

LEVELS_TAG = (1 << 40) + 7


@dataclass(frozen=True, slots=True)
class BlockOfCounts:
    """How the counts of some records lie.

    cells: how many a sample can look up. counted: the first of them, which are counts. once: of these, those
    of which each record is in exactly one. size: of the block in the vector. folded: weights over (levels,
    counted) of weights over (levels, size), E-arrays. whole: blocks (levels, size) of their cells, F-arrays.
    """

    cells: int
    counted: int
    once: range
    size: int
    folded: Callable[[Array], Array]
    whole: Callable[[Array], Array]


@dataclass(frozen=True, slots=True)
class LevelCounts:
    """The counts of all levels; starts: the code of each level among those of all subgroups."""

    party: Party
    lookups: LookupArgument
    table: Table
    about: BlockOfCounts
    starts: Signed
    told: ToldLevels
    column: LinearCombination

    @staticmethod
    def declare(
        ranges: RangeChecks,
        about: BlockOfCounts,
        cells: Sequence[Cells],
        codes: Sequence[LevelCodes],
        levels: Levels,
        records: int,
        counts: Callable[[], Signed],
    ) -> LevelCounts:
        """Declare the columns and their lookups; `counts` are the whole vector, a prover's."""
        party, lookups = ranges.party, ranges.lookups
        lengths = [stop - first + 1 for first, stop in levels.spans]
        offsets = [0, *accumulate(lengths)]
        table = Table.interval("cells of levels", LEVELS_TAG, 0, log_padded(offsets[-1] * about.cells))
        for code, offset in zip(codes, offsets, strict=False):
            for cell in cells:
                lookups.query(table, _behind_level(cell, code, offset, about.cells))
        starts = np.concatenate(
            [np.arange(first + 1, stop, dtype=np.int64) for first, stop in pairwise(offsets)]
        )
        log_size = log_padded(levels.count * about.counted)

        def flat() -> Signed:
            found = np.zeros(1 << log_size, dtype=np.int64)
            blocks = counts().reshape(-1, about.size)[1:, : about.counted]
            found[: levels.count * about.counted] = blocks.reshape(-1)
            return found

        @cache
        def sizes() -> Signed:
            return np.concatenate(
                [
                    np.bincount(code.codes(), minlength=length)[1:length]
                    for code, length in zip(codes, lengths, strict=True)
                ]
            )

        @cache
        def known() -> tuple[Signed, Signed]:
            return levels.told(sizes(), records)

        column = ranges.column("counts of told levels", log_size, flat)

        def of_sizes(weights: Array) -> Form:
            return made._multiplicities(made._once(weights))

        def of_told(weights: Array) -> Form:
            return inner(column, made._once(weights).reshape(DEGREE, -1))

        told = ToldLevels.declare(
            ranges,
            levels,
            records,
            Block(levels.count, sizes, of_sizes),
            Block(levels.count, lambda: sizes() * known()[0][: levels.count], of_told),
            known,
        )
        made = LevelCounts(party, lookups, table, about, starts, told, column)
        return made

    @property
    def levels(self) -> int:
        """How many there are."""
        return len(self.starts)

    @property
    def block(self) -> Entries:
        """Of the encrypted vector."""
        size = self.about.size
        return Entries("subgroups", size, Layout((self.levels * size,)))

    def _once(self, weights: Array) -> Array:
        """Weights over (levels, counted), those of a level at each cell that counts its records once."""
        found = zeros(self.levels, self.about.counted)
        found[:, :, self.about.once.start : self.about.once.stop] = weights[:, :, None]
        return found

    def _multiplicities(self, weights: Array) -> Form:
        """The inner product of the counts of all levels with weights over (levels, counted)."""
        if not self.party.evaluates_public:
            return Form.of(0)
        cells = self.about.cells
        rows = (1 << self.table.log_size) // cells
        of_codes, full = zeros(rows, cells), zeros(1 << self.table.log_size)
        of_codes[:, self.starts, : self.about.counted] = weights
        full[:, : rows * cells] = of_codes.reshape(DEGREE, -1)
        return self.lookups.multiplicities(self.table).inner(full)

    def prove(self, party: Party) -> None:
        """What is told is all of a level or nothing."""
        log_levels, log_cells = log_padded(self.levels), log_padded(self.about.counted)
        point = party.challenges(log_levels)
        cell = party.challenges(log_cells)
        party.soundness.add("counts of told levels", "Schwartz-Zippel", log_levels + log_cells)

        def weights(level: Point) -> Array:
            own, at = eq_table(level)[:, : self.levels], eq_table(cell)[:, : self.about.counted]
            return outer(own, at)

        def tables() -> Tables:
            counted = party.values(self.lookups.multiplicities(self.table))
            cells = self.about.cells
            whole = counted[: len(counted) // cells * cells].reshape(-1, cells)
            of_levels = zeros(padded(self.levels))
            at = eq_table(cell)[:, : self.about.counted]
            rows = np.ascontiguousarray(whole[self.starts, : self.about.counted])
            of_levels[:, : self.levels] = combine_columns(rows, np.ascontiguousarray(at))
            bits = np.zeros(padded(self.levels), dtype=np.uint64)
            bits[: self.levels] = self.told.values(party.values)
            return Tables([(lift(bits), of_levels)])

        claim = Form.of(0)
        if party.evaluates_public:
            claim = inner(self.column, weights(point).reshape(DEGREE, -1))
        reduced = party.sumcheck(claim, eq_weights(point), tables)
        bits, counted, product = party.send_product(*reduced.factors[0])
        party.assert_zero(reduced.claim - product)
        if party.evaluates_public:
            ended = eq_table(reduced.point)[:, : self.levels]
            party.assert_zero(bits - self.told.at(np.ascontiguousarray(ended)))
            party.assert_zero(counted - self._multiplicities(weights(reduced.point)))

    @property
    def log_size(self) -> int:
        """Of what is encrypted."""
        return self.block.log_size

    def at(self, point: Point) -> Form:
        """The extension of what is encrypted."""
        if not self.party.evaluates_public:
            return Form.of(0)
        size = self.about.size
        table = eq_table(point)[:, : self.levels * size].reshape(DEGREE, self.levels, size)
        return inner(self.column, self.about.folded(table).reshape(DEGREE, -1))

    def values(self, of: Callable[[Column], Array]) -> Array:
        """What is encrypted, padded; a prover's."""
        counted = self.about.counted
        own = self.column.values(of)[: self.levels * counted].reshape(self.levels, counted)
        return self.block.layout.pad(self.about.whole(own).reshape(-1))


def _behind_level(own: Cells, code: LevelCodes, offset: int, cells: int) -> VirtualColumn:
    """The cells of samples behind their levels' codes."""
    log_samples = code.log_samples
    first = offset * cells

    def entries() -> Array:
        levels = np.repeat(code.codes(), 1 << (own.log_size - log_samples))
        return add(own.values(), to_field(first + cells * levels))

    def extension(point: Point) -> Form:
        return own.at(point) + code.code.at(point[:log_samples]) * cells + first

    return VirtualColumn(f"{own.name} by level", own.log_size, entries, extension)


def outer(left: Array, right: Array) -> Array:
    """The products of two E-arrays' entries, (DEGREE, left, right)."""
    rows = [ext_scale(np.ascontiguousarray(right), element(left, at)) for at in range(left.shape[1])]
    return np.ascontiguousarray(np.stack(rows, axis=1))


def sums_of(parts: Array, count: int) -> Array:
    """The sums of so many equal runs of the last axis, in F."""
    own = parts.astype(object).reshape(*parts.shape[:-1], count, -1).sum(axis=-1) % P
    found: Array = own.astype(np.uint64)
    return found

