"""LogUp lookups, summed by one GKR fraction tree.

What is proved: every looked-up value (or pair) is an entry of its table: sum_i 1 / (alpha - f_i) = sum_j m_j
/ (alpha - t_j), where f and t are
fingerprints first + beta second + beta^2 tag and m are committed multiplicities; this is one sum of fractions
that must be 0.
Message order: after the columns and multiplicities are committed: V alpha, beta; P the root's denominator;
then per level of the tree V lambda, a
sumcheck of the level's claims p + lambda q, P the four values below, V the choice of the half. At the leaves
both claims are forms.
Where it saves work, 2^a queries have a tree of their own whose leaves are all 1 / (alpha - f); P then says
both roots, and P_1 Q_2 + P_2 Q_1 = 0.
Soundness error: (queries + entries) / |E| for alpha and beta (a root denominator of 0 included), and 2 per
sumcheck round and 2 per level over |E|.
How it hides: every message is padded by the party. Source: Haboeck 2022/1530; Papini, Haboeck 2023/1284.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt

from proofward.field.extension import ext_add, ext_scale, ext_shift
from proofward.field.goldilocks import to_signed
from proofward.proof.algebra import element
from proofward.proof.errors import WitnessError
from proofward.proof.forms import ONE, ZERO, Column, Form, Point
from proofward.proof.leaves import Leaves, Level, Linear, Query, split_blocks
from proofward.proof.party import Party, Tables
from proofward.proof.tables import Table

__all__ = ["Linear", "LookupArgument", "Query"]

Array = npt.NDArray[np.uint64]


class LookupArgument:
    """Collects queries while columns are declared, declares the multiplicities, and proves all queries at
    once.
    """

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
            column = self._party.declare(
                f"multiplicities of {table.name}", table.log_size, partial(self._count, table)
            )
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
                    raise WitnessError(
                        f"{name}[{bad}]: looked-up value {first[bad]} is not in table {table.name}"
                    )
                counts += found
        return counts.astype(np.uint64)

    def prove(self) -> None:
        """Run the argument; every party."""
        with self._party.timed("lookups"):
            self._prove(self._party)

    def _prove(self, party: Party) -> None:
        alpha, beta = party.challenges(2)
        trees = [Leaves(blocks, alpha, beta) for blocks in split_blocks(self._queries, self._multiplicities)]
        roots: list[tuple[Form, Form]] = []
        levels: list[list[Level]] = []
        for tree in trees:
            party.soundness.add("lookups", "Haboeck 2022/1530, Lemma 3", 2 * (1 << tree.depth))
            party.soundness.add("fraction tree", "Papini, Haboeck 2023/1284", 2 * tree.depth)
            levels.append(tree.levels(party.values) if party.knows_witness else [])
        tops = [
            (element(own[0].numerators, 0), element(own[0].denominators, 0)) if own else (ZERO, ZERO)
            for own in levels
        ]
        if len(trees) == 1:
            roots = [(Form.of(0), party.send(tops[0][1]))]
        else:
            (p1, q1), (p2, q2) = tops
            left, right, first = party.send_product(p1, q2)
            other, last, second = party.send_product(p2, q1)
            party.assert_zero(first + second)
            roots = [(left, last), (other, right)]
        for tree, (numerator, denominator), own in zip(trees, roots, levels, strict=True):
            point: Point = ()
            for depth in range(tree.depth):
                below = own.pop(1) if own else None
                descend = _descend_to_ones if tree.only_ones and depth == tree.depth - 1 else _descend
                point, numerator, denominator = descend(party, point, numerator, denominator, below)
            at_numerator, at_denominator = tree.forms(party, point)
            party.assert_zero(numerator - at_numerator)
            party.assert_zero(denominator - at_denominator)


def _descend(
    party: Party, point: Point, numerator: Form, denominator: Form, below: Level | None
) -> tuple[Point, Form, Form]:
    """From claims on a level of a tree to claims on the level below: p = p0 q1 + p1 q0, q = q0 q1."""
    mix = party.challenge()

    def tables() -> Tables:
        assert below is not None
        (p0, p1), (q0, q1) = _halves(below.numerators), _halves(below.denominators)
        return Tables([(ext_add(p0, ext_scale(q0, mix)), q1), (p1, q0)])

    reduced = party.sumcheck(numerator + denominator * mix, [(ONE - r, r) for r in point], tables)
    (mixed, q1_value), (p1_value, q0_value) = reduced.factors
    mixed_form, q1, first = party.send_product(mixed, q1_value)
    p1, q0, second = party.send_product(p1_value, q0_value)
    party.assert_zero(reduced.claim - first - second)
    p0 = mixed_form - q0 * mix
    half = party.challenge()
    return (half, *reduced.point), p0 * (ONE - half) + p1 * half, q0 * (ONE - half) + q1 * half


def _descend_to_ones(
    party: Party, point: Point, numerator: Form, denominator: Form, below: Level | None
) -> tuple[Point, Form, Form]:
    """To leaves that are all 1 / q: p = q0 + q1, so p + lambda q = lambda (q0 + mu)(q1 + mu) - mu with mu = 1
    / lambda, one product.
    """
    mix = party.challenge()
    shift = mix.inverse()

    def tables() -> Tables:
        assert below is not None
        q0, q1 = (ext_shift(half, shift) for half in _halves(below.denominators))
        return Tables([(q0, q1)])

    claim = (numerator + denominator * mix + shift) * shift
    reduced = party.sumcheck(claim, [(ONE - r, r) for r in point], tables)
    left, right, product = party.send_product(*reduced.factors[0])
    party.assert_zero(reduced.claim - product)
    half = party.challenge()
    return (half, *reduced.point), Form.of(1), left * (ONE - half) + right * half - shift


def _halves(table: Array) -> tuple[Array, Array]:
    half = table.shape[1] // 2
    return table[:, :half], table[:, half:]
