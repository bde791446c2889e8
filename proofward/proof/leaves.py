"""The leaves of the lookups' fraction trees.

Leaves are blocks of power-of-two length, the largest first, so a block's index is the high part of a leaf's
index, and all blocks of one size are claimed at the same point. Leaves behind the last block are 0 / 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.goldilocks import add, scale, shift, to_field
from proofward.field.memory import large_empty
from proofward.field.multilinear import eq_table
from proofward.field.narrow import Narrow, narrowed
from proofward.field.scalar import P
from proofward.field.threads import in_parts
from proofward.proof.algebra import element
from proofward.proof.claims import Range
from proofward.proof.forms import ONE, ZERO, Column, Form, Point, combination
from proofward.proof.leaf_values import LeafValues, Level, MadeLevel, Span, levels_above
from proofward.proof.parts import taken
from proofward.proof.party import Party
from proofward.proof.tables import Table

Array = npt.NDArray[np.uint64]

_OWN_TREE_FROM = 1 << 17
_TABLES_UP_TO = 8


@dataclass(frozen=True, slots=True)
class LinearCombination:
    """constant + sum of coefficient * column, over columns of one length."""

    terms: tuple[tuple[int, Column], ...]
    constant: int = 0

    @property
    def log_size(self) -> int:
        return self.terms[0][1].log_size

    @property
    def name(self) -> str:
        """That of its first column, for messages."""
        return self.terms[0][1].name

    def at(self, point: Point) -> Form:
        """Its multilinear extension."""
        terms = [(ONE * coefficient, column.at(point)) for coefficient, column in self.terms]
        return combination(ONE * self.constant, terms)

    def values(self, of: Callable[[Column], Array]) -> Array:
        """Its values as an F-array, given the columns'."""
        if len(self.terms) == 1 and self.terms[0][0] == 1 and self.constant == 0:
            return of(self.terms[0][1])
        result = None
        for coefficient, column in self.terms:
            values = of(column)
            own = values if coefficient == 1 else scale(values, coefficient % P)
            result = own if result is None else add(result, own)
        assert result is not None
        return shift(result, self.constant % P) if self.constant else result

    def part(self, of: Callable[[Column], Narrow], ranges: Sequence[Range]) -> Array:
        """The entries of some ranges, one after another, given the columns as they are kept."""
        return self.values(lambda column: taken(of(column), ranges))

    def narrow(self, of: Callable[[Column], Narrow]) -> Narrow:
        """`values` in the smallest integers, given the columns' so; a column alone is not copied."""
        if len(self.terms) == 1 and self.terms[0][0] == 1 and self.constant == 0:
            return of(self.terms[0][1])
        whole = large_empty(1 << self.log_size)

        def make(start: int, stop: int) -> None:
            whole[start:stop] = self.part(of, [(start, stop)])

        in_parts(make, whole.size)
        return narrowed(whole)


@dataclass(frozen=True, slots=True)
class VirtualColumn:
    """2^log_size values that are looked up without being committed to.

    They are fixed by what was committed to before the lookups' challenges. `entries` yields them as an
    F-array, a prover's. `extension` is called by every party, once, when the lookups have come to a point: it
    yields the multilinear extension there as a form. It may send hidden values, and whoever made the column
    must then prove what they are.
    """

    name: str
    log_size: int
    entries: Callable[[], Array]
    extension: Callable[[Point], Form]

    def at(self, point: Point) -> Form:
        """Its multilinear extension at the lookups' point."""
        return self.extension(point)

    def values(self, of: Callable[[Column], Array]) -> Array:
        """Its values as an F-array; a prover's."""
        del of
        return self.entries()

    def narrow(self, of: Callable[[Column], Narrow]) -> Narrow:
        """Its values in the smallest integers; a prover's."""
        return narrowed(self.values(of))


@dataclass(frozen=True, slots=True)
class Query:
    """One lookup per entry of a column: `first`, and for tables of pairs `second`."""

    table: Table
    first: LinearCombination | VirtualColumn
    second: LinearCombination | None = None

    @property
    def log_size(self) -> int:
        return self.first.log_size


Block = Query | tuple[Table, Column]


