"""The leaves of a fraction tree and the levels above them, as a prover has them.

Leaves are never laid out in one table: whoever needs them makes some thousands from the looked-up values,
uses them, and forgets them. The leaves are the largest level of a tree, and each is needed three times only:
for the level above them, for the first message of their sumcheck, and to bind its variable.

The largest levels above them are not laid out either (`MadeLevel`). So what a tree takes is bounded, however
many leaves it has: 32 bytes for each node of the levels that are kept, which are twice `_KEPT_NODES` at most.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext, add_scaled
from proofward.field.goldilocks import subtract_from
from proofward.field.memory import large_empty
from proofward.field.narrow import Narrow, widened
from proofward.field.sums import fill_denominators, fraction_level, ones_level
from proofward.field.threads import in_parts
from proofward.proof.claims import Parts, Range
from proofward.proof.forms import ZERO

Array = npt.NDArray[np.uint64]


_KEPT_NODES = 1 << 25
"""Levels of at most so many nodes are kept; larger ones are made again from the leaves."""


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a fraction tree that is kept: E-arrays."""

    numerators: Array
    denominators: Array


@dataclass(frozen=True, slots=True)
class Span:
    """The leaves start .. stop: 1, or minus the multiplicity, over constant - first - beta second."""

    start: int
    stop: int
    constant: Ext
    first: Narrow
    second: Narrow | None
    multiplicities: Narrow | None


class LeafValues:
    """All leaves of one tree, 2^depth; those behind the last span are 0 / 1."""

    def __init__(self, spans: Sequence[Span], depth: int, beta: Ext) -> None:
        self._spans = spans
        self._starts = [span.start for span in spans]
        self._beta = beta
        self.size = 1 << depth

    def numerators(self, ranges: Sequence[Range]) -> Array:
        """Those of some ranges of leaves, one after another."""
        out = np.zeros((2, sum(stop - start for start, stop in ranges)), dtype=np.uint64)
        for span, inside, target in self._meets(ranges):
            if span.multiplicities is None:
                out[0, target] = 1
            else:
                subtract_from(0, widened(span.multiplicities[inside]), out[0, target])
        return out

    def denominators(self, ranges: Sequence[Range], added: Ext = ZERO) -> Array:
        """Those of some ranges of leaves, one after another, each plus `added`."""
        out = np.empty((2, sum(stop - start for start, stop in ranges)), dtype=np.uint64)
        behind = added + 1
        filled = 0
        for span, inside, target in self._meets(ranges):
            out[0, filled : target.start], out[1, filled : target.start] = behind.c0, behind.c1
            filled = target.stop
            first = widened(span.first[inside])
            second = None if span.second is None else widened(span.second[inside])
            fill_denominators(span.constant + added, self._beta, first, second, out[:, target])
        out[0, filled:], out[1, filled:] = behind.c0, behind.c1
        return out

    def _meets(self, ranges: Sequence[Range]) -> list[tuple[Span, slice, slice]]:
        """Which part of a span lies where in the ranges, in ascending order of the latter."""
        found, offset = [], 0
        for start, stop in ranges:
            for span in self._spans[max(0, bisect_right(self._starts, start) - 1) :]:
                if span.start >= stop:
                    break
                first, last = max(start, span.start), min(stop, span.stop)
                if first < last:
                    inside = slice(first - span.start, last - span.start)
                    target = slice(offset + first - start, offset + last - start)
                    found.append((span, inside, target))
            offset += stop - start
        return found

    def nodes(self, ranges: Sequence[Range]) -> tuple[Array, Array]:
        """Numerators and denominators of some ranges of leaves, one after another."""
        return self.numerators(ranges), self.denominators(ranges)

    def shifted_product(self, added: Ext) -> Parts:
        """The factors of (q0 + added) (q1 + added)."""
        half = self.size // 2

        def part(ranges: Sequence[Range]) -> list[tuple[Array, Array]]:
            return [(self.denominators(ranges, added), self.denominators(_shifted(ranges, half), added))]

        return Parts(half, 1, part)


class MadeLevel:
    """The level above another, made again from it wherever some of its nodes are needed."""

    def __init__(self, below: LeafValues | MadeLevel, only_ones: bool) -> None:
        """only_ones: of leaves that are all 1 / q."""
        self._below = below
        self._only_ones = only_ones
        self.size: int = below.size // 2

    def nodes(self, ranges: Sequence[Range]) -> tuple[Array, Array]:
        """Numerators and denominators of some ranges of nodes, one after another."""
        both = [*ranges, *_shifted(ranges, self.size)]
        if self._only_ones and isinstance(self._below, LeafValues):
            return ones_level(self._below.denominators(both))
        return fraction_level(*self._below.nodes(both))

    def whole(self) -> Level:
        """All of it."""
        level = Level(large_empty(2, self.size), large_empty(2, self.size))

        def make(start: int, stop: int) -> None:
            level.numerators[:, start:stop], level.denominators[:, start:stop] = self.nodes([(start, stop)])

        in_parts(make, self.size)
        return level


def levels_above(leaves: LeafValues, only_ones: bool) -> list[Level | MadeLevel]:
    """The levels above two leaves or more, the root last."""
    made = [MadeLevel(leaves, only_ones)]
    while made[-1].size > _KEPT_NODES:
        made.append(MadeLevel(made[-1], only_ones=False))
    kept = [made.pop().whole()]
    while kept[-1].denominators.shape[1] > 1:
        kept.append(Level(*fraction_level(kept[-1].numerators, kept[-1].denominators)))
    return [*made, *kept]


def most_nodes(leaves: int) -> int:
    """Of all levels of a tree that are kept, 32 bytes each, by its leaves."""
    return min(leaves, 2 * _KEPT_NODES)


def products(level: LeafValues | MadeLevel, mix: Ext) -> Parts:
    """The factors (p0 + mix q0) q1 and p1 q0 of the level above a level that is not kept."""
    half = level.size // 2

    def part(ranges: Sequence[Range]) -> list[tuple[Array, Array]]:
        p, q = level.nodes([*ranges, *_shifted(ranges, half)])
        cut = p.shape[1] // 2
        p0, q0 = p[:, :cut], q[:, :cut]
        add_scaled(p0, q0, mix)
        return [(p0, q[:, cut:]), (p[:, cut:], q0)]

    return Parts(half, 2, part)


def _shifted(ranges: Sequence[Range], by: int) -> list[Range]:
    return [(by + start, by + stop) for start, stop in ranges]
