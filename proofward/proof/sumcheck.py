"""The prover's side of `Party.sumcheck`: tables that are folded round by round.

For tables of N = 2^n values in halves layout, one round costs O(N) products in E; the weight of the remaining
variables is a tensor product
and is kept as two short tables.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.multilinear import fold, tensor_table
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
        for table in [t for pair in tables.factors for t in pair] + (
            [] if tables.linear is None else [tables.linear]
        ):
            if table.shape != (2, size):
                raise ValueError(f"sumcheck table of shape {table.shape}, expected (2, {size})")
        self._factors = tables.factors
        self._linear = tables.linear
        self._weights = weights
        self._round = 0

    def _remaining(self) -> SplitWeights:
        rest = self._weights[self._round + 1 :]
        split = max(0, len(rest) - _LOW_VARIABLES)
        return SplitWeights(tensor_table(rest[:split]), tensor_table(rest[split:]))

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
        self._round += 1

    def finals(self) -> tuple[list[tuple[Ext, Ext]], Ext]:
        factors = [(element(f, 0), element(g, 0)) for f, g in self._factors]
        return factors, ZERO if self._linear is None else element(self._linear, 0)
