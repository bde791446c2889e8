"""What a federation is compared with: float32 FedAvg, centralised training, and each hospital alone.

Every method has the same first weights, rate, local training and number of rounds, and follows the schedule
that a round's beacon gives. Where no federation has drawn beacons, hashes of the seed and the round stand in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from proofward.data.reading.records import Records
from proofward.layers.arithmetic.exact import FloatArray
from proofward.layers.local_training.training import scores, train
from proofward.layers.networks.initial_weights import initial_weights
from proofward.layers.references.float_twin import Float32Array, real_features, real_weights, train_float
from proofward.layers.references.float_twin import scores as real_scores
from proofward.layers.rules.model import Int64Array
from proofward.layers.rules.schedule import schedule
from proofward.models.settings import Preset
from proofward.optimizers.contract import ServerOptimizer
from proofward.optimizers.registry import USUAL
from proofward.relations.rules.config import RoundConfig
from proofward.relations.rules.update_rule import UpdateRule
from proofward.report.comparing.evaluation import evaluate


@dataclass(frozen=True)
class FederatedResult:
    """Final flat weights (parameters,), scale fw; how many updates were clipped; the largest |U|."""

    weights: Int64Array
    clipped: int
    largest_entry: int


def round_beacon(seed: int, number: int) -> bytes:
    """The 32 bytes that seed a round's schedule in these comparisons."""
    return hashlib.sha256(
        b"proofward/baseline/v1" + seed.to_bytes(8, "little") + number.to_bytes(8, "little")
    ).digest()


def first_weights(setup: Preset, seed: int) -> Int64Array:
    """First weights of every method for this seed."""
    return initial_weights(setup.model, setup.scales, seed.to_bytes(8, "little"))


def federated(
    setup: Preset,
    hospitals: Sequence[Records],
    rounds: int,
    seed: int,
    optimizer: ServerOptimizer = USUAL,
) -> FederatedResult:
    """Training in the integers of a proved federation: update, clip, round, sum, step, project."""
    scales = setup.scales
    config = RoundConfig(
        setup.model, scales, setup.training, setup.clip_bound, max(2, len(hospitals)), 1, optimizer=optimizer
    )
    shift = config.weight_shift(max(map(len, hospitals)))
    made = (config.update_rule(len(records), shift) for records in hospitals)
    rules = [own for own in made if isinstance(own, UpdateRule)]  # all of them, as nothing is private here
    weights, rule = first_weights(setup, seed), config.model_rule
    state = rule.first_state(len(weights))
    clipped, largest = 0, 0
    for number in range(rounds):
        beacon = round_beacon(seed, number)
        total = np.zeros_like(weights)
        for index, records in enumerate(hospitals):
            rows = len(records)
            batches = schedule(beacon, f"hospital-{index}", rows, setup.training)
            update = train(
                setup.model, scales, setup.training, weights, records.features, records.labels, batches
            ).update
            multiplier, submitted = rules[index].submit(update)
            clipped += multiplier < rules[index].full
            largest = max(largest, int(np.abs(submitted).max()))
            total += submitted
        total_weight = sum(rule.weight for rule in rules)
        weights, state = rule.following(weights, state, total, total_weight)
    return FederatedResult(weights, clipped, largest)


def float_rounds(
    setup: Preset, hospitals: Mapping[str, Records], beacons: Sequence[bytes], first: Int64Array
) -> Iterator[Float32Array]:
    """float32 FedAvg weighted by records, without clipping: the flat weights after each round.

    One beacon a round; the hospitals' names enter the schedule. With one hospital: that hospital alone.
    """
    weights = real_weights(first, setup.scales)
    count = sum(map(len, hospitals.values()))
    for beacon in beacons:
        total = np.zeros_like(weights)
        for name, records in hospitals.items():
            batches = schedule(beacon, name, len(records), setup.training)
            features = real_features(records.features, setup.scales)
            update = train_float(
                setup.model, setup.scales, setup.training, weights, features, records.labels, batches
            )
            total += np.float32(len(records) / count) * update
        weights = weights + total
        yield weights


def pooled(hospitals: Sequence[Records]) -> Records:
    """All hospitals' records in one place."""
    return Records(
        np.concatenate([records.features for records in hospitals]),
        np.concatenate([records.labels for records in hospitals]),
    )


def federated_float(setup: Preset, hospitals: Sequence[Records], rounds: int, seed: int) -> Float32Array:
    """The last weights of `float_rounds`."""
    named = {f"hospital-{index}": records for index, records in enumerate(hospitals)}
    first = first_weights(setup, seed)
    beacons = [round_beacon(seed, number) for number in range(rounds)]
    return [real_weights(first, setup.scales), *float_rounds(setup, named, beacons, first)][-1]


def centralised_float(setup: Preset, hospitals: Sequence[Records], rounds: int, seed: int) -> Float32Array:
    """float32 training on all hospitals' records in one place."""
    return federated_float(setup, [pooled(hospitals)], rounds, seed)


def fixed_scores(setup: Preset, weights: Int64Array, records: Records) -> FloatArray:
    """Real scores of fixed-point weights on records, exact: see `report.comparing.evaluation`."""
    found = scores(setup.model, setup.scales, weights, records.features)
    return found / (1 << setup.scales.activation_bits)


def fixed_auc(setup: Preset, weights: Int64Array, records: Records) -> float:
    """AUC of fixed-point weights on records, of more than two classes the mean."""
    return evaluate(fixed_scores(setup, weights, records), records.labels).auc


def float_auc(setup: Preset, weights: Float32Array, records: Records) -> float:
    """AUC of float32 weights on records, of more than two classes the mean."""
    features = real_features(records.features, setup.scales)
    return evaluate(real_scores(setup.model, setup.scales, weights, features), records.labels).auc
