"""Federated training with differential privacy in real numbers: a twin of what is proved, for forecasts.

One full-batch step a round, each record's gradient clipped by its exact norm, normal noise of every hospital,
two classes by the logistic loss. Nothing is rounded, and nothing here is proved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Weights = list[tuple[Real, Real]]
"""Matrix (inputs, outputs) and bias (outputs,) of every layer; ReLU between them."""


@dataclass(frozen=True)
class Hospital:
    """features: (n, d), real. labels: (n,), 0 or 1."""

    features: Real
    labels: NDArray[np.int64]


def forward(weights: Weights, features: Real) -> list[Real]:
    """The inputs of every layer, and the logits last."""
    found = [features]
    for number, (matrix, bias) in enumerate(weights, 1):
        logits = found[-1] @ matrix + bias
        found.append(np.maximum(logits, 0) if number < len(weights) else logits)
    return found


def clipped_gradient(weights: Weights, own: Hospital, bound: float) -> Weights:
    """The sum of the records' gradients, each clipped to `bound` by its exact norm; 0 for no bound."""
    values = forward(weights, own.features)
    with np.errstate(over="ignore"):  # of infinity the quotient is 0, as it should be
        error = 1 / (1 + np.exp(values[-1][:, 0] - values[-1][:, 1])) - own.labels
    deltas = [np.stack([-error, error], axis=1)]
    for (matrix, _), entering in zip(weights[:0:-1], values[-2:0:-1], strict=True):
        deltas.insert(0, (deltas[0] @ matrix.T) * (entering > 0))
    norms = sum(
        (np.square(entering).sum(axis=1) + 1) * np.square(delta).sum(axis=1)
        for entering, delta in zip(values, deltas, strict=False)
    )
    factor = np.minimum(1, bound / np.sqrt(np.maximum(norms, 1e-30)))[:, None] if bound else 1.0
    scaled = [delta * factor for delta in deltas]
    pairs = zip(values, scaled, strict=False)
    return [(entering.T @ delta, delta.sum(axis=0)) for entering, delta in pairs]


def trained(
    first: Weights,
    hospitals: Sequence[Hospital],
    bound: float,
    deviation: float,
    rng: np.random.Generator,
    step: float,
    rounds: int,
) -> Weights:
    """The model after all rounds; deviation: of each hospital's noise in an entry."""
    weights, count = first, sum(len(own.labels) for own in hospitals)
    for _ in range(rounds):
        sums = [clipped_gradient(weights, own, bound) for own in hospitals]
        spread, next_weights = deviation * sqrt(len(hospitals)), []
        for place, (matrix, bias) in enumerate(weights):
            slope = sum(own[place][0] for own in sums) + rng.normal(0, spread, matrix.shape)
            lift = sum(own[place][1] for own in sums) + rng.normal(0, spread, bias.shape)
            next_weights.append((matrix - step * slope / count, bias - step * lift / count))
        weights = next_weights
    return weights


def auc(weights: Weights, own: Hospital) -> float:
    """Area under the ROC curve; ties count one half."""
    logits = forward(weights, own.features)[-1]
    scores, ill = logits[:, 1] - logits[:, 0], own.labels == 1
    above = scores[ill][:, None] - scores[~ill][None, :]
    return float(np.mean(above > 0) + np.mean(above == 0) / 2)
