"""Witness of a local training: the exact sums of every step before they are rounded, stacked over steps.

Everything else that a proof commits to is a function of these sums: see the activations and the heads.
T = padded steps, B = batch, d = values of a sample in their padded layout. Arrays are C-contiguous. Units
that a layer does not have, and features that the records do not have, hold zeros.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from proofward.layers.activations.activation import HiddenTrace
from proofward.layers.affine_layers.saturated_weights import Stepped
from proofward.layers.heads.head import HeadTrace, Int32Array
from proofward.layers.local_training.passes import Backward, Forward
from proofward.layers.networks.network import Network


@dataclass(frozen=True)
class TrainingTrace:
    """The stacked witness: what the first layer reads, int32 (T, B, d_0), the hidden layers, the head.

    through: of every layer of a shortcut, by its index, the sums and back sums that it makes itself.
    stepped: of every layer whose weights saturate, by its index, what every step has made of them.
    """

    inputs: Int32Array
    hidden: tuple[HiddenTrace, ...]
    head: HeadTrace
    through: Mapping[int, HiddenTrace]
    stepped: Mapping[int, Stepped] = field(default_factory=dict)

    def record(self, at: int, forward: Forward, backward: Backward) -> None:
        """Step `at` of the hidden layers."""
        for place, own in enumerate(self.hidden):
            own.sums[at], own.back_sums[at] = forward.sums[place], backward.back_sums[place + 1]
        for layer, own in self.through.items():
            own.sums[at] = forward.own[layer]
            if layer in backward.own:
                own.back_sums[at] = backward.own[layer]

    @classmethod
    def allocate(
        cls, model: Network, steps: int, batch: int, saturating: Collection[int] = ()
    ) -> TrainingTrace:
        """Arrays for `steps` steps of `batch` samples, not yet filled; of some layers weights saturate."""
        stack = (steps, batch)
        return cls(
            inputs=np.empty((*stack, model.inputs.padded_size), dtype=np.int32),
            hidden=tuple(
                HiddenTrace(
                    np.empty((*stack, own.takes.padded_size), dtype=np.int64),
                    np.empty((*stack, own.gives.padded_size), dtype=np.int64),
                )
                for own in model.activations
            ),
            through={
                index: HiddenTrace(
                    np.empty((*stack, layer.gives.padded_size), dtype=np.int64),
                    np.zeros((*stack, layer.takes.padded_size), dtype=np.int64),
                )
                for index, layer in enumerate(model.layers)
                if index >= model.depth
            },
            head=HeadTrace(
                np.empty((*stack, model.head.takes.padded_size), dtype=np.int64),
                np.empty(stack, dtype=np.int32),
            ),
            stepped={
                index: Stepped(
                    np.empty((steps, *model.layers[index].weights.axes), dtype=np.int64),
                    np.empty((steps, *model.layers[index].biases.axes), dtype=np.int64),
                )
                for index in saturating
            },
        )
