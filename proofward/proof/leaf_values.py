"""The leaves of a fraction tree as a prover has them.

They are never laid out in one table: whoever needs leaves makes some thousands of them from the looked-up
values, uses them, and forgets them. The leaves are the largest level of a tree, and each is needed three
times only: for the level above them, for the first message of their sumcheck, and to bind its variable.
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
from proofward.field.sums import fill_denominators, fraction_level, ones_level
from proofward.field.threads import in_parts
from proofward.proof.claims import Parts, Range
from proofward.proof.forms import ZERO

Array = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a fraction tree: E-arrays."""

    numerators: Array
    denominators: Array


@dataclass(frozen=True, slots=True)
class Span:
    """The leaves start .. stop: 1, or minus the multiplicity, over constant - first - beta second."""

    start: int
    stop: int
    constant: Ext
    first: Array
    second: Array | None
    multiplicities: Array | None


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
                subtract_from(0, span.multiplicities[inside], out[0, target])
        return out

    def denominators(self, ranges: Sequence[Range], added: Ext = ZERO) -> Array:
        """Those of some ranges of leaves, one after another, each plus `added`."""
        out = np.empty((2, sum(stop - start for start, stop in ranges)), dtype=np.uint64)
        behind = added + 1
        filled = 0
        for span, inside, target in self._meets(ranges):
            out[0, filled : target.start], out[1, filled : target.start] = behind.c0, behind.c1
            filled = target.stop
            second = None if span.second is None else span.second[inside]
            fill_denominators(span.constant + added, self._beta, span.first[inside], second, out[:, target])
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

    def above(self, only_ones: bool) -> Level:
        """The level above the leaves."""
        half = self.size // 2
        level = Level(large_empty(2, half), large_empty(2, half))

        def make(start: int, stop: int) -> None:
            ranges = [(start, stop), (half + start, half + stop)]
            q = self.denominators(ranges)
            made = ones_level(q) if only_ones else fraction_level(self.numerators(ranges), q)
            level.numerators[:, start:stop], level.denominators[:, start:stop] = made

        in_parts(make, half)
        return level

    def products(self, mix: Ext) -> Parts:
        """The factors (p0 + mix q0) q1 and p1 q0."""

        def part(ranges: Sequence[Range]) -> list[tuple[Array, Array]]:
            upper = self._upper(ranges)
            p0, q0 = self.numerators(ranges), self.denominators(ranges)
            add_scaled(p0, q0, mix)
            return [(p0, self.denominators(upper)), (self.numerators(upper), q0)]

        return Parts(self.size // 2, 2, part)

    def shifted_product(self, added: Ext) -> Parts:
        """The factors of (q0 + added) (q1 + added)."""

        def part(ranges: Sequence[Range]) -> list[tuple[Array, Array]]:
            return [(self.denominators(ranges, added), self.denominators(self._upper(ranges), added))]

        return Parts(self.size // 2, 1, part)

    def _upper(self, ranges: Sequence[Range]) -> list[Range]:
        half = self.size // 2
        return [(half + start, half + stop) for start, stop in ranges]
