"""The prover's side of `Party.sumcheck`: tables that are folded round by round.

For tables of N = 2^n values in halves layout, one round costs O(N) products in E; the weight of the remaining
variables is a tensor product
and is kept as two short tables.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.multilinear import fold, suffix_tables
from proofward.field.sums import SplitWeights, round_message
from proofward.proof.algebra import element
from proofward.proof.forms import ZERO
from proofward.proof.party import Tables, Weights, _Summation

Array = npt.NDArray[np.uint64]

_LOW_VARIABLES = 10


class Summation(_Summation):
    """A running sumcheck over at most two products and a linear table."""

    def __init__(self, tables: Tables, weights: list[Weights]) -> None:
        size = 1 << len(weights)
        for table in [t for pair in tables.factors for t in pair] + (
            [] if tables.linear is None else [tables.linear]
        ):
            if table.shape != (2, size):
                raise ValueError(f"sumcheck table of shape {table.shape}, expected (2, {size})")
        self._factors = tables.factors
        self._linear = tables.linear
        split = max(0, len(weights) - _LOW_VARIABLES)
        self._high, self._low = suffix_tables(weights[1:split]), suffix_tables(weights[1:][-_LOW_VARIABLES:])
        self._variables = len(weights)

    def _remaining(self) -> SplitWeights:
        """The weights of the variables after the current one."""
        low = min(self._variables - 1, _LOW_VARIABLES)
        high = self._variables - 1 - low
        return SplitWeights(self._high[:, 1 << high : 2 << high], self._low[:, 1 << low : 2 << low])

    def message(self) -> tuple[Ext, Ext]:
        return round_message(self._factors, self._linear, self._remaining())

    def bind(self, challenge: Ext) -> None:
        cache: dict[int, Array] = {}

        def folded(table: Array) -> Array:
            if id(table) not in cache:
                cache[id(table)] = fold(table, challenge)
            return cache[id(table)]

        self._factors = [(folded(f), folded(g)) for f, g in self._factors]
        self._linear = None if self._linear is None else folded(self._linear)
        self._variables -= 1

    def finals(self) -> tuple[list[tuple[Ext, Ext]], Ext]:
        factors = [(element(f, 0), element(g, 0)) for f, g in self._factors]
        return factors, ZERO if self._linear is None else element(self._linear, 0)
