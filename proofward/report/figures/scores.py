"""What a model says of records: real scores, the probabilities that they stand for, and the loss.

Scores are those of a network's head (`layers.heads.head.Head.real_scores`): of two classes the logit
difference of each record (n,), above 0 for class 1, else a logit for each class (n, classes), of which the
largest decides.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofward.data.reading.records import Records
from proofward.layers.local_training.training import scores as integer_scores
from proofward.layers.networks.network import Network
from proofward.layers.rules.model import FixedPoint, Int64Array

Float64Array = NDArray[np.float64]
MOST_VALUES = 1 << 23
"""Of a layer, of all records that are judged at a time."""


def real_scores(model: Network, scales: FixedPoint, weights: Int64Array, records: Records) -> Float64Array:
    """The integers by which the federation judges, divided by 2^fa: exact, whatever the size of a part."""
    largest = max(layout.padded_size for layout in (model.inputs, *model.hidden))
    part = max(1, MOST_VALUES // largest)
    found = [
        integer_scores(model, scales, weights, records.features[start : start + part])
        for start in range(0, len(records), part)
    ]
    result: Float64Array = np.concatenate(found) / (1 << scales.activation_bits)
    return result


def log_probabilities(scores: NDArray[Any]) -> Float64Array:
    """Natural logarithms of the classes' probabilities: float64 (n, classes)."""
    if scores.ndim == 1:
        return -np.logaddexp(0, np.stack([scores, -scores], axis=1).astype(np.float64))
    values = scores.astype(np.float64)
    total: Float64Array = values - np.logaddexp.reduce(values, axis=1, keepdims=True)
    return total


def taken(scores: NDArray[Any]) -> Int64Array:
    """The class that each record is taken for."""
    return (scores > 0).astype(np.int64) if scores.ndim == 1 else scores.argmax(axis=1).astype(np.int64)


def by_class(scores: NDArray[Any]) -> dict[int, NDArray[Any]]:
    """A score that grows with the probability of a class: of class 1 alone where there are two."""
    if scores.ndim == 1:
        return {1: scores}
    return dict(enumerate(log_probabilities(scores).T))


def loss(scores: NDArray[Any], labels: Int64Array) -> float:
    """Mean cross-entropy, in nats."""
    return float(-log_probabilities(scores)[np.arange(len(labels)), labels].mean())
