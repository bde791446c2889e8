"""LogUp lookups, summed by one GKR fraction tree.

What is proved: every looked-up value (or pair) is an entry of its table: sum_i 1 / (alpha - f_i) = sum_j m_j / (alpha - t_j), where f and t are
fingerprints first + beta second + beta^2 tag and m are committed multiplicities; this is one sum of fractions that must be 0.
Message order: after the columns and multiplicities are committed: V alpha, beta; P the root's denominator; then per level of the tree V lambda, a
sumcheck of the level's claims p + lambda q, P the four values below, V the choice of the half. At the leaves both claims are forms.
Soundness error: (queries + entries) / |E| for alpha and beta (a root denominator of 0 included), and 2 per sumcheck round and 2 per level over |E|.
How it hides: every message is padded by the party. Source: Haboeck 2022/1530; Papini, Haboeck 2023/1284.

Leaves are blocks of power-of-two length, the largest first, so a block's index is the high part of a leaf's index, and all blocks of one size
are claimed at the same point. Leaves behind the last block are 0 / 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext, ext_add, ext_scale, lift
from proofward.field.sums import fraction_level
from proofward.field.goldilocks import P, add, scale, sub, to_field, to_signed
from proofward.proof.algebra import element
from proofward.proof.errors import WitnessError
from proofward.proof.forms import ONE, Column, Form, Point
from proofward.proof.party import Party, Tables
from proofward.proof.tables import Table

Array = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Linear:
    """constant + sum of coefficient * column, over columns of one length."""

    terms: tuple[tuple[int, Column], ...]
    constant: int = 0

    @property
    def log_size(self) -> int:
        return self.terms[0][1].log_size

    def at(self, point: Point) -> Form:
        """Its multilinear extension."""
        form = Form.of(self.constant)
        for coefficient, column in self.terms:
            form = form + column.at(point) * coefficient
        return form

    def values(self, of: Callable[[Column], Array]) -> Array:
        """Its values as an F-array, given the columns'."""
        result = np.full(1 << self.log_size, self.constant % P, dtype=np.uint64)
        for coefficient, column in self.terms:
            values = of(column)
            result = add(result, values if coefficient == 1 else scale(values, coefficient % P))
        return result


@dataclass(frozen=True, slots=True)
class Query:
    """One lookup per entry of a column: `first`, and for tables of pairs `second`."""

    table: Table
    first: Linear
    second: Linear | None = None

    @property
    def log_size(self) -> int:
        return self.first.log_size


class LookupArgument:
    """Collects queries while columns are declared, declares the multiplicities, and proves all queries at once."""

    def __init__(self, party: Party) -> None:
        self._party = party
        self._queries: list[Query] = []
        self._multiplicities: list[tuple[Table, Column]] = []

    def query(self, table: Table, first: Linear, second: Linear | None = None) -> None:
        """Every entry of `first` (with the same entry of `second`) is in the table."""
        self._queries.append(Query(table, first, second))

    def declare_multiplicities(self) -> None:
        """Declare one column per table in use; call it after the last query and before the commitment."""
        tables = sorted({query.table for query in self._queries}, key=lambda table: table.tag)
        if len({table.tag for table in tables}) != len(tables):
            raise ValueError(f"tables share a tag: {[(table.name, table.tag) for table in tables]}")
        for table in tables:
            column = self._party.declare(f"multiplicities of {table.name}", table.log_size, lambda table=table: self._count(table))
            self._multiplicities.append((table, column))

    def _count(self, table: Table) -> Array:
        counts = np.zeros(table.first.size, dtype=np.int64)
        for query in self._queries:
            if query.table is table:
                first = to_signed(query.first.values(self._party.values))
                second = None if query.second is None else to_signed(query.second.values(self._party.values))
                found, bad = table.count(first, second)
                if bad >= 0:
                    name = query.first.terms[0][1].name
                    raise WitnessError(f"{name}[{bad}]: looked-up value {first[bad]} is not in table {table.name}")
                counts += found
        return counts.astype(np.uint64)

    def prove(self) -> None:
        """Run the argument; every party."""
        with self._party.timed("lookups"):
            self._prove(self._party)

    def _prove(self, party: Party) -> None:
        alpha, beta = party.challenges(2)
        leaves = _Leaves(self._queries, self._multiplicities, alpha, beta)
        party.soundness.add("lookups", "Haboeck 2022/1530, Lemma 3", 2 * (1 << leaves.depth))
        levels = leaves.levels(party.values) if party.knows_witness else None
        numerator, denominator = Form.of(0), party.send(element(levels[0][1], 0) if levels else None)
        point: Point = ()
        for depth in range(leaves.depth):
            below = levels[depth + 1] if levels else None
            point, numerator, denominator = _descend(party, point, numerator, denominator, below)
        party.soundness.add("fraction tree", "Papini, Haboeck 2023/1284", 2 * leaves.depth)
        at_numerator, at_denominator = leaves.forms(party, point)
        party.assert_zero(numerator - at_numerator)
        party.assert_zero(denominator - at_denominator)


