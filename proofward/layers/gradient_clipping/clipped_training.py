"""One step on all rows of a hospital with the gradient of each row clipped, in exact integers.

Every row has one slot of the batch, in the order of the schedule; the slots behind them hold rows once more
and weigh nothing. Norms of linear layers come from those of values and gradients (ghost norms); those of
convolutions are made as `record_norms` says. Saturating like any training, the step is a total function of
records.
See `clip_scale` for the numbers and `references.clipped_step` for the specification.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.blas import one_thread
from proofward.layers.arithmetic.exact import EXACT, FloatArray
from proofward.layers.convolutions.conv2d import Conv2d
from proofward.layers.gradient_clipping import conv2d_norms
from proofward.layers.gradient_clipping.clip_scale import MULTIPLIER_BITS, ClipScale
from proofward.layers.local_training.trace import TrainingTrace
from proofward.layers.local_training.training import Trainer, check_batches, check_records, is_small
from proofward.layers.networks.network import Network
from proofward.layers.rules.model import FixedPoint, Int64Array, Training
from proofward.layers.rules.privacy import Privacy

Norms = tuple[Int64Array, ...]


@dataclass(frozen=True)
class Clipped:
    """What a batch's gradients are clipped by, int64 over its slots; of the norms one for each layer.

    values, gradients: ||A||^2 and ||dZ||^2 of linear layers. wholes: ||g_l||^2 of convolutions. root: s.
    shortfall: 2^12 - k, as if every slot had a row. weights: k, and 0 in slots that have none.
    """

    values: Norms
    gradients: Norms
    root: Int64Array
    shortfall: Int64Array
    weights: Int64Array
    wholes: Norms = ()

    @staticmethod
    def of(values: Norms, gradients: Norms, scale: ClipScale, rows: int, wholes: Norms = ()) -> Clipped:
        """By the norms of all slots, of which the first `rows` have a row."""
        squares = square_of(values, gradients, scale, wholes)
        multipliers = scale.multipliers(squares)
        weights = np.where(np.arange(len(multipliers)) < rows, multipliers, 0)
        shortfall = (1 << MULTIPLIER_BITS) - multipliers
        return Clipped(values, gradients, scale.root(squares), shortfall, weights, wholes)

    def above(self, scale: ClipScale) -> Int64Array:
        """e = s^2 - S - 1."""
        return self.root**2 - square_of(self.values, self.gradients, scale, self.wholes) - 1

    def below(self, scale: ClipScale) -> Int64Array:
        """e' = 2 s - 2 - e."""
        return 2 * self.root - 2 - self.above(scale)

    def case(self, scale: ClipScale) -> Int64Array:
        """c, whether a slot's gradient is too long."""
        return (self.root > scale.bound).astype(np.int64)

    def room(self, scale: ClipScale) -> Int64Array:
        """w = q s + (C - s) (1 + c (2^12 - 1))."""
        factor = 1 + self.case(scale) * ((1 << MULTIPLIER_BITS) - 1)
        return self.shortfall * self.root + (scale.bound - self.root) * factor

    def rest(self, scale: ClipScale) -> Int64Array:
        """v = c (s - 1 - w)."""
        return self.case(scale) * (self.root - 1 - self.room(scale))


def square_of(values: Norms, gradients: Norms, scale: ClipScale, wholes: Norms = ()) -> Int64Array:
    """S of all slots, below 2^58."""
    products = zip(scale.products, values, gradients, strict=True)
    parts = [layer.unit**2 * (own + layer.one**2) * gradient for layer, own, gradient in products]
    parts += [layer.unit**2 * own for layer, own in zip(scale.wholes, wholes, strict=True)]
    return np.asarray(np.sum(parts, axis=0), dtype=np.int64)


