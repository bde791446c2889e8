"""Calibration of fixed point by a sample: room in every layer, what saturates, how near to float it stays.

Three trainings of one hospital on the sample start from the same first weights and see the same batches: in
float32, whose values do not saturate; in fixed point with today's scales; and with those that are suggested.
Suggested are the finest candidates whose rounds can be proved and cost at most MOST_COST times today's, else
the cheapest; with ranges of their own for hidden layers where that costs less than one range for all. Loss
and accuracy are those on the sample itself: they compare arithmetics, not models.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from proofward.data.reading.records import Records, to_fixed_point
from proofward.layers.basics.errors import ConfigurationError, TrainingError
from proofward.layers.networks.initial_weights import initial_weights
from proofward.layers.references.float_twin import Float32Array, real_features, real_weights
from proofward.layers.references.float_twin import scores as float_scores
from proofward.layers.rules.model import FixedPoint, Int64Array
from proofward.models.calibration import (
    FloatRun,
    Headroom,
    Reached,
    beacons,
    candidates,
    float_run,
    headroom,
    unbounded,
)
from proofward.models.costs.inspection import Inspection, inspect
from proofward.models.fixed_run import Saturation, fixed_run
from proofward.models.settings import Preset
from proofward.relations.proofs.measure import check_provable
from proofward.relations.rules.config import RoundConfig
from proofward.report.calibration_usual import LEAST_RECORDS, MOST_BEYOND, MOST_COST, ROUNDS
from proofward.report.figures.scores import MOST_VALUES, loss, real_scores, taken

FINE = FixedPoint(activation_bits=10, activation_range_bits=20, table_bits=20)
"""The scales at which features of the float32 training are read: multiples of 1/1024 up to 512."""
SEED = b"proofward/calibration/v1"


@dataclass(frozen=True)
class Measured:
    """One choice of scales.

    saturation: shares by layer; features and weights: shares that are clipped to their ranges. features_room:
    whole bits from the largest feature to the end of its range, None for zeros. accuracy, loss and agreement:
    of the fixed-point model on the sample; agreement with the decisions of the float32 model.
    inspection: what a round costs a hospital with as many records as the sample has.
    """

    scales: FixedPoint
    rules: RoundConfig
    headroom: tuple[Headroom, ...]
    saturation: tuple[Saturation, ...]
    features: float
    features_room: int | None
    weights: float
    accuracy: float
    loss: float
    agreement: float
    inspection: Inspection

    @property
    def prove_seconds(self) -> float:
        """Predicted processor time of a round's proof."""
        return _seconds(self.inspection)

    def problems(self, percent: float = MOST_BEYOND) -> Iterator[str]:
        """What saturates more than it may, in words.

        Logits are left out: beyond their range a probability is 0 or 1 in either arithmetic.
        """
        share = percent / 100
        if self.features > share:
            yield f"features: {self.features:.2%} are clipped to the range of inputs"
        for at, own in enumerate(self.saturation):
            if at < len(self.saturation) - 1 and own.sums > share:
                yield f"{own.name}: {own.sums:.2%} of the pre-activations are beyond the range"
            if own.gradients > share:
                yield f"{own.name}: {own.gradients:.2%} of the gradients of its inputs are beyond the range"
        for room in self.headroom:
            if room.weights < 0:
                yield f"{room.name}: weights outgrow the limit to which every model is clamped"


@dataclass(frozen=True)
class Calibration:
    """What a sample's training says of scales.

    Attributes:
        rows: How many records the sample has.
        rounds: How many rounds were trained.
        steps: How many steps a round has.
        reached: The largest values of the float32 training.
        float_accuracy: The accuracy of the float32 training on the sample.
        float_loss: The mean cross-entropy of the float32 training.
        today: What the scales come to that are set.
        suggested: What others come to. None where no candidate will do.
        reason: Why there is none.
    """

    rows: int
    rounds: int
    steps: int
    reached: tuple[Reached, ...]
    float_accuracy: float
    float_loss: float
    today: Measured
    suggested: Measured | None
    reason: str = ""

    @property
    def nearer(self) -> bool:
        """Whether the loss of the suggested scales is nearer to that of float32 than today's."""
        if self.suggested is None:
            return False
        return abs(self.suggested.loss - self.float_loss) < abs(self.today.loss - self.float_loss)


def calibrate(
    setup: Preset,
    features: NDArray[np.float64],
    labels: Int64Array,
    *,
    rounds: int = ROUNDS,
    seed: bytes = SEED,
) -> Calibration:
    """What a sample says of scales, for three hospitals of which one may collude.

    Args:
        setup: The network, its scales and its training.
        features: Real numbers (n, d), scaled as the network takes them.
        labels: The number of each record's class, int64 (n,).
        rounds: How many rounds to train.
        seed: The first model and the batches follow from it.

    Raises:
        TrainingError: No round of `setup` can be proved, or the sample has too few records.
    """
    return Sample(
        setup,
        lambda scales: Records(to_fixed_point(features, scales), labels),
        rounds=rounds,
        seed=seed,
    ).calibration()


def usual_rules(setup: Preset) -> RoundConfig:
    """Rules of three hospitals of whom one may collude; raises TrainingError."""
    rules = RoundConfig(setup.model, setup.scales, setup.training, setup.clip_bound, 3, 1)
    for rows in {rules.least_rows, rules.most_rows}:
        check_provable(rules, rows)
    return rules


