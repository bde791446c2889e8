"""Fixed-point SGD over a public schedule, with or without its witness, bit-identical everywhere."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from proofward.layers import relu, two_class_head
from proofward.layers.bounds import compile_bounds
from proofward.layers.errors import ConfigurationError, OutOfRange
from proofward.layers.exact import FloatArray, magnitude
from proofward.layers.linear import REMEDY_RANGE, Linear, check_range, round_to_scale
from proofward.layers.model import FixedPoint, Int64Array, Mlp, Training, padded
from proofward.layers.trace import TrainingTrace

_LOGIT_LIMIT = 1 << 51


@dataclass(frozen=True)
class LocalUpdate:
    """Result of a local training: update = W_T - W_0, int64 (parameters,), scale fw; and the witness."""

    update: Int64Array
    trace: TrainingTrace | None


class _Hidden:
    """float64 buffers (B, d) of a hidden layer's integers in this step, named like HiddenTrace."""

    def __init__(self, batch: int, width: int) -> None:
        self.pre_activation, self.sign, self.activation, self.remainder = np.zeros((4, batch, width))
        self.gradient, self.delta, self.gradient_remainder = np.zeros((3, batch, width))


class _Head:
    """float64 buffers of the head's integers in this step, named like HeadTrace."""

    def __init__(self, batch: int, width: int) -> None:
        self.logit_difference, self.remainder, self.probability, self.error, self.labels = np.zeros(
            (5, batch)
        )
        self.sums, self.gradients = np.zeros((2, batch, width))


class Trainer:
    """The SGD state machine: weights, buffers, one `step` at a time."""

    def __init__(
        self, model: Mlp, scales: FixedPoint, training: Training, rows: int, initial_weights: Int64Array
    ) -> None:
        """Copies the weights (flat int64 (parameters,), scale fw).

        Raises ConfigurationError or WraparoundPossible where exactness is not certain beforehand.
        """
        model.check_flat(initial_weights)
        self.bounds = compile_bounds(model, scales, training, rows, initial_weights)
        self.model = model
        self.scales = scales
        self.rate = training.rate
        self.layers: list[Linear] = []
        for bounds, (weights, bias) in zip(self.bounds, model.unflatten(initial_weights), strict=True):
            self.layers.append(Linear(bounds.name, weights, bias, scales))
        self.inputs = np.zeros((training.batch, padded(model.widths[0])))
        self.hidden = [_Hidden(training.batch, padded(width)) for width in model.widths[1:-1]]
        self.head = _Head(training.batch, padded(model.widths[-1]))

    def weights(self) -> Int64Array:
        """Current flat weights, int64 (parameters,), scale fw."""
        flat = np.empty(self.model.parameters, dtype=np.int64)
        for layer, parts in zip(self.layers, self.model.unflatten(flat), strict=True):
            layer.export(*parts)
        return flat

    def step(self, features: Int64Array, labels: Int64Array, step: int) -> None:
        """One SGD step on features (B, d_0) in the input range, labels (B,) 0 or 1; may raise OutOfRange."""
        self.inputs[:, : features.shape[1]] = features
        self.head.labels[:] = labels
        self._forward(step)
        gradients: FloatArray = self.head.gradients
        for index in range(len(self.layers) - 1, 0, -1):
            below = self.hidden[index - 1]
            self._backward(index, gradients, below, step)
            self.layers[index].update(gradients, below.activation, self.rate, step)
            gradients = below.delta
        self.layers[0].update(gradients, self.inputs, self.rate, step)

    def _forward(self, step: int) -> None:
        scales, values = self.scales, self.inputs
        for layer, bounds, hidden in zip(self.layers[:-1], self.bounds[:-1], self.hidden, strict=True):
            layer.forward(values, bounds.inputs, hidden.remainder)
            round_to_scale(hidden.remainder, scales.weight_bits, hidden.pre_activation, hidden.remainder)
            check_range(
                hidden.pre_activation, scales.pre_activation_range, layer.name, "pre-activation", step
            )
            relu.forward(hidden.pre_activation, hidden.sign, hidden.activation)
            values = hidden.activation
        layer, bounds, head = self.layers[-1], self.bounds[-1], self.head
        layer.forward(values, bounds.inputs, head.sums)
        largest = magnitude(head.sums)
        if largest >= _LOGIT_LIMIT:
            raise OutOfRange(
                layer.name, "logit sum", step, largest, 1 - _LOGIT_LIMIT, _LOGIT_LIMIT - 1, REMEDY_RANGE
            )
        difference = two_class_head.logit_difference(head.sums)
        round_to_scale(difference, scales.weight_bits, head.logit_difference, head.remainder)
        check_range(head.logit_difference, scales.logit_range, layer.name, "logit difference", step)
        head.probability[:] = two_class_head.probability(head.logit_difference, scales)
        np.subtract(head.probability, head.labels * (1 << scales.gradient_bits), out=head.error)
        two_class_head.backward(head.error, head.gradients)

    def _backward(self, index: int, gradients: FloatArray, below: _Hidden, step: int) -> None:
        layer, scales = self.layers[index], self.scales
        layer.backward(gradients, self.bounds[index].output_gradients, below.gradient_remainder)
        round_to_scale(below.gradient_remainder, scales.weight_bits, below.gradient, below.gradient_remainder)
        check_range(below.gradient, scales.gradient_range, self.layers[index - 1].name, "gradient", step)
        relu.backward(below.gradient, below.sign, below.delta)

    def record(self, trace: TrainingTrace, step: int) -> None:
        """Copies the step's integers into the trace at position `step`."""
        trace.inputs[step] = self.inputs
        for hidden, stack in zip(self.hidden, trace.hidden, strict=True):
            for field in fields(stack):
                getattr(stack, field.name)[step] = getattr(hidden, field.name)
        for field in fields(trace.head):
            getattr(trace.head, field.name)[step] = getattr(self.head, field.name)


