"""Scales and ranges by what a sample's training reaches, and how much room they leave in each layer.

Float32 rounds on the sample, whose values do not saturate, show the largest pre-activations, gradients,
weights and logits. The ranges are the least powers of two with MARGIN bits above them. The scales are the
finest of CANDIDATES for which all bounds of a proved round hold; the learning rate stays what it was. What a
sample did not reach can still occur: it saturates, as always, and every proof stays valid.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from proofward.field.blas import one_thread
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.local_training.training import is_small
from proofward.layers.references.float_twin import Float32Array, train_float
from proofward.layers.rules.model import LARGEST_TABLE, MAX_WEIGHT_BITS, FixedPoint, Int64Array
from proofward.layers.rules.schedule import schedule
from proofward.models.settings import Preset

MARGIN = 2
"""Bits between the largest value seen and the range's end, at least."""
CANDIDATES = ((8, 12), (6, 10), (5, 10), (5, 9), (5, 8), (4, 8), (4, 7))
"""(activation_bits, gradient_bits), the finest first."""
HOSPITAL = "calibration"
"""Whose batches are drawn."""
_UNSEEN = 1 << 10
_MOST_TABLE_BITS = 20
"""Of calibrated scales, so that no small statement pays for a larger table."""


@dataclass(frozen=True)
class Reached:
    """Largest magnitudes in a layer, as real numbers; gradients are those of its inputs, 0 in the first.

    In the last layer, sums are differences of two logits, and there are no activations. Weights are those of
    all layers that join the sums.
    """

    name: str
    sums: float
    input_gradients: float
    weights: float
    activations: float = 0.0


@dataclass(frozen=True)
class Headroom:
    """Bits from the largest value seen to where it would saturate; negative where it does.

    sums: pre-activations, or in the last layer the differences of logits. activations: None in the last
    layer, input_gradients: None in the first. Any is infinite where nothing but zeros was seen.
    """

    name: str
    sums: float
    input_gradients: float | None
    weights: float
    activations: float | None = None


@dataclass(frozen=True)
class FloatRun:
    """A training in float32 whose values do not saturate: what it reached, and the flat weights it ends with.

    feature: the largest feature.
    """

    reached: tuple[Reached, ...]
    feature: float
    weights: Float32Array


def beacons(seed: bytes, rounds: int) -> list[bytes]:
    """What the batches of each round are drawn from: the seed itself, then its hashes."""
    return [hashlib.sha256(seed + bytes([at])).digest() if at else seed for at in range(rounds)]


def float_run(
    setup: Preset,
    inputs: Float32Array,
    labels: Int64Array,
    first: Float32Array,
    drawn_from: Sequence[bytes],
) -> FloatRun:
    """Rounds of one hospital on real features (n, d), one for each of the beacons in `drawn_from`."""
    model, wide = setup.model, unbounded(setup.scales)
    limit = wide.activation_limit / (1 << wide.activation_bits)
    largest = np.zeros((4, model.depth))
    spans = [slice(start, end) for start, _, end in model.offsets]
    joining = [[spans[own] for own in model.joints.joining(place)] for place in range(model.depth)]

    def observe(sums: Sequence[Float32Array], gradients: Sequence[Float32Array], flat: Float32Array) -> None:
        spread = sums[-1].max(axis=1) - sums[-1].min(axis=1)
        weights = [np.concatenate([flat[span] for span in own]) for own in joining]
        values = [
            own.real_values(below, limit) for own, below in zip(model.activations, sums[:-1], strict=True)
        ]
        none = np.zeros(1, np.float32)
        seen = [
            map(_largest, own) for own in ([*sums[:-1], spread], [none, *gradients], weights, [*values, none])
        ]
        np.maximum(largest, np.array([list(own) for own in seen]), out=largest)

    weights = first
    for beacon in drawn_from:
        batches = schedule(beacon, HOSPITAL, len(labels), setup.training)
        with one_thread(is_small(model, setup.training.batch)):
            update = train_float(
                model, wide, setup.training, weights, inputs, labels, batches, observe=observe
            )
        weights = weights + update
    found = tuple(Reached(model.name(at), *map(float, largest[:, at])) for at in range(model.depth))
    return FloatRun(found, _largest(inputs), weights)


def unbounded(scales: FixedPoint) -> FixedPoint:
    """The scales with ranges in which values of a float32 training do not saturate."""
    return replace(
        scales.alike,
        activation_range_bits=_MOST_TABLE_BITS,
        gradient_range_bits=_MOST_TABLE_BITS - 1,
        logit_range_bits=_MOST_TABLE_BITS,
        table_bits=_MOST_TABLE_BITS,
        weight_range_bits=0,
    )


