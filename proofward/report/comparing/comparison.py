"""Held-out AUC and accuracy of a federation's models beside those of the float baselines, round by round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proofward.data.reading.records import Records
from proofward.layers.references.float_twin import real_features, scores
from proofward.layers.rules.model import Int64Array
from proofward.models.settings import Preset
from proofward.report.comparing.baselines import fixed_scores, float_rounds, pooled
from proofward.report.comparing.evaluation import evaluate

PROOFWARD, FEDERATED, CENTRALISED, ALONE = "proofward", "federated float", "centralised", "alone"
Number = NDArray[np.generic]


@dataclass(frozen=True)
class MethodScores:
    """auc and accuracy on the held-out records after each round, and the confusion after the last one.

    Of more than two classes the AUC is the mean over the classes, each against the others.
    """

    auc: tuple[float, ...]
    accuracy: tuple[float, ...]
    confusion: tuple[tuple[int, ...], ...] = ()


def score_rounds(round_scores: Iterable[Number], labels: Int64Array) -> MethodScores:
    """From the scores of the records after each round."""
    found = [evaluate(score, labels) for score in round_scores]
    last = found[-1].confusion if found else ()
    return MethodScores(tuple(own.auc for own in found), tuple(own.accuracy for own in found), last)


def compare(
    setup: Preset,
    hospitals: Mapping[str, Records],
    held_out: Records,
    beacons: Sequence[bytes],
    models: Sequence[Int64Array],
) -> dict[str, MethodScores]:
    """Scores by method; a lone hospital's method is "alone: <name>".

    models: the federation's first model, then the one after each round, flat int64 at scale fw. All methods
    start from the first and follow the rounds' own beacons, so that they see the same batches.
    """
    first, labels = models[0], held_out.labels
    features = real_features(held_out.features, setup.scales)

    def baseline(named: Mapping[str, Records]) -> MethodScores:
        rounds = float_rounds(setup, named, beacons, first)
        return score_rounds(
            (scores(setup.model, setup.scales, weights, features) for weights in rounds), labels
        )

    proved = (fixed_scores(setup, weights, held_out) for weights in models[1:])
    return {
        PROOFWARD: score_rounds(proved, labels),
        FEDERATED: baseline(hospitals),
        CENTRALISED: baseline({"centralised": pooled(list(hospitals.values()))}),
        **{f"{ALONE}: {name}": baseline({name: records}) for name, records in hospitals.items()},
    }


def lone_mean(found: Mapping[str, MethodScores]) -> MethodScores:
    """The mean over the lone hospitals, for each round."""
    lone = [entry for name, entry in found.items() if name.startswith(f"{ALONE}: ")]
    return MethodScores(
        tuple(sum(values) / len(lone) for values in zip(*(entry.auc for entry in lone), strict=True)),
        tuple(sum(values) / len(lone) for values in zip(*(entry.accuracy for entry in lone), strict=True)),
    )
