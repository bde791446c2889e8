"""LogUp lookups, summed by one GKR fraction tree.

What is proved: every looked-up value (or pair) is an entry of its table:
    sum_i 1 / (alpha - f_i) = sum_j m_j / (alpha - t_j),
where f and t are fingerprints first + beta second + beta^2 tag, and m are committed multiplicities. This is
one sum of fractions that must be 0.

Message order, after the columns and multiplicities are committed:
    where the plan demands it, the prover's work (`grinding.py`)
    verifier: alpha, beta        prover: the root's denominator
    then for each level of the tree
        verifier: lambda         a sumcheck of the level's claims p + lambda q
        prover: the four values below
        verifier: the choice of the half
At the leaves both claims are forms. What is looked up is a combination of committed columns, or a virtual
column: a function of what is committed to, whose extension at the leaves' point is a hidden value that the
caller proves afterwards (`leaves.VirtualColumn`). The argument needs no more of a looked-up column than that
it is fixed before alpha and known at that one point.

Where it saves work, 2^a queries have a tree of their own whose leaves are all 1 / (alpha - f). The prover
then says both roots, P_1 Q_2 + P_2 Q_1 = 0, and both trees are descended together: after lambda the verifier
draws the weight of the second tree's claims, and one sumcheck serves both, until the smaller tree ends.

Soundness error: 2 (queries + entries) / |E| for alpha and beta (a root denominator of 0 included); 2 for each
sumcheck round, 2 for each level and 1 more where a level has two trees, over |E|.
How it hides: every message is padded by the party.
Source: Haboeck 2022/1530; Papini, Haboeck 2023/1284.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext, add_scaled
from proofward.field.narrow import Narrow, as_signed
from proofward.proof.algebra import element
from proofward.proof.claims import Parts, Summands
from proofward.proof.errors import WitnessError
from proofward.proof.forms import ONE, ZERO, Column, Form, Point, combination
from proofward.proof.grinding import challenges_behind_work
from proofward.proof.leaf_values import LeafValues, Level, MadeLevel, products
from proofward.proof.leaves import (
    Leaves,
    LinearCombination,
    Query,
    VirtualColumn,
    split_blocks,
    tree_depth,
)
from proofward.proof.party import Party, Tables
from proofward.proof.tables import Table

__all__ = ["LinearCombination", "LookupArgument", "Query", "VirtualColumn"]

Array = npt.NDArray[np.uint64]

LOOKUPS, LEAVES = "lookups", "leaves"  #: what is noted, see `Party.note`
_COUNTED = 1 << 24
"""Values that are counted at a time."""


class LookupArgument:
    """Collects queries while columns are declared, declares multiplicities, and proves all at once."""

    def __init__(self, party: Party) -> None:
        self._party = party
        self._queries: list[Query] = []
        self._multiplicities: list[tuple[Table, Column]] = []

    def query(
        self,
        table: Table,
        first: LinearCombination | VirtualColumn,
        second: LinearCombination | None = None,
    ) -> None:
        """Every entry of `first` (with the same entry of `second`) is in the table."""
        self._queries.append(Query(table, first, second))
        self._party.note(LOOKUPS, first.name, 1 << first.log_size)

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

    def multiplicities(self, table: Table) -> Column:
        """The column of a table in use, once it is declared."""
        return next(column for own, column in self._multiplicities if own is table)

    def _count(self, table: Table) -> Array:
        counts = np.zeros(table.first.size, dtype=np.int64)
        for query in self._queries:
            if query.table is table:
                first = query.first.narrow(self._party.narrow)
                second = None if query.second is None else query.second.narrow(self._party.narrow)
                bad = _add_counts(table, first, second, counts)
                if bad >= 0:
                    name, value = f"{query.first.name}[{bad}]", int(as_signed(first[bad : bad + 1])[0])
                    raise WitnessError(f"{name}: looked-up value {value} is not in table {table.name}")
        return counts.astype(np.uint64)

    def prove(self) -> None:
        """Run the argument; every party."""
        with self._party.timed("lookups"):
            self._prove(self._party)

    def _prove(self, party: Party) -> None:
        split = split_blocks(self._queries, self._multiplicities)
        alpha, beta = challenges_behind_work(
            party,
            2,
            source="lookups",
            theorem="Haboeck 2022/1530, Lemma 3",
            numerator=sum(2 << tree_depth(blocks) for blocks in split),
        )
        trees = [Leaves(blocks, alpha, beta) for blocks in split]
        depth = max(tree.depth for tree in trees)
        shared = min(tree.depth for tree in trees) if len(trees) > 1 else 0
        for tree in trees:
            party.note(LEAVES, "fraction trees", 1 << tree.depth)
        party.soundness.add("fraction tree", "Papini, Haboeck 2023/1284", 2 * depth + shared)
        leaves = [tree.values(party.narrow) if party.knows_witness else None for tree in trees]
        levels = [[] if own is None else tree.levels(own) for tree, own in zip(trees, leaves, strict=True)]
        nodes = _roots(party, [own.pop() if own else None for own in levels])
        point: Point = ()
        for tree, node in zip(trees, nodes, strict=True):
            if tree.depth == 0:
                _assert_leaves(party, tree, point, node)
        for level in range(depth):
            active = [index for index, tree in enumerate(trees) if level < tree.depth]
            steps = [
                _Step(
                    *nodes[index],
                    below=levels[index].pop() if levels[index] else leaves[index],
                    to_ones=trees[index].only_ones and level == trees[index].depth - 1,
                )
                for index in active
            ]
            point, below = _descend(party, point, steps)
            for index, node in zip(active, below, strict=True):
                nodes[index] = node
                if level == trees[index].depth - 1:
                    _assert_leaves(party, trees[index], point, node)


def _add_counts(table: Table, first: Narrow, second: Narrow | None, counts: npt.NDArray[np.int64]) -> int:
    """`Table.add_counts` of values as they are kept, some millions at a time."""
    for start in range(0, first.size, _COUNTED):
        piece = slice(start, start + _COUNTED)
        paired = None if second is None else as_signed(second[piece])
        bad = table.add_counts(as_signed(first[piece]), paired, counts)
        if bad >= 0:
            return start + bad
    return -1


def _assert_leaves(party: Party, tree: Leaves, point: Point, node: tuple[Form, Form]) -> None:
    """The claims on a tree's leaves are those of the columns and tables."""
    for claimed, known in zip(node, tree.forms(party, point), strict=True):
        party.assert_zero(claimed - known)


