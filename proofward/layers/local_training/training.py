"""Fixed-point SGD over a public schedule, with or without its witness, bit-identical everywhere.

A total function of admissible records: every value that is rounded saturates, and so do the weights of some
layers where weights have a range. Every integer is exact by public bounds (`bounds`), and no error depends on
what the records say.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from proofward.field.blas import one_thread
from proofward.layers.affine_layers.affine import AffineTrainer
from proofward.layers.arithmetic.exact import FloatArray
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.record import FIRST
from proofward.layers.local_training.passes import Backward, Forward, Passes
from proofward.layers.local_training.trace import TrainingTrace
from proofward.layers.networks.bounds import LayerBounds, compile_bounds, forward_bounds
from proofward.layers.networks.network import Network
from proofward.layers.rules.model import FixedPoint, Int64Array, Training

LITTLE_WORK = 1 << 30
"""Networks whose layers all have fewer products a step train on one thread; measured up to VGG-11."""


@dataclass(frozen=True)
class LocalUpdate:
    """Result of a local training: update = W_T - W_0, int64 (parameters,), and the witness.

    The scale of the update is 2^fw, times `Network.finest`.
    """

    update: Int64Array
    trace: TrainingTrace | None


class Trainer:
    """The SGD state machine: the weights, and one `step` at a time."""

    def __init__(
        self, model: Network, scales: FixedPoint, training: Training, rows: int, initial_weights: Int64Array
    ) -> None:
        """Copies the weights (flat int64 (parameters,), scale fw).

        Raises ConfigurationError or WraparoundPossible where exactness is not certain beforehand.
        """
        model.check_flat(initial_weights)
        self.bounds = compile_bounds(model, scales, training, rows, magnitude(initial_weights))
        self.model = model
        self.scales = scales
        self.increments = training.rates(rows).increments
        self.layers = _trainers(model, scales, initial_weights, self.bounds)
        self.passes = Passes(model, scales, self.layers, self.bounds)
        self.kept: list[deque[tuple[FloatArray, FloatArray]]] = [
            deque(maxlen=len(self.increments)) for _ in self.layers
        ]

    @property
    def saturating(self) -> tuple[int, ...]:
        """The layers whose weights saturate after every step."""
        return tuple(index for index, own in enumerate(self.bounds) if own.saturates)

    def weights(self) -> Int64Array:
        """Current flat weights, int64 (parameters,), at the scale of an update."""
        flat = np.empty(self.model.parameters, dtype=np.int64)
        units = self.model.update_units
        for layer, parts, unit in zip(self.layers, self.model.unflatten(flat), units, strict=True):
            layer.export(*parts)
            for part in parts:
                part *= unit
        return flat

    def step(
        self, features: Int64Array, labels: Int64Array, trace: TrainingTrace | None = None, at: int = 0
    ) -> None:
        """One SGD step on features (B, d_0) in the input range, labels (B,) of classes; recorded at `at`."""
        forward, backward = self.gradients(features, labels, trace, at)
        joints = self.model.joints
        for index, own in enumerate(self.layers):
            self._update(index, backward.deltas[joints.joins(index)], forward.values[joints.reads(index)])
            if self.bounds[index].saturates:
                if trace is not None and (kept := trace.stepped.get(index)) is not None:
                    own.export(kept.weights[at], kept.biases[at])
                own.saturate(self.scales.weight_range)

    def gradients(
        self, features: Int64Array, labels: Int64Array, trace: TrainingTrace | None = None, at: int = 0
    ) -> tuple[Forward, Backward]:
        """Both passes of a step; recorded at `at`."""
        rounding = self.model.last_rounding(self.scales)
        forward = self.passes.forward(features.astype(np.float64))
        logits = forward.sums[-1]
        gradients = self.model.head.gradients(logits, labels, rounding)
        backward = self.passes.backward(forward, gradients.astype(np.float64))
        if trace is not None:
            trace.inputs[at] = forward.values[FIRST]
            trace.head.sums[at] = logits
            trace.head.labels[at] = labels
            trace.record(at, forward, backward)
        return forward, backward

    def _update(self, index: int, gradients: FloatArray, inputs: FloatArray) -> None:
        """W_(t+1) = W_t - sum of e_j G_(t-j): see `momentum`. Without momentum no gradient is kept.

        Every e_j is from 0 to the rate, so weights on the way stay within the bounds of those at the end.
        """
        if len(self.increments) == 1:
            self.layers[index].update(gradients, inputs, self.increments[0])
            return
        kept = self.kept[index]
        kept.appendleft((gradients, inputs))
        for increment, earlier in zip(self.increments, kept, strict=False):
            if increment:
                self.layers[index].update(*earlier, increment)


def _trainers(
    model: Network, scales: FixedPoint, weights: Int64Array, bounds: Sequence[LayerBounds]
) -> list[AffineTrainer]:
    """All layers, from the records upwards, with these weights."""
    result = []
    for layer, parts, own, finer in zip(
        model.layers, model.unflatten(weights), bounds, model.finer, strict=True
    ):
        first, bias = (part * finer.weights for part in parts)
        result.append(layer.trainer(first, bias, finer.one(scales), own.weights))
    return result


def train(
    model: Network,
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
    labels int64 (n,), numbers of classes; batches int64 (T_pad, B) as made by `schedule`. The update is
    W_T - W_0 after the T = training.steps_for(n) real steps; with `trace`, the T_pad - T padding steps are
    run too and recorded. Raises ConfigurationError or WraparoundPossible, which depend on the rules, the
    number of records, the first weights, and whether records and batches have their shapes and ranges: on
    nothing else.
    """
    check_records(model, scales, features, labels)
    rows = len(labels)
    expected = check_batches(training, rows, batches)
    trainer = Trainer(model, scales, training, rows, initial_weights)
    steps = training.steps_for(rows)
    record = TrainingTrace.allocate(model, *expected, trainer.saturating) if trace else None
    update = np.zeros_like(initial_weights)
    with one_thread(is_small(model, training.batch)):
        for step in range(steps if record is None else expected[0]):
            chosen = batches[step]
            trainer.step(features[chosen], labels[chosen], record, step)
            if step == steps - 1:
                update = trainer.weights() - initial_weights * model.finest
    return LocalUpdate(update, record)


