"""The forward pass of a network in real numbers, of whatever floating-point type the weights are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from proofward.layers.affine_layers.affine import RealArray
from proofward.layers.networks.network import Network
from proofward.layers.rules.model import FixedPoint

Parts = Sequence[tuple[RealArray, RealArray]]


def real_forward(
    model: Network,
    parts: Parts,
    records: RealArray,
    scales: FixedPoint | None,
    kept: Callable[[RealArray], RealArray] = lambda values: values,
) -> tuple[dict[int, RealArray], list[RealArray]]:
    """What layers read, by place, and sums of the chain, the logits last; of records (n, size).

    parts: weights and biases of all layers; scales: where hidden values end, None for
    nowhere. Every array is `kept`, in another type where that is wanted.
    """
    values, sums = model.record.whole_parts(records), list[RealArray]()
    for place in range(model.depth):
        addends = model.joints.sums(place, 0)
        made = [
            kept(model.layers[own].real_sums(*parts[own], values[model.joints.reads(own)]))
            for own, _ in addends.layers
        ]
        sums.append(added([*made, *(values[source] for source, _ in addends.direct)]))
        if place < len(model.activations):
            limit = math.inf if scales is None else scales.of_layer(place).real_limit
            values[place + 1] = kept(model.activations[place].real_values(sums[-1], limit))
    return values, sums


def added(parts: Sequence[RealArray]) -> RealArray:
    """Their sum, in order."""
    total = parts[0]
    for own in parts[1:]:
        total = total + own
    return total
