"""The prover's side of `Party.sumcheck`: tables that are folded round by round.

For tables of N = 2^n values in halves layout, one round costs O(N) products in E. The weight of the
remaining variables is a tensor product and is kept as two short tables.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext, ext_scale
from proofward.field.memory import large_empty
from proofward.field.multilinear import fold, fold_into, suffix_tables
from proofward.field.rounds import bind_first, bind_last, next_message
from proofward.field.sums import SplitWeights, round_message
from proofward.field.threads import in_parts
from proofward.proof.algebra import element
from proofward.proof.claims import Parts, Range, RunningSum, Summands, Tables, Weights
from proofward.proof.forms import ONE, ZERO
from proofward.proof.last_rounds import last_rounds
from proofward.proof.transcript import Transcript

Array = npt.NDArray[np.uint64]

_LOW_VARIABLES = 10


_BOUND_AT_MOST = 1 << 25
"""Entries of a bound table; while more are left, a round makes the tables part by part as the first does."""

AT_ONCE_VARIABLES = 12
"""From so many variables on all rounds are run in one kernel, by one thread."""


def _suffixes(weights: list[Weights]) -> tuple[Array, Array]:
    """The tensor products of the last weights: of the upper variables, and of the lower ones."""
    split = max(0, len(weights) - _LOW_VARIABLES)
    return suffix_tables(weights[1:split]), suffix_tables(weights[1:][-_LOW_VARIABLES:])


class Summation(RunningSum):
    """A running sumcheck over products and a linear table."""

    def __init__(
        self,
        tables: Tables | Parts,
        weights: list[Weights],
        suffixes: tuple[Array, Array] | None = None,
    ) -> None:
        size = 1 << len(weights)
        self._source: _Whole | _ByParts = (
            _ByParts(tables) if isinstance(tables, Parts) else _Whole(tables, size)
        )
        if self._source.size != size:
            raise ValueError(f"sumcheck table of {self._source.size} entries, expected {size}")
        self._pairs = self._source.pairs
        self._bound: Array | None = None
        self._challenge: Ext | None = None
        self._high, self._low = _suffixes(weights) if suffixes is None else suffixes
        self._variables = len(weights)

    def _remaining(self) -> SplitWeights:
        """The weights of the variables after the current one."""
        low = min(self._variables - 1, _LOW_VARIABLES)
        high = self._variables - 1 - low
        return SplitWeights(self._high[:, 1 << high : 2 << high], self._low[:, 1 << low : 2 << low])

    def message(self) -> tuple[Ext, Ext]:
        if self._bound is None:
            return self._source.message(self._remaining())
        challenge, self._challenge = self._challenge, None
        return next_message(self._bound, 1 << self._variables, self._pairs, challenge, self._remaining())

    def bind(self, challenge: Ext) -> None:
        """Once tables are kept their first variable is bound at once, the others with the next message."""
        self._variables -= 1
        if self._bound is None:
            self._bound = self._source.bind(challenge)
        elif self._variables:
            self._challenge = challenge
        else:
            bind_last(self._bound, challenge)

    def rest(self) -> tuple[Array, Ext | None]:
        """The tables that are left as one matrix, and the challenge to which they are still to be bound."""
        if self._bound is None:
            return np.concatenate(self._source.tables()), None
        return self._bound[:, : (1 if self._challenge is None else 2) << self._variables], self._challenge

    def set_finals(self, bound: Array) -> None:
        """Take the tables with all variables bound."""
        self._bound, self._variables, self._challenge = bound, 0, None

    def finish(self, pads: Array, transcript: Transcript) -> tuple[Array, Array]:
        return _finish([(ONE, self)], pads, transcript)

    @property
    def pairs(self) -> int:
        return self._pairs

    @property
    def weights(self) -> tuple[Array, Array, int]:
        """As `last_rounds` takes them."""
        return self._high, self._low, _LOW_VARIABLES

    def finals(self) -> tuple[list[tuple[Ext, Ext]], Ext]:
        bound = self._bound
        tables = self._source.tables() if bound is None else list(bound.reshape(-1, 2, bound.shape[1]))
        values = [element(table, 0) for table in tables]
        linear = values.pop() if len(values) > 2 * self._pairs else ZERO
        return list(zip(values[::2], values[1::2], strict=True)), linear


class _Whole:
    """The first round of tables."""

    def __init__(self, tables: Tables, size: int) -> None:
        self._given = tables
        self.size, self.pairs = size, len(tables.factors)
        for table in self.tables():
            if table.shape != (2, size):
                raise ValueError(f"sumcheck table of shape {table.shape}, expected (2, {size})")

    def tables(self) -> list[Array]:
        linear = self._given.linear
        pairs = [table for pair in self._given.factors for table in pair]
        return pairs if linear is None else [*pairs, linear]

    def message(self, weights: SplitWeights) -> tuple[Ext, Ext]:
        return round_message(self._given.factors, self._given.linear, weights)

    def bind(self, challenge: Ext) -> Array:
        return bind_first(self.tables(), challenge)


class _ByParts:
    """The first rounds of tables that are made part by part: no table of the first round's length is kept.

    Until a bound table is small enough, a round makes all parts again and binds them as far as it is.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._challenges: list[Ext] = []
        self.size, self.pairs = parts.size, parts.pairs

    @property
    def _left(self) -> int:
        """Entries of a table, bound to all challenges."""
        return self.size >> len(self._challenges)

    def _part(self, ranges: list[Range]) -> list[tuple[Array, Array]]:
        """Some ranges of bound tables; every variable that is bound doubles the entries that are made."""
        blocks = range(0, self.size, self._left)
        pairs = self._parts.part([(at + start, at + stop) for at in blocks for start, stop in ranges])
        for challenge in self._challenges:
            pairs = [(fold(f, challenge), fold(g, challenge)) for f, g in pairs]
        return pairs

    def tables(self) -> list[Array]:
        return [table for pair in self._part([(0, self._left)]) for table in pair]

    def _each(self, use: Callable[[list[tuple[Array, Array]], int, int], None]) -> None:
        """Call use(pairs, start, stop) for parts start .. stop of both halves, one after the other."""
        half = self._left // 2

        def make(start: int, stop: int) -> None:
            use(self._part([(start, stop), (half + start, half + stop)]), start, stop)

        in_parts(make, half)

    def message(self, weights: SplitWeights) -> tuple[Ext, Ext]:
        sums: list[tuple[Ext, Ext]] = []
        block = weights.low.shape[1]

        def use(pairs: list[tuple[Array, Array]], start: int, stop: int) -> None:
            high = weights.high[:, start // block : stop // block]
            sums.append(round_message(pairs, None, SplitWeights(high, weights.low)))

        self._each(use)
        return sum((zero for zero, _ in sums), ZERO), sum((lead for _, lead in sums), ZERO)

    def bind(self, challenge: Ext) -> Array | None:
        """The bound tables, or None where they are too large to be kept."""
        if self._left // 2 > _BOUND_AT_MOST:
            self._challenges.append(challenge)
            return None
        bound = large_empty(4 * self.pairs, self._left // 2)

        def use(pairs: list[tuple[Array, Array]], start: int, stop: int) -> None:
            for i, table in enumerate(table for pair in pairs for table in pair):
                fold_into(table, challenge, bound[2 * i : 2 * i + 2, start:stop])

        self._each(use)
        return bound


class _Weighted(RunningSum):
    """Several running sums of one length, each with a weight: messages are linear."""

    def __init__(self, summands: list[tuple[Ext, Summation]]) -> None:
        self._summands = summands

    def message(self) -> tuple[Ext, Ext]:
        zero, lead = ZERO, ZERO
        for weight, summation in self._summands:
            own = summation.message()
            zero, lead = zero + own[0] * weight, lead + own[1] * weight
        return zero, lead

    def bind(self, challenge: Ext) -> None:
        for _, summation in self._summands:
            summation.bind(challenge)

    def finish(self, pads: Array, transcript: Transcript) -> tuple[Array, Array]:
        return _finish(self._summands, pads, transcript)

    def finals(self) -> tuple[list[tuple[Ext, Ext]], Ext]:
        factors = [pair for _, summation in self._summands for pair in summation.finals()[0]]
        return factors, ZERO


def _finish(
    summands: list[tuple[Ext, Summation]], pads: Array, transcript: Transcript
) -> tuple[Array, Array]:
    """All rounds that are left of summands of one length: what was sent, and the rest of the point.

    Where a summand has a weight, the first tables of its pairs are multiplied by it in the meantime.
    """
    matrices = []
    for weight, summation in summands:
        own, pending = summation.rest()
        matrices.append(own if weight == ONE else _scaled(own, weight))
    pairs = sum(summation.pairs for _, summation in summands)
    tables = np.ascontiguousarray(matrices[0] if len(matrices) == 1 else np.concatenate(matrices))
    found = last_rounds(tables, pairs, pending, summands[0][1].weights, pads, transcript)
    start = 0
    for (weight, summation), matrix in zip(summands, matrices, strict=True):
        bound = tables[start : start + len(matrix), :1].copy()
        start += len(matrix)
        summation.set_finals(bound if weight == ONE else _scaled(bound, weight.inverse()))
    return found


def _scaled(tables: Array, weight: Ext) -> Array:
    """The tables with the first of every pair multiplied by a weight; there is no linear table."""
    scaled = np.array(tables)
    for i in range(0, len(tables), 4):
        scaled[i : i + 2] = ext_scale(np.ascontiguousarray(tables[i : i + 2]), weight)
    return scaled


def running_sum(summands: Summands, weights: list[Weights]) -> RunningSum:
    """A prover's sumcheck over what it is given."""
    if isinstance(summands, list):
        suffixes = _suffixes(weights)
        return _Weighted([(weight, Summation(tables, weights, suffixes)) for weight, tables in summands])
    return Summation(summands, weights)
