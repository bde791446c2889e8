"""The gradient of each record's loss, in real numbers, of a network of linear layers and two classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from proofward.data.reading.records import Records
from proofward.layers.references.float_twin import real_features, real_weights
from proofward.layers.rules.model import Int64Array
from proofward.models.settings import Preset

Real = NDArray[np.float64]


def forward(setup: Preset, flat: Real, features: Real) -> tuple[list[Real], Real]:
    """What every layer reads (n, inputs), and the logits (n, outputs)."""
    values, reads = features, []
    for number, ((start, bias, end), layer) in enumerate(
        zip(setup.model.offsets, setup.model.layers, strict=True)
    ):
        reads.append(values)
        values = values @ flat[start:bias].reshape(layer.shape).T + flat[bias:end]
        if number + 1 < setup.model.depth:
            values = np.maximum(values, 0)
    return reads, values


def record_gradients(setup: Preset, weights: Int64Array, records: Records) -> Real:
    """(n, parameters): the gradient of the cross-entropy of each record at these weights."""
    flat = real_weights(weights, setup.scales).astype(np.float64)
    features = real_features(records.features, setup.scales).astype(np.float64)
    reads, logits = forward(setup, flat, features)
    errors = 1 / (1 + np.exp(logits[:, 0] - logits[:, 1])) - records.labels
    delta = np.stack([-errors, errors], axis=1)
    found = np.empty((len(records.labels), flat.size))
    for index in range(setup.model.depth - 1, -1, -1):
        start, bias, end = setup.model.offsets[index]
        found[:, start:bias] = np.einsum("no,ni->noi", delta, reads[index]).reshape(len(delta), -1)
        found[:, bias:end] = delta
        delta = (delta @ flat[start:bias].reshape(setup.model.layers[index].shape)) * (reads[index] > 0)
    return found


def margins(setup: Preset, weights: Int64Array, records: Records) -> Real:
    """(n,): logit of the true class less that of the other, the confidence that attacks use."""
    flat = real_weights(weights, setup.scales).astype(np.float64)
    features = real_features(records.features, setup.scales).astype(np.float64)
    logits = forward(setup, flat, features)[1]
    return (logits[:, 1] - logits[:, 0]) * (2 * records.labels - 1)
