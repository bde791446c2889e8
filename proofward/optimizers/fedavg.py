"""Federated averaging: the step is the weighted mean of the updates. It has no state.

Source: McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data, 2017.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from proofward.layers.rules.model import Int64Array
from proofward.optimizers.contract import ServerOptimizer, State


@dataclass(frozen=True)
class FedAvg(ServerOptimizer):
    """W' = clamp(W + D)."""

    name: ClassVar[str] = "fedavg"
    title: ClassVar[str] = "FedAvg"
    vectors: ClassVar[tuple[str, ...]] = ()
    ranges: ClassVar[Mapping[str, tuple[int, int]]] = {}

    def step(self, mean: Int64Array, state: State, bits: int) -> tuple[Int64Array, State]:
        """See ServerOptimizer."""
        return mean, ()

    def bounds(self, mean: int, bits: int) -> tuple[int, tuple[int, ...]]:
        """See ServerOptimizer."""
        return mean, ()
