"""Drawn tables, by which settings of differential privacy are chosen: no record of anybody is in them.

They look as tables of measurements do: several features measure the same few qualities of a case, each with
an error of its own, and some are skewed. A label says which of two kinds a case is, and the kinds differ in
all qualities along one direction. KINDS has few and many qualities, kinds that are far apart and near, and
features with and without long tails. Features have mean 0 and deviation 1, as the product's have.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]

SHARE, ERROR = 0.37, 0.5
KINDS = tuple(product((3, 6, 12), (2.5, 4.0), (0.0, 0.4)))
"""(qualities, distance of the kinds in deviations, how long the tails are)"""


def drawn_table(seed: int, count: int, width: int) -> tuple[Real, NDArray[np.int64]]:
    """Features (count, width) and labels (count,) of the kind with this number."""
    qualities, distance, tails = KINDS[seed % len(KINDS)]
    rng = np.random.default_rng([7, seed])
    labels = (rng.random(count) < SHARE).astype(np.int64)
    direction = rng.normal(size=qualities)
    direction *= distance / np.linalg.norm(direction)
    cases = rng.normal(size=(count, qualities)) + np.outer(labels, direction)
    mixing = rng.normal(size=(qualities, width))
    errors = ERROR * np.sqrt(qualities) * rng.normal(size=(count, width))
    features = _standard(cases @ mixing + errors)
    if tails:
        features = _standard(np.exp(tails * features))
    return features, labels


def _standard(features: Real) -> Real:
    result: Real = (features - features.mean(axis=0)) / features.std(axis=0)
    return result
