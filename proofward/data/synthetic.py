"""Synthetic records: any width and number, a learnable label, a pure function of the seed."""

from __future__ import annotations

import hashlib

import numpy as np

from proofward.data.reading.records import Records, to_fixed_point
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.model import FixedPoint


def make_synthetic(
    count: int, features: int, seed: int, scales: FixedPoint, amplitude: float = 1.0, signal: float = 0.25
) -> Records:
    """`count` records of `features` features, labels 0 or 1 at random.

    Feature j of a record of label y is amplitude * (noise + signal * c_j * (2y - 1)), with noise uniform on
    [-1.7, 1.7] (about unit variance) and signs c_j drawn once. All draws come from SHAKE-256 of the seed: the
    same records everywhere. Wide networks want amplitude 0.25.
    """
    if count < 1 or features < 1:
        raise ConfigurationError("records", "count >= 1 and features >= 1", (count, features))
    shake = hashlib.shake_256(b"proofward/synthetic/v1" + seed.to_bytes(8, "little"))
    draws = np.frombuffer(shake.digest(2 * (features + count + count * features)), dtype="<u2")
    signs = np.where(draws[:features] & 1, 1.0, -1.0)
    labels = (draws[features : features + count] & 1).astype(np.int64)
    noise = draws[features + count :].reshape(count, features) * (3.4 / 65536) - 1.7
    values = amplitude * (noise + signal * np.outer(2 * labels - 1, signs))
    return Records(to_fixed_point(values, scales), labels)
