"""Which pixels a decision hangs on: gradients with respect to the input, of a few telling records.

    saliency = d (logit of the class taken - the largest other logit) / d (value of a pixel)

by the float twin of the network. It says what a small change of each pixel would do to the decision; it is
neither a proof nor an explanation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofward.data.reading.records import Records
from proofward.layers.networks.network import Network
from proofward.layers.references.float_twin import Float32Array, input_gradients, real_features, real_weights
from proofward.layers.rules.model import FixedPoint, Int64Array
from proofward.report.figures.scores import log_probabilities, taken

RIGHT, WRONG = 2, 1
"""Records of each class that are shown: the surest that are right, and the surest that are wrong."""


@dataclass(frozen=True)
class Example:
    """position: among the records. label: its class. taken: the class that it is taken for."""

    position: int
    label: int
    taken: int
    probability: float

    @property
    def right(self) -> bool:
        """Whether it is taken for what it is."""
        return self.label == self.taken


def examples(scores: NDArray[Any], labels: Int64Array) -> list[Example]:
    """Of each class the records to show, right ones first, the surer first, equal ones in their order."""
    chosen, logs = taken(scores), log_probabilities(scores)
    sure = logs[np.arange(len(labels)), chosen]
    order = np.argsort(-sure, kind="stable")
    found: list[Example] = []
    for label in range(logs.shape[1]):
        own = order[labels[order] == label]
        right, wrong = own[chosen[own] == label][:RIGHT], own[chosen[own] != label][:WRONG]
        found += [
            Example(int(at), label, int(chosen[at]), float(np.exp(sure[at]))) for at in (*right, *wrong)
        ]
    return found


def saliency(
    model: Network, scales: FixedPoint, weights: Int64Array, records: Records, scores: NDArray[Any]
) -> Float32Array:
    """Signed gradients (n, features) of the decisions that the records' scores stand for."""
    ranked = np.argsort(-log_probabilities(scores), axis=1, kind="stable")
    rows = np.arange(len(records))
    logit_weights = np.zeros(ranked.shape, dtype=np.float32)
    logit_weights[rows, ranked[:, 0]] = 1
    logit_weights[rows, ranked[:, 1]] = -1
    features = real_features(records.features, scales)
    return input_gradients(model, scales, real_weights(weights, scales), features, logit_weights)
