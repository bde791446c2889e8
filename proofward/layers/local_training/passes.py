"""The forward and the backward pass of a batch through all layers, in exact integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from proofward.layers.affine_layers.affine import AffineTrainer
from proofward.layers.arithmetic.exact import FloatArray
from proofward.layers.networks.bounds import LayerBounds
from proofward.layers.networks.network import Network
from proofward.layers.networks.shortcuts import Addends
from proofward.layers.rules.model import FixedPoint, Int64Array


@dataclass
class Forward:
    """values: by place, what layers read. sums: of the chain, with all that joins them; the logits last.

    own: of every layer of a shortcut, by its index, the sums that it makes. All padded, (B, padded).
    """

    values: dict[int, FloatArray]
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

    @cached_property
    def _rounding(self) -> list[FixedPoint]:
        return [self.model.rounding(self.scales, at) for at in range(len(self.model.activations))]

    def forward(self, records: FloatArray) -> Forward:
        """Of records (B, features)."""
        joints, done = self.model.joints, Forward(self.model.record.parts(records))

        def made(layer: int) -> Int64Array:
            values = done.values[joints.reads(layer)]
            return self.layers[layer].forward(values, self.bounds[layer].inputs)

        for place, addends in enumerate(self._sums):
            done.sums.append(_joined(place, addends, made, done.values, done.own))
            if place < len(self._rounding):
                activation = self.model.activations[place]
                values = activation.forward(done.sums[-1], self._rounding[place])
                done.values[place + 1] = values.astype(np.float64)
        return done

    def backward(self, forward: Forward, gradients: FloatArray) -> Backward:
        """From the gradients of the logits, after the forward pass."""
        joints, last = self.model.joints, self.model.depth - 1
        done = Backward({last: gradients})

        def made(layer: int) -> Int64Array:
            deltas = done.deltas[joints.joins(layer)]
            return self.layers[layer].backward(deltas, self.bounds[layer].output_gradients)

        for place in range(last, 0, -1):
            total = _joined(place, self._back_sums[place], made, done.deltas, done.own)
            done.back_sums[place] = total
            activation, below = self.model.activations[place - 1], forward.sums[place - 1]
            deltas = activation.backward(below, total, self._rounding[place - 1])
            done.deltas[place - 1] = deltas.astype(np.float64)
        return done


def _joined(
    place: int,
    addends: Addends,
    made: Callable[[int], Int64Array],
    direct: Mapping[int, FloatArray],
    own: dict[int, Int64Array],
) -> Int64Array:
    """What layers make and what is direct, added up; what projections make is kept in `own`."""
    parts = []
    for layer, factor in addends.layers:
        sums = made(layer)
        if layer != place:
            own[layer] = sums
        parts.append((sums, factor))
    parts += [(direct[at].astype(np.int64), factor) for at, factor in addends.direct]
    return _added(parts)


def _added(parts: Sequence[tuple[Int64Array, int]]) -> Int64Array:
    """The sum of value * factor. Every part is below 2^62 in magnitude, and so is the result (`bounds`)."""
    (total, factor), *others = parts
    if factor != 1:
        total = total * factor
    for values, factor in others:
        total = total + values * factor
    return total