def _descend(
    party: Party, point: Point, numerator: Form, denominator: Form, below: tuple[Array, Array] | None
) -> tuple[Point, Form, Form]:
    """From claims on a level of the tree to claims on the level below: p = p0 q1 + p1 q0, q = q0 q1."""
    mix = party.challenge()

    def tables() -> Tables:
        assert below is not None
        (p0, p1), (q0, q1) = (_halves(lift(table) if table.ndim == 1 else table) for table in below)
        return Tables([(ext_add(p0, ext_scale(q0, mix)), q1), (p1, q0)])

    reduced = party.sumcheck(numerator + denominator * mix, [(ONE - r, r) for r in point], tables)
    (mixed, q1_value), (p1_value, q0_value) = reduced.factors
    mixed_form, q1, first = party.send_product(mixed, q1_value)
    p1, q0, second = party.send_product(p1_value, q0_value)
    party.assert_zero(reduced.claim - first - second)
    p0 = mixed_form - q0 * mix
    half = party.challenge()
    return (half, *reduced.point), p0 * (ONE - half) + p1 * half, q0 * (ONE - half) + q1 * half


def _halves(table: Array) -> tuple[Array, Array]:
    half = table.shape[1] // 2
    return np.ascontiguousarray(table[:, :half]), np.ascontiguousarray(table[:, half:])


class _Leaves:
    """The leaves of the fraction tree: blocks of queries (numerator 1) and of table entries (numerator - multiplicity)."""

    def __init__(self, queries: Sequence[Query], tables: Sequence[tuple[Table, Column]], alpha: Ext, beta: Ext) -> None:
        self._alpha = alpha
        self._beta = beta
        blocks: list[Query | tuple[Table, Column]] = [*queries, *tables]
        self._blocks = sorted(blocks, key=lambda block: -_log_size(block))
        total = sum(1 << _log_size(block) for block in self._blocks)
        self.depth = (total - 1).bit_length()

    def forms(self, party: Party, point: Point) -> tuple[Form, Form]:
        """The leaves' multilinear extensions at a point: numerators, denominators."""
        numerator, denominator = Form.of(0), Form.of(1)
        start = 0
        tag_weight = self._beta * self._beta
        for block in self._blocks:
            size = _log_size(block)
            high, low = point[: self.depth - size], point[self.depth - size :]
            here = eq_index(high, start >> size)
            start += 1 << size
            constant = self._alpha - tag_weight * (block.table.tag if isinstance(block, Query) else block[0].tag)
            if isinstance(block, Query):
                fingerprint = block.first.at(low)
                if block.second is not None:
                    fingerprint = fingerprint + block.second.at(low) * self._beta
                numerator = numerator + here
            else:
                table, multiplicity = block
                first = party.public(lambda table=table, low=low: table.first_at(low))
                second = party.public(lambda table=table, low=low: table.second_at(low))
                fingerprint = Form.of(first + self._beta * second)
                numerator = numerator - multiplicity.at(low) * here
            # behind the last block denominators are 1, hence 1 + sum of eq(block) (value - 1)
            denominator = denominator + (Form.of(constant) - fingerprint - 1) * here
        return numerator, denominator

    def levels(self, values: Callable[[Column], Array]) -> list[tuple[Array, Array]]:
        """All levels of the tree, the root first; numerators of the leaves are over F."""
        size = 1 << self.depth
        p, q = np.zeros(size, dtype=np.uint64), np.zeros((2, size), dtype=np.uint64)
        start = 0
        for block in self._blocks:
            span = slice(start, start + (1 << _log_size(block)))
            start = span.stop
            if isinstance(block, Query):
                p[span] = 1
                second = None if block.second is None else block.second.values(values)
                self._fill(q[:, span], block.table, block.first.values(values), second)
            else:
                table, multiplicity = block
                p[span] = sub(np.zeros(1 << table.log_size, dtype=np.uint64), values(multiplicity))
                self._fill(q[:, span], table, to_field(table.first), None if table.second is None else to_field(table.second))
        q[0, start:] = 1
        levels: list[tuple[Array, Array]] = [(p, q)]
        while levels[-1][1].shape[1] > 1:
            levels.append(fraction_level(*levels[-1]))
        return levels[::-1]

    def _fill(self, q: Array, table: Table, first: Array, second: Array | None) -> None:
        """q = alpha - first - beta second - beta^2 tag."""
        constant = self._alpha - self._beta * self._beta * table.tag
        q[0] = sub(np.full(first.size, constant.c0, dtype=np.uint64), first)
        q[1] = constant.c1
        if second is not None:
            for plane, weight in ((0, self._beta.c0), (1, self._beta.c1)):
                q[plane] = sub(np.ascontiguousarray(q[plane]), scale(second, weight))


def _log_size(block: Query | tuple[Table, Column]) -> int:
    return block.log_size if isinstance(block, Query) else block[0].log_size


def eq_index(point: Point, index: int) -> Ext:
    """eq(point, bits of index), the most significant bit first."""
    value = ONE
    for i, coordinate in enumerate(point):
        value = value * (coordinate if index >> (len(point) - 1 - i) & 1 else ONE - coordinate)
    return value
