"""The specification of SGD on pictures in plain Python integers: convolutions, pooling, shortcuts, one step.

A layer is the list of its terms: sum, weight and input, each by its flat row-major index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import lcm

from proofward.layers.basics.record import ROW
from proofward.layers.references import step as reference
from proofward.layers.references.step import Vector
from proofward.layers.rules.finer_scales import finer as finer_scales
from proofward.layers.rules.model import FixedPoint, Training

Term = tuple[int, int, int]
Flat = list[tuple[Vector, Vector]]


@dataclass(frozen=True)
class PlainLayer:
    """Terms of its sums, how many sums share a bias, and the windows of sums that are pooled, or none.

    few_weights: whether they saturate after a step, where weights have a range.
    mean: whether a window gives the sum of its values for their mean, or the value of its first maximum.
    """

    terms: list[Term]
    positions: int
    sums: int
    windows: list[tuple[int, ...]]
    mean: bool = False
    few_weights: bool = False

    @property
    def mean_of(self) -> int:
        """The values of a window of which there is a mean; 1 of no mean."""
        return len(self.windows[0]) if self.mean else 1


def linear(inputs: int, outputs: int) -> PlainLayer:
    """Every input with every output."""
    terms = [(o, o * inputs + i, i) for o in range(outputs) for i in range(inputs)]
    return PlainLayer(terms, 1, outputs, [])


def convolution(
    inputs: Sequence[int],
    outputs: int,
    kernel: int,
    stride: int,
    padding: int,
    *,
    side: int,
    mean: bool = False,
    whole: bool = False,
    groups: int = 1,
) -> PlainLayer:
    """Of pictures (channels, height, width). What fills no window of side x side is left out.

    mean: of these windows; whole: of the whole picture. Without either the greatest of a window is meant.
    """
    channels, height, width = inputs
    tall, wide = ((size + 2 * padding - kernel) // stride + 1 for size in (height, width))
    tall, wide = tall // side * side, wide // side * side
    each, terms = channels // groups, []
    for o in range(outputs):
        for y in range(tall):
            for x in range(wide):
                for c in range(each):
                    for k in range(kernel):
                        for q in range(kernel):
                            h, w = stride * y + k - padding, stride * x + q - padding
                            if 0 <= h < height and 0 <= w < width:
                                weight = ((o * each + c) * kernel + k) * kernel + q
                                channel = o // (outputs // groups) * each + c
                                source = (channel * height + h) * width + w
                                terms.append(((o * tall + y) * wide + x, weight, source))
    windows: list[tuple[int, ...]] = []
    for o in range(outputs if side > 1 else 0):
        for y in range(0, tall, side):
            for x in range(0, wide, side):
                first = (o * tall + y) * wide + x
                windows.append(tuple(first + i * wide + j for i in range(side) for j in range(side)))
    if whole:
        windows = [tuple(range(o * tall * wide, (o + 1) * tall * wide)) for o in range(outputs)]
    even = groups == 1 or (not each & (each - 1) and not (run := outputs // groups) & (run - 1))
    return PlainLayer(terms, tall * wide, outputs * tall * wide, windows, mean or whole, even)


def winner(rounded: Sequence[int]) -> int:
    """The first place of the greatest value."""
    return list(rounded).index(max(rounded))


@dataclass(frozen=True)
class Joins:
    """Which values a layer reads and which sums it joins, and values that join sums as they are.

    The chain's layers come first; through: of each layer behind them (source, into); direct: such pairs too.
    row: how many values at the end of every record are no input of the first layer, but the source ROW.
    """

    through: tuple[tuple[int, int], ...] = ()
    direct: tuple[tuple[int, int], ...] = ()
    row: int = 0


def step(
    network: Sequence[PlainLayer],
    layers: Flat,
    inputs: list[Vector],
    labels: Vector,
    scales: FixedPoint,
    training: Training,
    joins: Joins = Joins(),
) -> tuple[Flat, list[list[Vector]], list[list[Vector]]]:
    """One step on a batch, of flat weights and biases: the next ones, and all samples' sums and back sums.

    Scales beside means are finer, those of the weights among them: see `means`. What joins sums has their
    scale: see `shortcuts`.
    """
    depth = len(network) - len(joins.through)
    ends = [*((place, place) for place in range(depth)), *joins.through]
    means = {ROW: 1, 0: 1, **{place + 1: own.mean_of for place, own in enumerate(network[:depth])}}
    places = [*([ROW] if joins.row else []), *reversed(range(depth))]
    fa, fw = scales.activation_bits, scales.weight_bits
    ones = [means[source] << fa for source, _ in ends]
    finer = [means[source] ** 2 * network[into].mean_of for source, into in ends]
    back_finer = [means[source] * network[into].mean_of ** 2 for source, into in ends]
    whole = [
        lcm(
            *(own for own, end in zip(finer, ends, strict=True) if end[1] == place),
            *(_odd(means[source]) for source, into in joins.direct if into == place),
        )
        for place in range(depth)
    ]
    back_whole = {
        place: lcm(
            *(own for own, end in zip(back_finer, ends, strict=True) if end[0] == place),
            *(_odd(network[into].mean_of) for source, into in joins.direct if source == place),
        )
        for place in places
    }
    rounding = [finer_scales(scales.of_layer(place), own, own) for place, own in enumerate(whole)]
    back_rounding = {
        place: finer_scales(scales.of_layer(place - 1), own, own)
        for place, own in back_whole.items()
        if place > 0
    }
    growth = [([0] * len(weights), [0] * len(bias)) for weights, bias in layers]
    all_sums, all_back = [], []
    for record, label in zip(inputs, labels, strict=True):
        first = len(record) - joins.row
        values = {0: record[:first], ROW: record[first:]}
        sums, chosen = list[Vector](), list[list[tuple[int, ...]]]()
        for k in range(depth):
            own, total = network[k], [0] * network[k].sums
            for index, (source, into) in enumerate(ends):
                if into == k:
                    made = _sums(network[index], *layers[index], values[source], ones[index])
                    factor = whole[k] // finer[index]
                    total = [z + factor * more for z, more in zip(total, made, strict=True)]
            for source, into in joins.direct:
                if into == k:
                    factor = (whole[k] << fw) // means[source]
                    total = [z + factor * more for z, more in zip(total, values[source], strict=True)]
            sums.append(total)
            quotients = [reference.rounded(z, rounding[k].divisor.value)[0] for z in total]
            chosen.append(own.windows or [(o,) for o in range(own.sums)])
            if not own.mean:
                chosen[-1] = [(taps[winner([quotients[o] for o in taps])],) for taps in chosen[-1]]
            units = [reference.forward(z, rounding[k]) for z in total]
            values[k + 1] = [sum(units[o].activation for o in taps) for taps in chosen[-1]]
        error = reference.head(sums[-1][1] - sums[-1][0], label, rounding[-1]).error
        deltas, back_sums = {depth - 1: [-error, error]}, list[Vector]()
        for j in (*reversed(range(depth)), *places[:-depth]):
            back = [0] * len(values[j])
            for index, (source, into) in enumerate(ends):
                if source == j:
                    factor = back_whole[j] // back_finer[index]
                    for o, w, i in network[index].terms:
                        back[i] += factor * layers[index][0][w] * deltas[into][o]
                        growth[index][0][w] += deltas[into][o] * values[j][i]
                    for o, delta in enumerate(deltas[into]):
                        growth[index][1][o // network[index].positions] += delta * ones[index]
            for source, into in joins.direct:
                if source == j:
                    factor = (back_whole[j] << fw) // network[into].mean_of
                    back = [z + factor * delta for z, delta in zip(back, deltas[into], strict=True)]
            if 0 < j < depth:
                back_sums.insert(0, back)
                below = deltas[j - 1] = [0] * network[j - 1].sums
                for taps, z in zip(chosen[j - 1], back, strict=True):
                    for o in taps:
                        inside = reference.forward(sums[j - 1][o], rounding[j - 1]).inside
                        below[o] = reference.backward(z, inside, back_rounding[j]).delta
        all_sums.append(sums)
        all_back.append(back_sums)
    result = [
        (
            [old - training.rate * new for old, new in zip(weights, more, strict=True)],
            [old - training.rate * new for old, new in zip(bias, more_bias, strict=True)],
        )
        for (weights, bias), (more, more_bias) in zip(layers, growth, strict=True)
    ]
    for index, (weights, bias) in enumerate(result):
        if scales.weight_range_bits and network[index].few_weights and finer[index] == 1:
            result[index] = ([saturated(w, scales) for w in weights], [saturated(b, scales) for b in bias])
    return result, all_sums, all_back


def saturated(weight: int, scales: FixedPoint) -> int:
    """A weight in the range of weights."""
    return min(max(weight, -(1 << scales.weight_range_bits)), 1 << scales.weight_range_bits)


def _odd(value: int) -> int:
    """Without its factors of two."""
    while value % 2 == 0:
        value //= 2
    return value


def _sums(layer: PlainLayer, weights: Vector, bias: Vector, values: Vector, one: int) -> Vector:
    """Those of one layer."""
    sums = [bias[o // layer.positions] * one for o in range(layer.sums)]
    for o, w, i in layer.terms:
        sums[o] += weights[w] * values[i]
    return sums
