"""The prover's side of `Party.sumcheck`: tables that are folded round by round.

For tables of N = 2^n values in halves layout, one round costs O(N) products in E. The weight of the
remaining variables is a tensor product and is kept as two short tables.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.multilinear import suffix_tables
from proofward.field.rounds import bind_first, bind_last, next_message
from proofward.field.sums import SplitWeights, round_message
from proofward.proof.algebra import element
from proofward.proof.claims import RunningSum, Tables, Weights
from proofward.proof.forms import ZERO

Array = npt.NDArray[np.uint64]

_LOW_VARIABLES = 10


class Summation(RunningSum):
    """A running sumcheck over at most two products and a linear table."""

    def __init__(self, tables: Tables, weights: list[Weights]) -> None:
        size = 1 << len(weights)
        self._tables = tables
        for table in self._list():
            if table.shape != (2, size):
                raise ValueError(f"sumcheck table of shape {table.shape}, expected (2, {size})")
        self._bound: Array | None = None
        self._challenge: Ext | None = None
        split = max(0, len(weights) - _LOW_VARIABLES)
        self._high, self._low = suffix_tables(weights[1:split]), suffix_tables(weights[1:][-_LOW_VARIABLES:])
        self._variables = len(weights)

    def _remaining(self) -> SplitWeights:
        """The weights of the variables after the current one."""
        low = min(self._variables - 1, _LOW_VARIABLES)
        high = self._variables - 1 - low
        return SplitWeights(self._high[:, 1 << high : 2 << high], self._low[:, 1 << low : 2 << low])

    def message(self) -> tuple[Ext, Ext]:
        if self._bound is None:
            return round_message(self._tables.factors, self._tables.linear, self._remaining())
        pairs, challenge = len(self._tables.factors), self._challenge
        self._challenge = None
        return next_message(self._bound, 1 << self._variables, pairs, challenge, self._remaining())

    def bind(self, challenge: Ext) -> None:
        """The first variable is bound at once, the others together with the next message."""
        self._variables -= 1
        if self._bound is None:
            self._bound = bind_first(self._list(), challenge)
        elif self._variables:
            self._challenge = challenge
        else:
            bind_last(self._bound, challenge)

    def finals(self) -> tuple[list[tuple[Ext, Ext]], Ext]:
        tables = (
            self._list() if self._bound is None else list(self._bound.reshape(-1, 2, self._bound.shape[1]))
        )
        values = [element(table, 0) for table in tables]
        linear = ZERO if self._tables.linear is None else values.pop()
        return list(zip(values[::2], values[1::2], strict=True)), linear

    def _list(self) -> list[Array]:
        linear = self._tables.linear
        return [table for pair in self._tables.factors for table in pair] + (
            [] if linear is None else [linear]
        )
