"""What the prover of a convolution computes from A, dZ and the first weights (`conv2d_relation`).

Groups are the leading coordinates of the outputs and of the channels, so each has the same power of two of
both. The tables lie over (step, sample, group, place) and over (step, group, top, tap).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from proofward.field.contract import batched_combine_rows, combine_rows
from proofward.field.extension import DEGREE, Ext, ext_scale, zeros
from proofward.field.goldilocks import shift
from proofward.field.multilinear import eq_table
from proofward.field.spatial import shifted_rows
from proofward.layers.affine_layers.trained_weights import TrainedWeights, flat
from proofward.layers.basics.layout import log_padded
from proofward.layers.columns.stack import Table, Units, repeated_eq, sum_last, zero_product
from proofward.layers.convolutions.axis import Axis
from proofward.layers.convolutions.pictures import products_by_tap, sums_by_tap
from proofward.proof.forms import ONE, ZERO, Point
from proofward.proof.party import Party

Array = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Conv2dTables(TrainedWeights):
    """`axes` are the vertical and the horizontal one; weights are (outputs, taps of a group), padded."""

    axes: tuple[Axis, Axis]
    groups: int = 1

    @property
    def log_groups(self) -> int:
        return log_padded(self.groups)

    @property
    def log_positions(self) -> int:
        return sum(axis.log_outputs for axis in self.axes)

    @property
    def _delta(self) -> Table:
        assert isinstance(self.gradients, Table), "a convolution is never the last layer"
        return self.gradients

    @property
    def _taps_of_a_sum(self) -> int:
        """Those of all channels of a group, padded."""
        return int(self.weights.shape[1])

    @property
    def _log_taps(self) -> int:
        return sum(axis.log_kernel for axis in self.axes)

    def _constant(self, position: Point, extended: Point) -> Ext:
        """The tap of the bias: 2^fa at the positions of the picture."""
        value = extended[0] * zero_product(extended[1:]) * self.one
        for axis, own in zip(self.axes, self._split(position, "log_outputs"), strict=True):
            value = value * axis.real_outputs_at(own)
        return value

    def _channel_and_taps(self, extended: Point) -> tuple[Point, Point]:
        """The parts of an extended input behind its first coordinate."""
        taps = len(extended) - self._log_taps
        return extended[1:taps], extended[taps:]

    def _split(self, point: Point, size: str) -> tuple[Point, Point]:
        """The parts of a point that belong to the axes; `size` names the length of an axis's part."""
        first = int(getattr(self.axes[0], size))
        return point[:first], point[first:]

    # -- tables
    # ----------------------------------------------------------------------------------------------------

    def _inputs(self, party: Party) -> Array:
        """A as an F-tensor (steps, batch, channel * h * w)."""
        return self.inputs.matrix(party).reshape(self.shape.steps, self.shape.batch, -1)

    def _deltas(self, party: Party) -> Array:
        """dZ as an F-tensor (steps, batch, output * y * x)."""
        return self._delta.matrix(party).reshape(self.shape.steps, self.shape.batch, -1)

    def _over_batch(self, tensor: Array, sample: Point) -> Array:
        """Combined over the batch by eq(sample): (2, steps, width)."""
        return batched_combine_rows(repeated_eq(sample, self.shape.steps), tensor)

    def _over_channels(self, tensor: Array, channel: Point) -> Array:
        """Combined over a group's channels by eq: an E-array over (step, sample, group, place)."""
        count = 1 << (self.shape.log_samples + self.log_groups)
        pictures = tensor.reshape(count, 1 << len(channel), -1)
        return flat(batched_combine_rows(repeated_eq(channel, count), pictures))

    def _weights_by_tap(self, party: Party, outputs: Units) -> Array:
        """W_t combined over a group's outputs, an E-array over (step, group, top, tap)."""
        if self.saturated is None:
            sums = self._sums_by_tap(party, outputs)
            return self.weights_before(sums, self._initial_by_group(outputs))
        return self._of_steps(party, lambda own: own._initial_by_group(outputs))

    def _weights_by_output(self, party: Party, channel: Point) -> Array:
        """W_t at a channel of each group's inputs, an E-array over (step, output, tap)."""
        if self.saturated is None:
            sums = self._sums_by_output(party, channel)
            return self.weights_before(sums, self._initial_at_channel(channel))
        return self._of_steps(party, lambda own: own._initial_at_channel(channel))

    def _of_steps(self, party: Party, make: Callable[[Self], Array]) -> Array:
        """What is made of the layer with the weights of every step as its first ones, flat over steps."""
        assert self.saturated is not None
        weights, biases = (own.by_step(party) for own in (self.saturated.weights, self.saturated.biases))
        steps = [self]
        for matrix, vector in zip(weights[:-1], biases[:-1], strict=True):
            steps.append(replace(self, weights=matrix.reshape(self.weights.shape), biases=vector))
        return flat(np.stack([make(own) for own in steps], axis=1))

    def _initial_by_group(self, outputs: Units) -> Array:
        """The first extended weights combined over a group's outputs: (2, group * top * tap)."""
        assert outputs.point is not None
        own = outputs.point[self.log_groups :]
        result = zeros(1 << self.log_groups, 2, self.weights.shape[1])
        for group in range(self.groups):
            outputs_of_it = slice(group << len(own), (group + 1) << len(own))
            result[:, group, 0] = combine_rows(eq_table(own), self.weights[outputs_of_it])
            result[:, group, 1, :1] = combine_rows(eq_table(own), self.biases[outputs_of_it, None])
        return flat(result)

    def _extended_patches(self, combined: Array, position: Point) -> Array:
        """Extended patches at a position: over (step, group, top, tap), flat."""
        parts = zip(self.axes, self._split(position, "log_outputs"), strict=True)
        result = self._by_group()
        own = sums_by_tap(combined, *(axis.inputs_by_tap(at) for axis, at in parts))
        result[:, :, :, 0] = own.reshape(DEGREE, self.shape.steps, 1 << self.log_groups, -1)
        constant = self._constant(position, (ONE, *(ZERO,) * self.log_inputs))
        for plane, limb in zip(result, constant.limbs, strict=True):
            plane[:, :, 1, 0] = limb
        return flat(result)

    def _by_group(self) -> Array:
        """Zeros over (step, group, top, tap)."""
        return zeros(self.shape.steps, 1 << self.log_groups, 2, self._taps_of_a_sum)

    def _groups_of(self, values: Array) -> list[Array]:
        """A table (.., steps, batch, group * rest) by group, without those of the padding."""
        sizes = (*values.shape[:-1], 1 << self.log_groups, -1)
        whole = values.reshape(sizes)
        return [np.ascontiguousarray(whole[..., group, :]) for group in range(self.groups)]

    def _by_sample(self, combined: Array) -> list[Array]:
        """An E-array over (step, sample, group, place) by group."""
        parts = self._groups_of(combined.reshape(DEGREE, self.shape.steps, self.shape.batch, -1))
        return [part.reshape(DEGREE, self.shape.steps, -1) for part in parts]

    def _sums_by_tap(self, party: Party, outputs: Units) -> Array:
        """G_tau combined over a group's outputs: (2, steps, group * top * taps)."""
        result = self._by_group()
        if self.shape.steps > 1:
            deltas = self._by_sample(self._outputs_over_samples(party, outputs))
            inputs = self._groups_of(self._inputs(party))
            for group, (one, many) in enumerate(zip(deltas, inputs, strict=True)):
                own = products_by_tap(one, many, self.axes, single_is_output=True)
                result[:, :, group, 0] = own
                # dZ is 0 at the positions of the padding
                result[:, :, group, 1, 0] = ext_scale(sum_last(one), ONE * self.one)
        return result.reshape(DEGREE, self.shape.steps, -1)

    def _sums_by_output(self, party: Party, channel: Point) -> Array:
        """G_tau at a channel of each group's inputs: (2, steps, output * taps)."""
        own = (len(self.weights) >> self.log_groups) << self._log_taps
        result = zeros(self.shape.steps, 1 << self.log_groups, own)
        if self.shape.steps > 1:
            pictures = self._by_sample(self._over_channels(self._inputs(party), channel))
            deltas = self._groups_of(self._deltas(party))
            for group, (one, many) in enumerate(zip(pictures, deltas, strict=True)):
                result[:, :, group] = products_by_tap(one, many, self.axes, single_is_output=False)
        return result.reshape(DEGREE, self.shape.steps, -1)

    def _initial_at_channel(self, channel: Point) -> Array:
        """First weights at a channel of the inputs: (2, output * taps)."""
        tensor = self.weights.reshape(len(self.weights), 1 << len(channel), -1)
        return flat(batched_combine_rows(repeated_eq(channel, len(tensor)), tensor))

    def _outputs_over_samples(self, party: Party, units: Units) -> Array:
        assert units.point is not None
        return self._over_channels(self._deltas(party), units.point[self.log_groups :])

    def _inputs_over_samples(self, party: Party, extended: Point) -> Array:
        channel, _ = self._channel_and_taps(extended)
        return self._patches_at(self._over_channels(self._inputs(party), channel), extended)

    def _patches_at(self, pictures: Array, extended: Point) -> Array:
        """Extended patches at a tap, of pictures over (.., place) at its channel: over (.., position)."""
        _, taps = self._channel_and_taps(extended)
        down, across = (eq_table(own) for own in self._split(taps, "log_kernel"))
        vertical, horizontal = self.axes
        tall, wide = 1 << vertical.log_size, 1 << horizontal.log_size
        high, broad = 1 << vertical.log_outputs, 1 << horizontal.log_outputs
        rows = shifted_rows(pictures.reshape(DEGREE, -1, wide), across, horizontal.met, broad)
        columns = rows.reshape(DEGREE, -1, tall, broad).transpose(0, 1, 3, 2).reshape(DEGREE, -1, tall)
        columns = shifted_rows(columns, down, vertical.met, high)
        places = columns.reshape(DEGREE, -1, broad, high).transpose(0, 1, 3, 2)
        scaled = ext_scale(flat(places), ONE - extended[0])
        values = scaled.reshape(DEGREE, -1, high, broad)
        constant = extended[0] * zero_product(extended[1:]) * self.one
        inside = (..., slice(vertical.outputs), slice(horizontal.outputs))
        for plane, part in enumerate(constant.limbs):
            real = values[plane][inside]
            values[plane][inside] = shift(np.ascontiguousarray(real).reshape(-1), part).reshape(real.shape)
        return flat(values)