@dataclass(frozen=True)
class Sample:
    """A network with its training, and records that are read anew for each choice of scales.

    rules_of: the rules of a setup; it raises TrainingError where no round of them can be proved. first: first
    weights at the scales of `setup`, None for such as the seed draws; with them the weights' scale stays.
    largest_feature: what features may be besides those of the sample.
    """

    setup: Preset
    read: Callable[[FixedPoint], Records]
    rules_of: Callable[[Preset], RoundConfig] = usual_rules
    first: Int64Array | None = None
    largest_feature: float = 0.0
    rounds: int = ROUNDS
    seed: bytes = SEED

    def calibration(self, suggest: bool = True) -> Calibration:
        """Of today's scales, and of others if `suggest`; raises TrainingError, see `calibrate`."""
        fine = self.read(FINE)
        if len(fine) < LEAST_RECORDS:
            raise ConfigurationError("records of the sample", f"at least {LEAST_RECORDS}", len(fine))
        real, scales = real_features(fine.features, FINE), self.setup.scales
        first = real_weights(self._first_weights(scales), scales)
        drawn = beacons(self.seed, self.rounds)
        reference = _Reference(real, float_run(self.setup, real, fine.labels, first, drawn), self.setup)
        today = self._measured(self.setup, self.rules_of(self.setup), reference)
        chosen, reason = self._suggested(today, reference.run) if suggest else (None, "")
        return Calibration(
            rows=len(fine),
            rounds=self.rounds,
            steps=self.setup.training.steps_for(len(fine)),
            reached=reference.run.reached,
            float_accuracy=float((taken(reference.scores) == fine.labels).mean()),
            float_loss=loss(reference.scores, fine.labels),
            today=today,
            suggested=None if chosen is None else self._measured(*chosen, reference),
            reason=reason,
        )

    def _first_weights(self, scales: FixedPoint) -> Int64Array:
        if self.first is not None:
            return self.first
        return initial_weights(self.setup.model, scales, self.seed)

    def _measured(self, setup: Preset, rules: RoundConfig, reference: _Reference) -> Measured:
        scales, records = setup.scales, self.read(setup.scales)
        drawn, first = beacons(self.seed, self.rounds), self._first_weights(scales)
        limit = rules.weight_limit
        run = fixed_run(setup, records.features, records.labels, first, drawn, limit)
        found = real_scores(setup.model, scales, run.weights, records)
        low, high = (end / (1 << scales.activation_bits) for end in scales.input_range)
        outside = (reference.features < low) | (reference.features > high)
        decided = taken(found)
        return Measured(
            scales=scales,
            rules=rules,
            headroom=headroom(scales, reference.run.reached, limit),
            saturation=run.saturation,
            features=float(outside.mean()),
            features_room=_whole_room(-low, reference.run.feature),
            weights=run.clamped,
            accuracy=float((decided == records.labels).mean()),
            loss=loss(found, records.labels),
            agreement=float((decided == taken(reference.scores)).mean()),
            inspection=_inspection(setup, rules, len(records)),
        )

    def _suggested(self, today: Measured, run: FloatRun) -> tuple[tuple[Preset, RoundConfig] | None, str]:
        """The choice, or why there is none."""
        feature = max(run.feature, self.largest_feature)
        reason = "no candidate has the limbs that tables bear"
        found: list[tuple[float, Preset, RoundConfig]] = []
        for scales in candidates(self.setup.scales, run.reached, feature):
            if self.first is not None and scales.weight_bits != self.setup.scales.weight_bits:
                continue
            # layers have their own ranges where that is cheaper, or where no proof bears those of all
            provable: list[tuple[float, Preset, RoundConfig]] = []
            for own in dict.fromkeys((scales.alike, scales)):
                setup = replace(self.setup, scales=own)
                try:
                    rules = self.rules_of(setup)
                except TrainingError as error:
                    reason = str(error)
                    continue
                cost = _seconds(_inspection(setup, rules, today.inspection.rows))
                provable.append((cost, setup, rules))
            found += provable
            if provable and min(provable, key=_first)[0] <= MOST_COST * today.prove_seconds:
                found = provable
                break
        if not found:
            return None, reason
        _, setup, rules = min(found, key=_first)
        return (setup, rules), ""


class _Reference:
    """The float32 training: features, what it reached, and what its model says of the sample."""

    def __init__(self, features: Float32Array, run: FloatRun, setup: Preset) -> None:
        self.features, self.run = features, run
        model, wide = setup.model, unbounded(setup.scales)
        largest = max(layout.size for layout in (model.inputs, *model.hidden))
        part = max(1, MOST_VALUES // largest)
        starts = range(0, len(features), part)
        self.scores = np.concatenate(
            [float_scores(model, wide, run.weights, features[at : at + part]) for at in starts]
        )


def _inspection(setup: Preset, rules: RoundConfig, rows: int) -> Inspection:
    """Of the number of rows that rules admit and is the nearest."""
    holders, threshold = rules.holders, rules.threshold
    return inspect(setup, holders=holders, threshold=threshold, rows=rows, exactly=False, config=rules)


def _first(choice: tuple[float, Preset, RoundConfig]) -> float:
    return choice[0]


def _whole_room(limit: float, largest: float) -> int | None:
    return math.floor(math.log2(limit / largest)) if largest > 0 else None


def _seconds(found: Inspection) -> float:
    return math.inf if found.prediction is None else found.prediction.prove_seconds
