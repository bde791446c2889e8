"""A frozen network in Python's own integers, place by place: what the exact forward pass has to give."""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np

from proofward.data.frozen.nodes import Add, Convolution, Linear, Max, Mean, Rectify
from proofward.data.frozen.weights import LIMIT


def clipped(value: int) -> int:
    return min(max(value, -LIMIT), LIMIT)


def rounded(total: int, bits: int) -> int:
    return clipped((total + (1 << (bits - 1))) >> bits)


def window(picture, windows, channel, down, across):
    """The values of one window that lie in the picture, with their places in the window."""
    rows, columns = len(picture[channel]), len(picture[channel][0])
    for i, j in product(range(windows.kernel[0]), range(windows.kernel[1])):
        y, x = down * windows.stride[0] + i - windows.padding[0], across * windows.stride[1] + j - windows.padding[1]
        if 0 <= y < rows and 0 <= x < columns:
            yield (i, j), picture[channel][y][x]


def value(node, values, place):
    """The value of a node at one place of what it gives."""
    first = values[0]
    if isinstance(node, Add):
        return clipped(int(first[place]) + int(values[1][place]))
    if isinstance(node, Rectify):
        return min(max(int(first[place]), 0), node.most)
    if isinstance(node, Linear):
        weights = node.weights
        total = sum(int(w) * int(v) for w, v in zip(weights.values[place[0]], first.reshape(-1), strict=True))
        return rounded(total + int(weights.bias[place[0]]), weights.bits)
    picture = first.astype(object).tolist()
    output, down, across = place
    if isinstance(node, Max):
        return max(v for _, v in window(picture, node.windows, output, down, across))
    if isinstance(node, Mean):
        size = node.windows.size
        return (2 * sum(v for _, v in window(picture, node.windows, output, down, across)) + size) // (2 * size)
    assert isinstance(node, Convolution)
    weights = node.weights
    run, each = weights.shape[1], weights.shape[0] // node.groups
    total = int(weights.bias[output])
    for channel in range(run):
        source = output // each * run + channel
        for at, v in window(picture, node.windows, source, down, across):
            total += int(weights.values[output, channel, at[0], at[1]]) * v
    return rounded(total, weights.bits)


def features(network, picture):
    """All outputs for one picture, a list of integers."""
    values = [np.array(picture).astype(object)]
    for node, shape in zip(network.nodes, network.shapes[1:], strict=True):
        taken = [values[source] for source in node.sources]
        made = np.empty(shape, dtype=object)
        for place in product(*map(range, shape)):
            made[place] = value(node, taken, place)
        values.append(made)
    assert prod(values[-1].shape) == network.outputs
    return values[-1].reshape(-1).tolist()
