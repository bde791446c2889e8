"""The forward and the backward pass of a batch through all layers, in exact integers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from proofward.layers.affine import AffineTrainer
from proofward.layers.bounds import LayerBounds
from proofward.layers.exact import FloatArray
from proofward.layers.model import FixedPoint, Int64Array
from proofward.layers.network import Network
from proofward.layers.shortcuts import Addends


@dataclass
class Forward:
    """values: what each layer of the chain reads. sums: of each, with all that joins them; the logits last.

    own: of every layer of a shortcut, by its index, the sums that it makes. All padded, (B, padded).
    """

    values: list[FloatArray]
    sums: list[Int64Array] = field(default_factory=list)
    own: dict[int, Int64Array] = field(default_factory=dict)


@dataclass
class Backward:
    """deltas, back_sums: by place, gradients of sums and of values; own: as in `Forward`, of back sums."""

    deltas: dict[int, FloatArray]
    back_sums: dict[int, Int64Array] = field(default_factory=dict)
    own: dict[int, Int64Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Passes:
    """A network with its layers in training."""

    model: Network
    scales: FixedPoint
    layers: Sequence[AffineTrainer]
    bounds: Sequence[LayerBounds]

    @cached_property
    def _sums(self) -> list[Addends]:
        return [self.model.joints.sums(at, self.scales.weight_bits) for at in range(self.model.depth)]

    @cached_property
    def _back_sums(self) -> list[Addends]:
        return [self.model.joints.back_sums(at, self.scales.weight_bits) for at in range(self.model.depth)]

    def forward(self, records: FloatArray) -> Forward:
        """Of padded records (B, padded)."""
        model, scales, done = self.model, self.scales, Forward([records])
        for place, addends in enumerate(self._sums):
            made = []
            for layer, shift in addends.layers:
                own = self.layers[layer].forward(
                    done.values[model.joints.reads(layer)], self.bounds[layer].inputs
                )
                if layer != place:
                    done.own[layer] = own
                made.append((own, shift))
            made += [(done.values[source].astype(np.int64), shift) for source, shift in addends.direct]
            done.sums.append(_added(made))
            if place < len(model.activations):
                values = model.activations[place].forward(done.sums[-1], model.rounding(scales, place))
                done.values.append(values.astype(np.float64))
        return done

    def backward(self, forward: Forward, gradients: FloatArray) -> Backward:
        """From the gradients of the logits, after the forward pass."""
        model, scales = self.model, self.scales
        done = Backward({model.depth - 1: gradients})
        for place in range(model.depth - 1, 0, -1):
            addends, made = self._back_sums[place], []
            for layer, shift in addends.layers:
                own = self.layers[layer].backward(
                    done.deltas[model.joints.joins(layer)], self.bounds[layer].output_gradients
                )
                if layer != place:
                    done.own[layer] = own
                made.append((own, shift))
            made += [(done.deltas[into].astype(np.int64), shift) for into, shift in addends.direct]
            total = done.back_sums[place] = _added(made)
            activation, below = model.activations[place - 1], forward.sums[place - 1]
            deltas = activation.backward(below, total, model.rounding(scales, place - 1))
            done.deltas[place - 1] = deltas.astype(np.float64)
        return done


def _added(parts: Sequence[tuple[Int64Array, int]]) -> Int64Array:
    """The sum of value * 2^shift. Every part is below 2^62 in magnitude, and so is the result (`bounds`)."""
    (total, shift), *others = parts
    if shift:
        total = total << shift
    for values, shift in others:
        total = total + (values << shift)
    return total