def headroom(scales: FixedPoint, found: Sequence[Reached], weight_limit: int) -> tuple[Headroom, ...]:
    """Room in every layer; weight_limit as `RoundConfig.weight_limit`, at the weights' scale."""
    logits = (1 << scales.logit_range_bits) / (1 << scales.activation_bits)
    hidden = [scales.of_layer(at) for at in range(len(found) - 1)]
    ends = [*(own.real_limit for own in hidden), logits]
    gradients = [own.gradient_limit / (1 << scales.gradient_bits) for own in hidden]
    last = len(found) - 1
    return tuple(
        Headroom(
            own.name,
            _room(ends[at], own.sums),
            _room(gradients[at - 1], own.input_gradients) if at else None,
            _room(weight_limit / (1 << scales.weight_bits), own.weights),
            _room(ends[at], own.activations) if at < last else None,
        )
        for at, own in enumerate(found)
    )


def candidates(base: FixedPoint, found: Sequence[Reached], feature: float) -> Iterator[FixedPoint]:
    """Scales, the finest first, with ranges for what was reached and tables at least as large as before.

    A layer that reached less than another has ranges of its own; one that reached nothing has those of all,
    which are the largest of any layer and hold the features.

    Raises ConfigurationError where training did not stay finite.
    """
    values = [feature, *(value for own in found for value in (own.sums, own.input_gradients, own.weights))]
    if not all(map(math.isfinite, values)):
        raise ConfigurationError("learning_rate", "one with which training stays finite", "it diverges")
    sums = max([own.sums for own in found[:-1]], default=0.0)
    gradients = max(own.input_gradients for own in found)
    end = base.logit_range_bits - base.activation_bits
    for activation_bits, gradient_bits in CANDIDATES:
        # features reach half of the range, gradients saturate at three times theirs
        activations = activation_bits + max(_bits(sums) + MARGIN, _bits(feature) + 1)
        gradient_range = max(1, gradient_bits + _bits(gradients) + MARGIN - 1)
        table_bits = max(base.table_bits, activations, gradient_range + 1, activation_bits + end)
        weight_bits = activation_bits + gradient_bits + base.rate_shift
        if weight_bits <= MAX_WEIGHT_BITS and table_bits <= _MOST_TABLE_BITS:
            logits = activation_bits + end
            whole = FixedPoint(
                activation_bits,
                gradient_bits,
                weight_bits,
                max(2, activations),
                gradient_range,
                max(1, logits),
                table_bits,
            )
            own_ranges = [activation_bits + _bits(own.sums) + MARGIN for own in found[:-1]]
            own_gradients = [gradient_bits + _bits(own.input_gradients) + MARGIN - 1 for own in found[1:]]
            suggested = replace(
                whole,
                activation_ranges=_of_layers(own_ranges, 2, whole.activation_range_bits),
                gradient_ranges=_of_layers(own_gradients, 1, whole.gradient_range_bits),
            )
            yield _with_range_of_weights(suggested, base, len(found) - 1, _bits(feature) + 1)


def _with_range_of_weights(
    suggested: FixedPoint, base: FixedPoint, hidden: int, feature_bits: int
) -> FixedPoint:
    """Where weights have a range, the same one, and ranges of layers that end no earlier than before.

    Such ranges are as wide as bounds, which is what makes proofs cheap; narrower ones would not. That of the
    features is not wider than they need.
    """
    if not base.weight_range_bits:
        return suggested
    new, old = ([own.of_layer(at) for at in range(hidden)] for own in (suggested, base))
    values = suggested.activation_bits - base.activation_bits
    gradients = suggested.gradient_bits - base.gradient_bits
    pairs = list(zip(new, old, strict=True))
    return replace(
        suggested,
        activation_range_bits=max(2, suggested.activation_bits + feature_bits),
        activation_ranges=tuple(
            min(LARGEST_TABLE, max(own.activation_range_bits, before.activation_range_bits + values))
            for own, before in pairs
        ),
        gradient_ranges=tuple(
            min(LARGEST_TABLE - 1, max(own.gradient_range_bits, before.gradient_range_bits + gradients))
            for own, before in pairs
        ),
        weight_range_bits=suggested.weight_bits + base.weight_range_bits - base.weight_bits,
    )


def _of_layers(bits: Sequence[int], least: int, usual: int) -> tuple[int, ...]:
    """At least so many; as usual for layers of which nothing is known."""
    return tuple(max(least, own) if own > -_UNSEEN // 2 else usual for own in bits)


def _largest(values: Float32Array) -> float:
    return float(np.abs(values).max())


def _bits(value: float) -> int:
    """The least b with value < 2^b; far below everything for 0 (float32 ends at 2^-149)."""
    return math.frexp(value)[1] if value > 0 else -_UNSEEN


def _room(limit: float, value: float) -> float:
    return math.log2(limit / value) if value > 0 else math.inf