def check_batches(training: Training, rows: int, batches: Int64Array) -> tuple[int, int]:
    """(T_pad, B); raises ConfigurationError unless batches have that shape and are of these rows."""
    expected = (training.padded_steps(rows), training.batch)
    if batches.shape != expected or batches.dtype != np.int64 or batches.min() < 0 or batches.max() >= rows:
        raise ConfigurationError(
            "batches",
            f"int64 array of shape {expected} with values below {rows}",
            (str(batches.dtype), batches.shape),
        )
    return expected


def is_small(model: Network, batch: int) -> bool:
    """Whether no layer of a step multiplies so much that several threads are worth while."""
    return max(batch * layer.positions * layer.weights.size for layer in model.layers) < LITTLE_WORK


def check_records(model: Network, scales: FixedPoint, features: Int64Array, labels: Int64Array) -> None:
    """Raises ConfigurationError unless features and labels have the shapes, dtypes and ranges of `train`."""
    if (
        features.dtype != np.int64
        or features.ndim != 2
        or features.shape[1] != model.features
        or not len(features)
    ):
        expected = f"int64 array of shape (n >= 1, {model.features})"
        raise ConfigurationError("features", expected, (str(features.dtype), features.shape))
    low, high = scales.input_range
    if features.min() < low or features.max() > high:
        actual = (int(features.min()), int(features.max()))
        raise ConfigurationError("features", f"values in [{low}, {high}]", actual)
    if labels.dtype != np.int64 or labels.shape != features.shape[:1]:
        raise ConfigurationError(
            "labels", f"int64 array of shape ({len(features)},)", (str(labels.dtype), labels.shape)
        )
    most = model.head.classes - 1
    if labels.min() < 0 or labels.max() > most:
        expected = "values 0 or 1" if most == 1 else f"values 0 to {most}"
        raise ConfigurationError("labels", expected, (int(labels.min()), int(labels.max())))


def magnitude(values: Int64Array) -> int:
    """Largest absolute value of int64 integers, as an int."""
    return max(int(values.max()), -int(values.min()))


def logits_of(model: Network, scales: FixedPoint, weights: Int64Array, features: Int64Array) -> Int64Array:
    """Exact logits Z of each record under flat `weights`, at their scales, int64 (n, classes).

    Hidden layers saturate as in training.
    """
    return model.head.takes.unpad(forward_sums(model, scales, weights, features)[-1])


def forward_sums(
    model: Network, scales: FixedPoint, weights: Int64Array, features: Int64Array
) -> list[Int64Array]:
    """Exact sums of the chain under flat `weights`, at their scales, int64 (n, padded); the logits last."""
    return forward_pass(model, scales, weights, features).sums


def forward_pass(model: Network, scales: FixedPoint, weights: Int64Array, features: Int64Array) -> Forward:
    """The exact forward pass of records under flat `weights`."""
    model.check_flat(weights)
    bounds = forward_bounds(model, scales, magnitude(weights))
    passes = Passes(model, scales, _trainers(model, scales, weights, bounds), bounds)
    return passes.forward(features.astype(np.float64))


def scores(model: Network, scales: FixedPoint, weights: Int64Array, features: Int64Array) -> Int64Array:
    """What decides for a class of each record under flat `weights`, scale fa: see `head.Head.scores`."""
    own = model.last_rounding(scales)
    return model.head.scores(logits_of(model, scales, weights, features), own)


def logit_differences(
    model: Network, scales: FixedPoint, weights: Int64Array, features: Int64Array
) -> Int64Array:
    """Score of each record of two classes: the logit difference D, scale fa, int64 (n,)."""
    if model.head.classes != 2:
        raise ConfigurationError("classes of a score", "2", model.head.classes)
    return scores(model, scales, weights, features)
