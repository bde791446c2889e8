"""Small frozen networks."""

from __future__ import annotations

import numpy as np

from proofward.data.frozen.network import FrozenNetwork
from proofward.data.frozen.nodes import Add, Convolution, Linear, Max, Mean, Rectify
from proofward.data.frozen.weights import LARGEST_SUM, LIMIT, Weights
from proofward.data.frozen.windows import Windows

SHAPE = (2, 7, 6)


def weights(random, *shape, bits=10, share=1.0):
    """As large as exact sums allow, times `share`."""
    values = random.integers(-1000, 1001, shape)
    rows = np.abs(values).reshape(shape[0], -1).sum(axis=1).max()
    values = np.trunc(values * (share * (LARGEST_SUM // 2 // LIMIT) / rows)).astype(np.int32)
    bias = random.integers(-LARGEST_SUM // 4, LARGEST_SUM // 4, shape[0])
    return Weights(values, (bias * share).astype(np.int64), bits)


def network(seed=1, share=1.0):
    """Every kind of node, with groups, strides, uneven padding and a shortcut."""
    random = np.random.default_rng(seed)
    nodes = (
        Convolution((0,), weights(random, 4, 1, 3, 2, share=share), Windows((3, 2), (2, 1), (1, 0, 1, 1)), 2),
        Rectify((1,), 6 << 14),
        Convolution((2,), weights(random, 4, 4, 1, 1, bits=7, share=share), Windows((1, 1), (1, 1))),
        Add((3, 1)),
        Max((4,), Windows((3, 3), (2, 2), (1, 1, 1, 1))),
        Mean((5,), Windows((2, 2), (1, 1), (1, 0, 0, 1))),
        Linear((6,), weights(random, 5, 24, bits=12, share=share)),
        Rectify((7,)),
    )
    return FrozenNetwork(SHAPE, nodes)


def pictures(seed=2, count=5, most=LIMIT):
    return np.random.default_rng(seed).integers(-most, most + 1, (count, *SHAPE)).astype(np.float64)
