"""The specification of one SGD step in plain Python integers: what the fast trainer must equal."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

from proofward.layers.model import FixedPoint, Training

Vector = list[int]
Matrix = list[Vector]
Layers = list[tuple[Matrix, Vector]]


@dataclass(frozen=True)
class SampleTrace:
    """Integers of one sample: per hidden layer (Q, R, s, A, G, R_back, dZ) as vectors; the head's scalars."""

    pre_activations: Matrix
    remainders: Matrix
    signs: Matrix
    activations: Matrix
    gradients: Matrix
    gradient_remainders: Matrix
    deltas: Matrix
    logit_difference: int
    logit_remainder: int
    probability: int
    error: int


def rounded(value: int, bits: int) -> tuple[int, int]:
    """(Q, R) with value + 2^(bits-1) = 2^bits Q + R and 0 <= R < 2^bits."""
    return divmod(value + (1 << (bits - 1)), 1 << bits)


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
    layers: Layers, inputs: Vector, label: int, scales: FixedPoint
) -> tuple[SampleTrace, list[Vector]]:
    """Forward and backward pass of one sample: its trace, and dZ of every linear layer."""
    bits = scales.weight_bits
    pre_activations, remainders, signs, activations = [], [], [], []
    values = inputs
    for weights, bias in layers[:-1]:
        pairs = [rounded(total, bits) for total in linear(weights, bias, values, scales)]
        sign = [int(quotient > 0) for quotient, _ in pairs]
        values = [positive * quotient for positive, (quotient, _) in zip(sign, pairs, strict=True)]
        pre_activations.append([quotient for quotient, _ in pairs])
        remainders.append([remainder for _, remainder in pairs])
        signs.append(sign)
        activations.append(values)
    logits = linear(*layers[-1], values, scales)
    difference, logit_remainder = rounded(logits[1] - logits[0], bits)
    probability = sigmoid(difference, scales)
    error = probability - (label << scales.gradient_bits)
    deltas = [[-error, error]]
    gradients: Matrix = []
    gradient_remainders: Matrix = []
    for index in range(len(layers) - 1, 0, -1):
        weights = layers[index][0]
        back = [
            sum(weights[i][j] * deltas[0][i] for i in range(len(weights))) for j in range(len(weights[0]))
        ]
        pairs = [rounded(total, bits) for total in back]
        gradients.insert(0, [quotient for quotient, _ in pairs])
        gradient_remainders.insert(0, [remainder for _, remainder in pairs])
        deltas.insert(0, [s * g for s, g in zip(signs[index - 1], gradients[0], strict=True)])
    trace = SampleTrace(
        pre_activations, remainders, signs, activations, gradients, gradient_remainders, deltas[:-1],
        difference, logit_remainder, probability, error,
    )  # fmt: skip
    return trace, deltas


def step(
    layers: Layers, inputs: Matrix, labels: Vector, scales: FixedPoint, training: Training
) -> tuple[Layers, list[SampleTrace]]:
    """One SGD step on a batch: the next weights and biases, and every sample's trace."""
    traces, deltas, layer_inputs = [], [], []
    for record, label in zip(inputs, labels, strict=True):
        trace, delta = sample(layers, record, label, scales)
        traces.append(trace)
        deltas.append(delta)
        layer_inputs.append([record, *trace.activations])
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
