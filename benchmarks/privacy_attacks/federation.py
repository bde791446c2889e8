"""A federation in the integers of the product's trainer, without proofs, and what its parties see of it.

Everything that an attack reads is public or given to its adversary by name: models and sums stand in the
ledger, a single update is seen by those who opened it against the rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from privacy_attacks.mechanism import Mechanism
from proofward.data.reading.records import Records
from proofward.layers.averaging.weighting import BY_RECORDS, Weighting
from proofward.layers.local_training.training import train
from proofward.layers.rules.model import Int64Array
from proofward.layers.rules.schedule import schedule
from proofward.models.settings import Preset
from proofward.relations.rules.config import RoundConfig
from proofward.report.comparing.baselines import first_weights, round_beacon

Real = NDArray[np.float64]


@dataclass
class Seen:
    """models: before the first round and after each, flat, scale fw. updates: by round and hospital, real.

    An update is weighted by its hospital's records and is None where the hospital took no part. With
    `private` it is the noisy sum of clipped gradients, whose sign is turned.
    of_bound: by round and hospital, an update's norm as a share of the clip bound; without `private` only.
    """

    setup: Preset
    hospitals: Sequence[Records]
    beacons: list[bytes]
    models: list[Int64Array]
    updates: list[list[Real | None]] = field(default_factory=list)
    private: Mechanism | None = None
    of_bound: list[list[float]] = field(default_factory=list)

    @property
    def rules(self) -> str:
        """What lines call the rules."""
        return usual_rules(self.setup) if self.private is None else self.private.name

    def sum(self, number: int, hospitals: Sequence[int] | None = None) -> Real:
        """The sum of a round, of all that took part or of some."""
        chosen = self.updates[number] if hospitals is None else [self.updates[number][i] for i in hospitals]
        return np.sum([own for own in chosen if own is not None], axis=0)

    def batches(self, number: int, hospital: int) -> Int64Array:
        """Which records a hospital's steps of a round used: public, by the beacon."""
        rows = len(self.hospitals[hospital])
        own = schedule(self.beacons[number], f"hospital-{hospital}", rows, self.setup.training)
        return own[: self.setup.training.steps_for(rows)]


def follow(
    setup: Preset,
    hospitals: Sequence[Records],
    rounds: int,
    seed: int,
    *,
    first: Int64Array | None = None,
    weighting: Weighting = BY_RECORDS,
    absent: dict[int, int] | None = None,
    private: Mechanism | None = None,
) -> Seen:
    """Run a federation; `absent` names by round a hospital that is left out of its sum."""
    if private is not None:
        return _follow_private(setup, hospitals, rounds, seed, private, first, absent or {})
    config = RoundConfig(
        setup.model, setup.scales, setup.training, setup.clip_bound, len(hospitals), 1, weighting=weighting
    )
    shift = config.weight_shift(max(map(len, hospitals)))
    rules = [config.update_rule(len(records), shift) for records in hospitals]
    weights = first_weights(setup, seed) if first is None else first
    rule = config.model_rule
    state = rule.first_state(len(weights))
    seen = Seen(setup, hospitals, [round_beacon(seed, number) for number in range(rounds)], [weights])
    for number in range(rounds):
        submitted: list[Int64Array | None] = []
        of_bound = []
        for index, records in enumerate(hospitals):
            if (absent or {}).get(number) == index:
                submitted.append(None)
                of_bound.append(0.0)
                continue
            batches = schedule(seen.beacons[number], f"hospital-{index}", len(records), setup.training)
            made = train(
                setup.model, setup.scales, setup.training, weights, records.features, records.labels, batches
            )
            own = rules[index].submit(made.update)[1]
            submitted.append(own)
            of_bound.append(float(np.linalg.norm(own)) / rules[index].bound)
        present = [each for each in submitted if each is not None]
        weight = sum(rule.weight for rule, own in zip(rules, submitted, strict=True) if own is not None)
        weights, state = rule.following(weights, state, np.sum(present, axis=0), weight)
        seen.models.append(weights)
        seen.of_bound.append(of_bound)
        # submitted / weight is the update in real units, so that this is the update times n
        unit = sum(map(len, hospitals)) / sum(rule.weight for rule in rules)
        seen.updates.append([None if own is None else own * unit for own in submitted])
    return seen


def _follow_private(
    setup: Preset,
    hospitals: Sequence[Records],
    rounds: int,
    seed: int,
    private: Mechanism,
    first: Int64Array | None,
    absent: dict[int, int],
) -> Seen:
    """One step a round on all records, with every hospital's own noise."""
    weights = first_weights(setup, seed) if first is None else first
    rng = np.random.default_rng((seed, private.privacy.coarse_variance))
    seen = Seen(setup, hospitals, [], [weights], private=private)
    for number in range(rounds):
        submitted = [
            None if absent.get(number) == index else private.update(setup, weights, own) + private.noise(rng)
            for index, own in enumerate(hospitals)
        ]
        present = [own for own in submitted if own is not None]
        rows = sum(len(own) for index, own in enumerate(hospitals) if absent.get(number) != index)
        weights = private.following(setup, weights, np.sum(present, axis=0), rows)
        seen.models.append(weights)
        seen.updates.append([None if own is None else own * -private.unit for own in submitted])
    return seen


def usual_rules(setup: Preset) -> str:
    """What lines call rules without privacy."""
    return f"exact, {setup.training.duration} in batches of {setup.training.batch}"
