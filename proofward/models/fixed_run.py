"""A training in the integers of a proved round, and how many of its values saturate or vanish in each layer.

The values are those of `layers.local_training.training`, step by step; nothing is proved. A hospital is
alone: after each round the weights are rounded to their scale and clamped, as a model of the federation is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from proofward.field.blas import one_thread
from proofward.layers.activations.relu import back_high_limb
from proofward.layers.arithmetic.rounding import rounded, rounded_back
from proofward.layers.basics.divisor import Divisor
from proofward.layers.local_training.trace import TrainingTrace
from proofward.layers.local_training.training import Trainer, is_small
from proofward.layers.networks.network import Network
from proofward.layers.rules.model import FixedPoint, Int64Array
from proofward.layers.rules.schedule import schedule
from proofward.models.calibration import HOSPITAL
from proofward.models.settings import Preset


@dataclass(frozen=True)
class Saturation:
    """Shares of the values of a layer, over all steps; each is 0 where the layer has no such values.

    sums: pre-activations above the range, or in the last layer records of which two logits differ by more
    than theirs. gradients: those of its inputs beyond their range. vanished: those of its inputs that are
    rounded to 0, of all that are not 0.
    """

    name: str
    sums: float
    gradients: float
    vanished: float


@dataclass(frozen=True)
class FixedRun:
    """The weights, flat int64 at scale fw, what saturated, and the share of weights that were clamped."""

    weights: Int64Array
    saturation: tuple[Saturation, ...]
    clamped: float


def fixed_run(
    setup: Preset,
    features: Int64Array,
    labels: Int64Array,
    first: Int64Array,
    drawn_from: Sequence[bytes],
    weight_limit: int,
) -> FixedRun:
    """Rounds of one hospital, one for each of the beacons in `drawn_from`.

    features int64 (n, d) and first int64 (parameters,) at the scales of `setup`. Raises TrainingError where
    bounds do not hold.
    """
    model, scales, training = setup.model, setup.scales, setup.training
    counts, clamped, weights = _Counts(model, scales), 0, first
    record = TrainingTrace.allocate(model, 1, training.batch)
    for beacon in drawn_from:
        trainer = Trainer(model, scales, training, len(labels), weights)
        batches = schedule(beacon, HOSPITAL, len(labels), training)
        with one_thread(is_small(model, training.batch)):
            for chosen in batches[: training.steps_for(len(labels))]:
                trainer.step(features[chosen], labels[chosen], record)
                counts.add(record)
        following = Divisor.of(model.finest).rounded(trainer.weights())
        clamped += int((np.abs(following) > weight_limit).sum())
        weights = following.clip(-weight_limit, weight_limit)
    return FixedRun(weights, counts.shares(), clamped / max(1, len(drawn_from) * model.parameters))


class _Counts:
    """Of each layer: (those that are counted, of how many) of sums, gradients, vanished."""

    def __init__(self, model: Network, scales: FixedPoint) -> None:
        self._model, self._scales = model, scales
        self._found = np.zeros((model.depth, 3, 2), dtype=np.int64)

    def add(self, record: TrainingTrace) -> None:
        """The values of one step."""
        model, last = self._model, self._model.depth - 1
        for at, (own, hidden) in enumerate(zip(model.activations, record.hidden, strict=True)):
            scales = model.rounding(self._scales, at)
            sums = rounded(own.takes.unpad(hidden.sums[0]), scales)
            self._count(at, 0, sums > scales.activation_limit, sums.size)
            back = own.gives.unpad(hidden.back_sums[0])
            self._count(at + 1, 1, np.abs(back_high_limb(back, scales)) > 1, back.size)
            lost = (back != 0) & (rounded_back(back, scales) == 0)
            self._count(at + 1, 2, lost, int((back != 0).sum()))
        logits = model.head.takes.unpad(record.head.sums[0])
        spread = rounded(logits.max(axis=-1) - logits.min(axis=-1), model.last_rounding(self._scales))
        self._count(last, 0, spread > 1 << self._scales.logit_range_bits, spread.size)

    def _count(self, layer: int, kind: int, hits: np.ndarray, of: int) -> None:
        self._found[layer, kind] += int(hits.sum()), of

    def shares(self) -> tuple[Saturation, ...]:
        """Over all steps so far."""
        hits, counts = self._found[..., 0], np.maximum(1, self._found[..., 1])
        return tuple(
            Saturation(self._model.name(at), *map(float, own)) for at, own in enumerate(hits / counts)
        )