@dataclass(frozen=True)
class Step:
    """A step before anything is clipped: its trace; by layer what it reads and the gradient of its sums."""

    model: Network
    scales: FixedPoint
    trace: TrainingTrace
    inputs: tuple[FloatArray, ...]
    deltas: tuple[FloatArray, ...]

    @property
    def norms(self) -> tuple[Norms, Norms]:
        """||A||^2 and ||dZ||^2 of linear layers; exact, as they are below 2^53."""
        linear = [index for index, layer in enumerate(self.model.layers) if not isinstance(layer, Conv2d)]
        return _squares(self.inputs, linear), _squares(self.deltas, linear)

    @property
    def wholes(self) -> Norms:
        """||g_l||^2 of convolutions."""
        layers = zip(self.model.layers, self.inputs, self.deltas, self.model.finer, strict=True)
        return tuple(
            conv2d_norms.norms(layer, inputs, deltas, finer.one(self.scales))
            for layer, inputs, deltas, finer in layers
            if isinstance(layer, Conv2d)
        )


@dataclass(frozen=True)
class ClippedUpdate:
    """gradient: G, and update: U, flat int64 (parameters,)."""

    trace: TrainingTrace
    clipped: Clipped
    gradient: Int64Array
    update: Int64Array


def clipped_update(
    model: Network,
    scales: FixedPoint,
    training: Training,
    privacy: Privacy,
    weights: Int64Array,
    features: Int64Array,
    labels: Int64Array,
    batches: Int64Array,
) -> ClippedUpdate:
    """What a hospital submits before noise is added; arguments and errors are those of `training.train`."""
    step = full_step(model, scales, training, weights, features, labels, batches)
    scale = ClipScale.of(model, scales, privacy)
    clipped = Clipped.of(*step.norms, scale, training.trained_rows(len(labels)), step.wholes)
    gradient = summed(model, step, clipped.weights, scale)
    return ClippedUpdate(step.trace, clipped, gradient, scale.divisor.rounded(gradient))


def full_step(
    model: Network,
    scales: FixedPoint,
    training: Training,
    weights: Int64Array,
    features: Int64Array,
    labels: Int64Array,
    batches: Int64Array,
) -> Step:
    """Both passes over all slots of the one batch."""
    check_records(model, scales, features, labels)
    shape = check_batches(training, len(labels), batches)
    trace = TrainingTrace.allocate(model, *shape)
    trainer = Trainer(model, scales, training, len(labels), weights)
    chosen, joints = batches[0], model.joints
    with one_thread(is_small(model, training.batch)):
        forward, backward = trainer.gradients(features[chosen], labels[chosen], trace)
    inputs = tuple(forward.values[joints.reads(index)] for index in range(model.depth))
    deltas = tuple(backward.deltas[joints.joins(index)] for index in range(model.depth))
    return Step(model, scales, trace, inputs, deltas)


def summed(model: Network, step: Step, weights: Int64Array, scale: ClipScale) -> Int64Array:
    """G: the sum over slots of a weight times the gradient of the row there, flat int64 (parameters,).

    No partial sum exceeds the slots times 2^12 C, with the weights that clip, or of a convolution, within a
    slot, 2^12 times the largest gradient; so it is exact in float64 where that is at most 2^53, and in 64-bit
    integers otherwise.
    """
    flat = np.empty(model.parameters, dtype=np.int64)
    most = scale.bound if not scale.wholes else max(scale.bound, scale.most_root)
    floating = len(weights) * most << MULTIPLIER_BITS <= EXACT
    layers = zip(model.layers, scale.layers, model.unflatten(flat), step.inputs, step.deltas, strict=True)
    for layer, norm, (own, biases), inputs, deltas in layers:
        if isinstance(layer, Conv2d):
            found = conv2d_norms.weighted_sum(layer, inputs, deltas, weights, floating=floating)
            own[...], biases[...] = found[0].reshape(own.shape) * norm.unit, found[1] * (norm.one * norm.unit)
            continue
        by_weight: npt.NDArray[np.float64] | Int64Array = deltas * weights[:, None]
        if not floating:
            by_weight, inputs = by_weight.astype(np.int64), inputs.astype(np.int64)
        sums = np.asarray(np.matmul(by_weight.T, inputs), dtype=np.int64)
        own[...] = layer.takes.unpad(sums[: layer.gives.size]).reshape(own.shape) * norm.unit
        biases[...] = layer.biases.unpad(by_weight.sum(axis=0).astype(np.int64) * (norm.one * norm.unit))
    return flat


def _squares(tables: tuple[FloatArray, ...], chosen: Sequence[int]) -> Norms:
    return tuple(np.einsum("ij,ij->i", tables[own], tables[own]).astype(np.int64) for own in chosen)