def train(
    model: Mlp,
    scales: FixedPoint,
    training: Training,
    initial_weights: Int64Array,
    features: Int64Array,
    labels: Int64Array,
    batches: Int64Array,
    *,
    trace: bool = False,
) -> LocalUpdate:
    """Local training of one round.

    initial_weights int64 (parameters,) at scale fw; features int64 (n, d_0) at scale fa, in input_range;
    labels int64 (n,) in {0, 1}; batches int64 (T_pad, B) as made by `schedule`. The update is W_T - W_0 after
    the T = training.steps_for(n) real steps; with `trace`, the T_pad - T padding steps are run too and
    recorded. Raises ConfigurationError, WraparoundPossible or OutOfRange.
    """
    check_records(model, scales, features, labels)
    rows = len(labels)
    expected = (training.padded_steps(rows), training.batch)
    if batches.shape != expected or batches.dtype != np.int64 or batches.min() < 0 or batches.max() >= rows:
        raise ConfigurationError(
            "batches",
            f"int64 array of shape {expected} with values below {rows}",
            (str(batches.dtype), batches.shape),
        )
    trainer = Trainer(model, scales, training, rows, initial_weights)
    steps = training.steps_for(rows)
    record = TrainingTrace.allocate(model, *expected) if trace else None
    update = np.zeros_like(initial_weights)
    for step in range(steps if record is None else expected[0]):
        chosen = batches[step]
        trainer.step(features[chosen], labels[chosen], step)
        if record is not None:
            trainer.record(record, step)
        if step == steps - 1:
            update = trainer.weights() - initial_weights
    return LocalUpdate(update, record)


def check_records(model: Mlp, scales: FixedPoint, features: Int64Array, labels: Int64Array) -> None:
    """Raises ConfigurationError unless features and labels have the shapes, dtypes and ranges of `train`."""
    if (
        features.dtype != np.int64
        or features.ndim != 2
        or features.shape[1] != model.widths[0]
        or not len(features)
    ):
        expected = f"int64 array of shape (n >= 1, {model.widths[0]})"
        raise ConfigurationError("features", expected, (str(features.dtype), features.shape))
    low, high = scales.input_range
    if features.min() < low or features.max() > high:
        actual = (int(features.min()), int(features.max()))
        raise ConfigurationError("features", f"values in [{low}, {high}]", actual)
    if labels.dtype != np.int64 or labels.shape != features.shape[:1]:
        raise ConfigurationError(
            "labels", f"int64 array of shape ({len(features)},)", (str(labels.dtype), labels.shape)
        )
    if labels.min() < 0 or labels.max() > 1:
        raise ConfigurationError("labels", "values 0 or 1", (int(labels.min()), int(labels.max())))


def logit_differences(
    model: Mlp, scales: FixedPoint, weights: Int64Array, features: Int64Array
) -> Int64Array:
    """Score of each record under flat `weights`: the logit difference D, scale fa, int64 (n,), unchecked.

    Hidden pre-activations are clipped to their range here, since prediction proves nothing.
    """
    values = np.zeros((len(features), padded(model.widths[0])))
    values[:, : features.shape[1]] = features
    parts = model.unflatten(weights)
    for index, (matrix, bias) in enumerate(parts):
        layer = Linear(f"layer {index + 1}", matrix, bias, scales)
        sums = np.empty((len(features), len(layer.bias)))
        layer.forward(values, scales.pre_activation_range[1], sums)
        if index == len(parts) - 1:
            break
        rounded = np.empty_like(sums)
        round_to_scale(sums, scales.weight_bits, rounded, sums)
        values = np.clip(rounded, 0.0, float(scales.pre_activation_range[1]))
    difference = two_class_head.logit_difference(sums)
    rounded = np.empty_like(difference)
    round_to_scale(difference, scales.weight_bits, rounded, difference)
    return rounded.astype(np.int64)