def _roots(party: Party, roots: list[Level | MadeLevel | None]) -> list[tuple[Form, Form]]:
    """(numerator, denominator) of every tree's root, proved to have the sum 0."""
    tops = [
        (element(root.numerators, 0), element(root.denominators, 0))
        if isinstance(root, Level)
        else (ZERO, ZERO)
        for root in roots
    ]
    if len(tops) == 1:
        return [(Form.of(0), party.send(tops[0][1]))]
    (p1, q1), (p2, q2) = tops
    left, right, first = party.send_product(p1, q2)
    other, last, second = party.send_product(p2, q1)
    party.assert_zero(first + second)
    return [(left, last), (other, right)]


@dataclass(frozen=True, slots=True)
class _Step:
    """The claims on one node of a tree, on the way to the level below it.

    p = p0 q1 + p1 q0 and q = q0 q1, so with a challenge lambda
        p + lambda q = (p0 + lambda q0) q1 + p1 q0,
    two products. Where the level below has leaves that are all 1 / q, p = q0 + q1, and one product does:
        p + lambda q = lambda (q0 + mu)(q1 + mu) - mu,   mu = 1 / lambda.
    """

    numerator: Form
    denominator: Form
    below: Level | MadeLevel | LeafValues | None
    to_ones: bool

    def claim(self, mix: Ext) -> Form:
        """The sum of the products of `factors`."""
        if not self.to_ones:
            return combination(ZERO, [(ONE, self.numerator), (mix, self.denominator)])
        mu = mix.inverse()
        return combination(mu * mu, [(mu, self.numerator), (ONE, self.denominator)])

    @property
    def products(self) -> int:
        return 1 if self.to_ones else 2

    def factors(self, mix: Ext) -> Tables | Parts:
        """A prover's tables; numerators are overwritten, as they are needed no more."""
        assert self.below is not None
        if isinstance(self.below, LeafValues) and self.to_ones:
            return self.below.shifted_product(mix.inverse())
        if not isinstance(self.below, Level):
            return products(self.below, mix)
        (p0, p1), (q0, q1) = _halves(self.below.numerators), _halves(self.below.denominators)
        add_scaled(p0, q0, mix)
        return Tables([(p0, q1), (p1, q0)])

    def say(self, party: Party, mix: Ext, values: list[tuple[Ext, Ext]]) -> tuple[Form, list[Form]]:
        """Say the factors' values; returns the sum of the products, and p0, p1, q0, q1."""
        first, second, product = party.send_product(*values[0])
        if self.to_ones:
            return product, [Form.of(1), Form.of(1), first - mix.inverse(), second - mix.inverse()]
        p1, q0, other = party.send_product(*values[1])
        p0 = combination(ZERO, [(ONE, first), (-mix, q0)])
        return product + other, [p0, p1, q0, second]


def _descend(party: Party, point: Point, steps: list[_Step]) -> tuple[Point, list[tuple[Form, Form]]]:
    """From claims on nodes of one or two trees at one point to claims on the level below, in one sumcheck.

    A second tree's sum is added with a challenge as its weight.
    """
    mix = party.challenge()
    weight = ONE if len(steps) == 1 else party.challenge()
    claims = [step.claim(mix) for step in steps]
    claim = claims[0] if len(claims) == 1 else combination(ZERO, [(ONE, claims[0]), (weight, claims[1])])

    def tables() -> Summands:
        own = [step.factors(mix) for step in steps]
        return own[0] if len(own) == 1 else [(ONE, own[0]), (weight, own[1])]

    reduced = party.sumcheck(claim, [(ONE - r, r) for r in point], tables)
    rest, below, done = [(ONE, reduced.claim)], [], 0
    for step in steps:
        own = [(ZERO, ZERO)] * step.products
        if party.knows_witness:
            own = reduced.factors[done : done + step.products]
        product, nodes = step.say(party, mix, own)
        rest.append((-weight if done else -ONE, product))
        done += step.products
        below.append(nodes)
    party.assert_zero(combination(ZERO, rest))
    half = party.challenge()
    return (half, *reduced.point), [
        (_between(p0, p1, half), _between(q0, q1, half)) for p0, p1, q0, q1 in below
    ]


def _between(zero: Form, one: Form, at: Ext) -> Form:
    """The value at a point of the line through two values."""
    return combination(ZERO, [(ONE - at, zero), (at, one)])


def _halves(table: Array) -> tuple[Array, Array]:
    half = table.shape[1] // 2
    return table[:, :half], table[:, half:]
