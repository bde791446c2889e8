"""Federated training with differential privacy in real numbers: a twin of what the product proves."""

from __future__ import annotations

import numpy as np

from proofward.data.reading.records import Records
from proofward.federation.messages.consortium.usual import usual_threshold, usual_updates
from proofward.layers.rules.privacy import CLIP_UNITS_BITS, Privacy
from proofward.privacy import twin
from proofward.privacy.accountant import Accountant
from proofward.privacy.choice import least_noise
from proofward.privacy.twin import Weights

RELEASES, STEP, INVERSE_DELTA = 20, 1.5, 100_000
USUAL, ALL = "usual", "all"


class Hospital(twin.Hospital):
    """Of records in integers, too."""

    @classmethod
    def of(cls, records: Records, unit: int) -> Hospital:
        return cls(records.features / unit, records.labels)


def trained(
    first: Weights, hospitals: list[Hospital], bound: float, deviation: float, rng: np.random.Generator,
    step: float = STEP, rounds: int = RELEASES,
) -> Weights:  # fmt: skip
    """See `proofward.privacy.twin`."""
    return twin.trained(first, hospitals, bound, deviation, rng, step, rounds)


def deviation_of(parameters: int, hospitals: int, rules: str, epsilon: float) -> tuple[float, Accountant]:
    """Deviation of a hospital's noise, as a multiple of C, and its accountant."""
    threshold = usual_threshold(hospitals)
    minimum = usual_updates(hospitals, threshold) if rules == USUAL else hospitals
    own = least_noise(Privacy(0, 41, RELEASES, 1, threshold, INVERSE_DELTA), epsilon, parameters, minimum)
    accountant = Accountant(own, parameters, minimum)
    return accountant.deviation / (1 << CLIP_UNITS_BITS), accountant