def split_blocks(queries: Sequence[Query], tables: Sequence[tuple[Table, Column]]) -> list[list[Block]]:
    """The blocks of one tree, or of two.

    Two are made where a tree of queries alone, of 2^a leaves, saves more than it costs. A leaf whose
    numerator is known to be 1 costs about half of another. In descending order of size, prefixes of blocks
    meet every power of two.
    """
    everything: list[Block] = [*queries, *tables]
    ordered = sorted(queries, key=lambda query: -query.log_size)
    total = sum(1 << query.log_size for query in ordered)
    if total < _OWN_TREE_FROM:
        return [everything]
    own = 1 << (total.bit_length() - 1)
    taken, count = 0, 0
    while taken < own:
        taken += 1 << ordered[count].log_size
        count += 1
    rest: list[Block] = [*ordered[count:], *tables]
    size_of_rest = sum(1 << _log_size(block) for block in rest)
    whole = total + sum(1 << table.log_size for table, _ in tables)
    if own // 2 + _padded(size_of_rest) >= _padded(whole):
        return [everything]
    return [list(ordered[:count]), rest]


def _padded(size: int) -> int:
    return 1 << (size - 1).bit_length()


def tree_depth(blocks: Sequence[Block]) -> int:
    """Levels of the tree of these blocks, its leaves padded to a power of two."""
    return (sum(1 << _log_size(block) for block in blocks) - 1).bit_length()


class Leaves:
    """The leaves of the fraction tree: blocks of queries and of table entries.

    A query's numerator is 1, a table entry's is minus its multiplicity.
    """

    def __init__(self, blocks: Sequence[Block], alpha: Ext, beta: Ext) -> None:
        self._alpha = alpha
        self._beta = beta
        self._blocks = sorted(blocks, key=lambda block: -_log_size(block))
        total = sum(1 << _log_size(block) for block in self._blocks)
        self.depth = tree_depth(blocks)
        self.only_ones = (
            self.depth > 0
            and total == 1 << self.depth
            and all(isinstance(block, Query) for block in self._blocks)
        )

    def forms(self, party: Party, point: Point) -> tuple[Form, Form]:
        """The leaves' multilinear extensions at a point: numerators, denominators."""
        # behind the last block denominators are 1, hence 1 + sum of eq(block) (value - 1)
        ones, constant = ZERO, ONE
        counts: list[tuple[Ext, Form]] = []
        fingerprints: list[tuple[Ext, Form]] = []
        start = 0
        tables: dict[int, Array] = {}
        tag_weight = self._beta * self._beta
        for block in self._blocks:
            size = _log_size(block)
            high, low = point[: self.depth - size], point[self.depth - size :]
            here = _eq_index(high, start >> size, tables)
            start += 1 << size
            tag = block.table.tag if isinstance(block, Query) else block[0].tag
            value = self._alpha - tag_weight * tag - 1
            if isinstance(block, Query):
                fingerprints.append((-here, block.first.at(low)))
                if block.second is not None:
                    fingerprints.append((-here * self._beta, block.second.at(low)))
                ones = ones + here
            else:
                table, multiplicity = block
                first = party.public(partial(table.first_at, low))
                second = party.public(partial(table.second_at, low))
                value = value - first - self._beta * second
                counts.append((-here, multiplicity.at(low)))
            constant = constant + value * here
        return combination(ones, counts), combination(constant, fingerprints)

    def values(self, of: Callable[[Column], Narrow]) -> LeafValues:
        """All leaves, a prover's, given the columns in the integers that they are kept in."""
        spans, start = [], 0
        for block in self._blocks:
            table = block.table if isinstance(block, Query) else block[0]
            stop = start + (1 << _log_size(block))
            constant = self._alpha - self._beta * self._beta * table.tag
            if isinstance(block, Query):
                second = None if block.second is None else block.second.narrow(of)
                spans.append(Span(start, stop, constant, block.first.narrow(of), second, None))
            else:
                second = None if table.second is None else narrowed(to_field(table.second))
                first = narrowed(to_field(table.first))
                spans.append(Span(start, stop, constant, first, second, of(block[1])))
            start = stop
        return LeafValues(spans, self.depth, self._beta)

    def levels(self, leaves: LeafValues) -> list[Level | MadeLevel]:
        """The levels above the leaves, the root last."""
        if self.depth == 0:
            return [Level(*leaves.nodes([(0, 1)]))]
        return levels_above(leaves, self.only_ones)


def _log_size(block: Block) -> int:
    return block.log_size if isinstance(block, Query) else block[0].log_size


def _eq_index(point: Point, index: int, tables: dict[int, Array]) -> Ext:
    """`eq_index` for prefixes of one point; of short ones the tables of all indices are kept."""
    if len(point) > _TABLES_UP_TO:
        return eq_index(point, index)
    if len(point) not in tables:
        tables[len(point)] = eq_table(point)
    return element(tables[len(point)], index)


def eq_index(point: Point, index: int) -> Ext:
    """eq(point, bits of index), the most significant bit first."""
    value = ONE
    for i, coordinate in enumerate(point):
        value = value * (coordinate if index >> (len(point) - 1 - i) & 1 else ONE - coordinate)
    return value
