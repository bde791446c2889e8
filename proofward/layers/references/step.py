"""The specification of one SGD step in plain Python integers: what the fast trainer must equal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

from proofward.layers.references.softmax import SoftmaxHead, softmax_head
from proofward.layers.rules.model import FixedPoint, Training

Vector = list[int]
Matrix = list[Vector]
Layers = list[tuple[Matrix, Vector]]


@dataclass(frozen=True)
class Forward:
    """What a hidden unit's exact sum Z gives: Q and R, the limbs v and u of Q, the bits s and o, and A."""

    quotient: int
    remainder: int
    low: int
    high: int
    inside: int
    above: int
    activation: int


@dataclass(frozen=True)
class Backward:
    """What a hidden unit's exact back sum gives: G and R', the limbs w and e of G, sign(e), and dZ."""

    quotient: int
    remainder: int
    low: int
    high: int
    sign: int
    delta: int


@dataclass(frozen=True)
class Head:
    """What the difference z of the logits gives: D and R, the limbs x and y of D, P, and the error g."""

    quotient: int
    remainder: int
    low: int
    high: int
    probability: int
    error: int


@dataclass(frozen=True)
class SampleTrace:
    """Integers of one sample, per hidden layer and unit, and its head."""

    sums: Matrix
    forward: list[list[Forward]]
    back_sums: Matrix
    backward: list[list[Backward]]
    logits: Vector
    head: Head | SoftmaxHead

    @property
    def difference(self) -> int:
        """z, of two classes."""
        return self.logits[1] - self.logits[0]


def rounded(value: int, divisor: int) -> tuple[int, int]:
    """(Q, R) with value + divisor / 2 = divisor Q + R and 0 <= R < divisor, which is even."""
    return divmod(value + divisor // 2, divisor)


def forward(total: int, scales: FixedPoint) -> Forward:
    """A = min(max(Q, 0), 2^r) of the rounded sum Q, with the limbs of Q - 1 = v + 2^r u."""
    top = 1 << scales.activation_range_bits
    quotient, remainder = rounded(total, scales.divisor.value)
    high, low = divmod(quotient - 1, top)
    inside = int(1 <= quotient <= top)
    return Forward(quotient, remainder, low, high, inside, int(quotient > top), min(max(quotient, 0), top))


def backward(total: int, slope: int, scales: FixedPoint) -> Backward:
    """dZ = s times G where -3 * 2^g <= G < 3 * 2^g; beyond, times the low limb with the sign as high limb."""
    half = 1 << scales.gradient_range_bits
    quotient, remainder = rounded(total, scales.divisor.value)
    high, low = divmod(quotient + half, 2 * half)
    sign = (high > 0) - (high < 0)
    value = quotient
    if not -3 * half <= quotient < 3 * half:
        value = low - half + sign * 2 * half
    return Backward(quotient, remainder, low, high, sign, slope * value)


def head(difference: int, label: int, scales: FixedPoint) -> Head:
    """P = round(2^fd sigmoid) of D clamped to [-2^l, 2^l), and g = P - 2^fd Y."""
    half = 1 << scales.logit_range_bits
    quotient, remainder = rounded(difference, scales.divisor.value)
    high, low = divmod(quotient + half, 2 * half)
    probability = sigmoid(min(max(quotient, -half), half - 1), scales)
    error = probability - (label << scales.gradient_bits)
    return Head(quotient, remainder, low, high, probability, error)


def sigmoid(difference: int, scales: FixedPoint) -> int:
    """round(2^fd / (1 + exp(-difference / 2^fa)))."""
    with localcontext() as context:
        context.prec = 60
        value = (1 << scales.gradient_bits) / (
            1 + (Decimal(-difference) / (1 << scales.activation_bits)).exp()
        )
        return int(value.to_integral_value(ROUND_HALF_EVEN))


def linear(weights: Matrix, bias: Vector, inputs: Vector, scales: FixedPoint) -> Vector:
    """Z = W A + 2^fa b."""
    return [
        sum(weight * value for weight, value in zip(row, inputs, strict=True))
        + (constant << scales.activation_bits)
        for row, constant in zip(weights, bias, strict=True)
    ]


def sample(
    layers: Layers, inputs: Vector, label: int, scales: FixedPoint, class_weights: Sequence[int] = ()
) -> tuple[SampleTrace, list[Vector]]:
    """Forward and backward pass of one sample: its trace, and dZ of every linear layer."""
    weight = class_weights[label] if class_weights else 1
    sums: Matrix = []
    forwards: list[list[Forward]] = []
    values = inputs
    for index, (weights, bias) in enumerate(layers[:-1]):
        sums.append(linear(weights, bias, values, scales))
        forwards.append([forward(total, scales.of_layer(index)) for total in sums[-1]])
        values = [unit.activation for unit in forwards[-1]]
    logits = linear(*layers[-1], values, scales)
    top: Head | SoftmaxHead
    if len(logits) == 2:
        top = head(logits[1] - logits[0], label, scales)
        deltas = [[-weight * top.error, weight * top.error]]
    else:
        top = softmax_head(logits, label, scales)
        deltas = [[weight * error for error in top.errors]]
    back_sums: Matrix = []
    backwards: list[list[Backward]] = []
    for index in range(len(layers) - 1, 0, -1):
        weights = layers[index][0]
        back_sums.insert(0, [
            sum(weights[i][j] * deltas[0][i] for i in range(len(weights))) for j in range(len(weights[0]))
        ])  # fmt: skip
        units = zip(back_sums[0], forwards[index - 1], strict=True)
        ranges = scales.of_layer(index - 1)
        backwards.insert(0, [backward(total, unit.inside, ranges) for total, unit in units])
        deltas.insert(0, [unit.delta for unit in backwards[0]])
    return SampleTrace(sums, forwards, back_sums, backwards, logits, top), deltas


def step(
    layers: Layers,
    inputs: Matrix,
    labels: Vector,
    scales: FixedPoint,
    training: Training,
    class_weights: Sequence[int] = (),
) -> tuple[Layers, list[SampleTrace]]:
    """One SGD step on a batch: the next weights and biases, and every sample's trace."""
    traces, deltas, layer_inputs = [], [], []
    for record, label in zip(inputs, labels, strict=True):
        trace, delta = sample(layers, record, label, scales, class_weights)
        traces.append(trace)
        deltas.append(delta)
        layer_inputs.append([record, *([unit.activation for unit in layer] for layer in trace.forward)])
    batch = range(len(inputs))
    result = []
    for index, (weights, bias) in enumerate(layers):
        next_weights = [
            [
                weight - training.rate * sum(deltas[b][index][i] * layer_inputs[b][index][j] for b in batch)
                for j, weight in enumerate(row)
            ]
            for i, row in enumerate(weights)
        ]
        next_bias = [
            constant - training.rate * (sum(deltas[b][index][i] for b in batch) << scales.activation_bits)
            for i, constant in enumerate(bias)
        ]
        result.append((next_weights, next_bias))
    return result, traces
