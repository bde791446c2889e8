"""A convolution in groups of other numbers of channels or outputs than powers of two, in a proof.

Then no leading digits of a channel are its group. The convolution is proved as one without groups, whose
weights W'(o, c, k, l) are 0 where c is not in the group g(o) of o, by `conv2d_relation` as it stands. What is
different is the weights: W'_0 is 0 there, and so is every gradient of them,
    G'_tau(o, c, k, l) = [g(o) = g(c)] sum over samples and positions of dZ(o, y, x) P(c, k, l, y, x),
so that they stay so. A claim on a weighted sum over steps of G'_tau~ at a point (ro, rc, ..) is one on
    sum over groups g, samples and positions of D(g, ..) P(g, ..)
    D(g, ..) = sum over outputs o of g of eq(ro, o) dZ(o, ..)
    P(g, ..) = sum over channels c of g of eq(rc, c) P(c, ..)
as [g(o) = g(c)] = sum over g of [g(o) = g] [g(c) = g]. The parameters themselves are W(o, i, k, l) with i the
channel in its group. A claim on these, of the update, has eq(ri, i) in the place of eq(rc, c).

What is proved: claims on Z, Z_back and W_T - W_0, as in `conv2d_relation`. Message order: as there, but that
the sumcheck over positions runs over groups too, without eq, and ends at a point g' beside the position; then
    a sumcheck over o of eq(ro, o) eq(g', g(o)) dZ~(o, ..)           prover: dZ where it ended
    a sumcheck over c, h and w for the patch, with eq(g', g(c))      prover: A where it ended
Which channel is in which group is public, so everybody fills these tables. Soundness: the sumchecks. How it
hides: the party pads every message. Padding: as in `conv2d_relation`; channels, outputs and groups that do
not exist are in no sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.contract import batched_combine_rows, combine_rows
from proofward.field.extension import DEGREE, Ext, ext_add, ext_dot, ext_mul, ext_scale, lift, zeros
from proofward.field.multilinear import eq_table, evaluate
from proofward.field.spatial import combine_ext_rows, ext_products
from proofward.layers.affine_layers.trained_weights import flat
from proofward.layers.basics.layout import log_padded
from proofward.layers.columns.public_weights import said_entry
from proofward.layers.columns.stack import Units, sum_last, zero_product
from proofward.layers.convolutions.conv2d_relation import Conv2dRelation
from proofward.layers.convolutions.pictures import products_by_tap
from proofward.proof.forms import ONE, Form, Point
from proofward.proof.party import Party

Array = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Runs:
    """So many groups, and how many channels and outputs each has."""

    count: int
    channels: int
    outputs: int

    @property
    def log_count(self) -> int:
        return log_padded(self.count)

    @property
    def log_channels(self) -> int:
        """log2 of the padded number of channels of all groups."""
        return log_padded(self.count * self.channels)

    def channel_weights(self, channel: Point) -> Array:
        """eq at all channels, or of a point of a group's at those of every group: (2, groups, channels)."""
        table = eq_table(channel)
        if len(channel) == self.log_channels:
            return table[:, : self.count * self.channels].reshape(DEGREE, self.count, -1)
        return np.repeat(table[:, None, : self.channels], self.count, axis=1)

    def output_weights(self, units: Units) -> Array:
        """Weights of the outputs: (2, groups, outputs)."""
        return units.weights[:, : self.count * self.outputs].reshape(DEGREE, self.count, -1)

    def by_place(self, weights: Array, group: Point, length: int) -> Array:
        """weight times eq(group, its group) of weights (2, groups, each): an E-array of this length."""
        own = np.repeat(eq_table(group)[:, : self.count], weights.shape[2], axis=1)
        result = zeros(length)
        result[:, : own.shape[1]] = ext_mul(own, flat(weights))
        return result


@dataclass(frozen=True, slots=True)
class UnevenRelation(Conv2dRelation):
    """A grouped convolution as one without groups; weights are those of the groups, padded."""

    runs: Runs = Runs(1, 1, 1)

    @property
    def log_inputs(self) -> int:
        return self.runs.log_channels + self._log_taps

    @property
    def log_positions(self) -> int:
        """Of groups and positions, in the sumcheck of the weights' gradients."""
        return self.runs.log_count + sum(axis.log_outputs for axis in self.axes)

    @property
    def _taps_of_a_sum(self) -> int:
        return 1 << self.log_inputs

    # -- the first weights
    # ----------------------------------------------------------------------------------------------------

    def _by_run(self) -> Array:
        """First weights: (groups, outputs, channels, taps)."""
        runs = self.runs
        real = self.weights[: runs.count * runs.outputs]
        whole = real.reshape(runs.count, runs.outputs, -1, 1 << self._log_taps)
        return whole[:, :, : runs.channels]

    def _initial_at(self, units: Units, extended: Point) -> Ext:
        top, (channel, taps) = extended[0], self._channel_and_taps(extended)
        outputs, channels = self.runs.output_weights(units), self.runs.channel_weights(channel)
        combined = zeros(1 << self._log_taps)
        for group, weights in enumerate(self._by_run()):
            by_channel = combine_rows(outputs[:, group], weights.reshape(self.runs.outputs, -1))
            by_channel = by_channel.reshape(DEGREE, self.runs.channels, -1)
            combined = ext_add(combined, combine_ext_rows(channels[:, group], by_channel))
        bias = ext_dot(units.weights, lift(self.biases))
        constant = top * zero_product(extended[1:]) * bias
        return (ONE - top) * evaluate(combined, taps) + constant

    def _initial_by_group(self, outputs: Units) -> Array:
        runs, combined = self.runs, self.runs.output_weights(outputs)
        result = zeros(2, 1 << runs.log_channels, 1 << self._log_taps)
        own = self._of_channels(result[:, 0])
        for group, weights in enumerate(self._by_run()):
            rows = np.ascontiguousarray(weights).reshape(runs.outputs, -1)
            own[:, group] = combine_rows(combined[:, group], rows).reshape(own[:, group].shape)
        result[:, 1, 0, 0] = ext_dot(outputs.weights, lift(self.biases)).limbs
        return flat(result)

    def _initial_at_channel(self, channel: Point) -> Array:
        runs, combined = self.runs, self.runs.channel_weights(channel)
        result = zeros(len(self.weights), 1 << self._log_taps)
        for group, weights in enumerate(self._by_run()):
            each = np.repeat(combined[:, None, group], runs.outputs, axis=1)
            outputs = slice(group * runs.outputs, (group + 1) * runs.outputs)
            result[:, outputs] = batched_combine_rows(each, weights)
        return flat(result)

    def _runs(self) -> Iterator[tuple[slice, slice, slice]]:
        for group in range(self.runs.count):
            outputs = slice(group * self.runs.outputs, (group + 1) * self.runs.outputs)
            channels = slice(group * self.runs.channels, (group + 1) * self.runs.channels)
            yield outputs, channels, channels

    # -- the prover's tables
    # ----------------------------------------------------------------------------------------------------

    def _of_channels(self, values: Array) -> Array:
        """A view (2, groups, channels, rest) of an array (2, padded channels, rest)."""
        runs = self.runs
        return values[:, : runs.count * runs.channels].reshape(DEGREE, runs.count, runs.channels, -1)

    def _runs_of(self, tensor: Array, each: int) -> list[Array]:
        """An F-tensor (steps, batch, channel * place) by group: (steps * batch, each, places)."""
        whole = tensor.reshape(1 << self.shape.log_samples, -1, self._places(tensor, each))
        return [whole[:, group * each : (group + 1) * each] for group in range(self.runs.count)]

    def _places(self, tensor: Array, each: int) -> int:
        """How many places a picture of this tensor has."""
        return int(tensor.shape[2]) >> log_padded(self.runs.count * each)

    def _over_each(self, tensor: Array, weights: Array) -> Array:
        """Combined over each group's channels by weights (2, groups, each).

        Gives (2, samples, padded groups, places).
        """
        each, samples = weights.shape[2], 1 << self.shape.log_samples
        result = zeros(samples, 1 << self.runs.log_count, self._places(tensor, each))
        for group, pictures in enumerate(self._runs_of(tensor, each)):
            own = np.repeat(weights[:, None, group], samples, axis=1)
            result[:, :, group] = batched_combine_rows(own, pictures)
        return result

    def _by_steps(self, values: Array, group: int) -> Array:
        """An E-array (2, samples, groups, places) of one group: (2, steps, batch * place)."""
        return np.ascontiguousarray(values[:, :, group]).reshape(DEGREE, self.shape.steps, -1)

    def _sums_by_tap(self, party: Party, outputs: Units) -> Array:
        result = self._by_group()
        if self.shape.steps > 1:
            runs = self.runs
            deltas = self._over_each(self._deltas(party), runs.output_weights(outputs))
            for group, many in enumerate(self._runs_of(self._inputs(party), runs.channels)):
                one = self._by_steps(deltas, group)
                tensor = many.reshape(self.shape.steps, self.shape.batch, -1)
                own = products_by_tap(one, tensor, self.axes, single_is_output=True)
                first = group * own.shape[2]
                result[:, :, 0, 0, first : first + own.shape[2]] = own
                bias = ext_add(np.ascontiguousarray(result[:, :, 0, 1, 0]), sum_last(one))
                result[:, :, 0, 1, 0] = bias
            total = np.ascontiguousarray(result[:, :, 0, 1, 0])
            result[:, :, 0, 1, 0] = ext_scale(total, ONE * self.one)
        return result.reshape(DEGREE, self.shape.steps, -1)

    def _sums_by_output(self, party: Party, channel: Point) -> Array:
        result = zeros(self.shape.steps, len(self.weights) << self._log_taps)
        if self.shape.steps > 1:
            runs = self.runs
            pictures = self._over_each(self._inputs(party), runs.channel_weights(channel))
            for group, many in enumerate(self._runs_of(self._deltas(party), runs.outputs)):
                tensor = many.reshape(self.shape.steps, self.shape.batch, -1)
                one = self._by_steps(pictures, group)
                own = products_by_tap(one, tensor, self.axes, single_is_output=False)
                first = group * own.shape[2]
                result[:, :, first : first + own.shape[2]] = own
        return result

    def _outputs_over_samples(self, party: Party, units: Units) -> Array:
        return flat(self._over_each(self._deltas(party), self.runs.output_weights(units)))

    def _inputs_over_samples(self, party: Party, extended: Point) -> Array:
        channel, _ = self._channel_and_taps(extended)
        pictures = self._over_each(self._inputs(party), self.runs.channel_weights(channel))
        return self._patches_at(flat(pictures), extended)

    # -- where the sum over steps ends
    # ----------------------------------------------------------------------------------------------------

    def _assert_output(
        self, party: Party, samples: Point, position: Point, units: Units, value: Form
    ) -> None:
        group, place = position[: self.runs.log_count], position[self.runs.log_count :]
        weights = self.runs.by_place(self.runs.output_weights(units), group, len(self.weights))

        def at_place() -> Array:
            rows = combine_rows(eq_table(samples), self._delta.matrix(party))
            pictures = rows.reshape(DEGREE, len(self.weights), -1)
            return flat(ext_products(pictures, eq_table(place)[:, None]))

        output, gradient = said_entry(party, value, [weights], at_place)
        self._delta.assert_at(party, samples, (*output, *place), gradient)

    def _assert_input(
        self, party: Party, samples: Point, group: Point, position: Point, extended: Point, value: Form
    ) -> None:
        own, place = position[: self.runs.log_count], position[self.runs.log_count :]
        channel, _ = self._channel_and_taps(extended)
        weights = self.runs.channel_weights(channel)
        chosen = self.runs.by_place(weights, own, 1 << self.runs.log_channels)

        def pictures() -> Array:
            return combine_rows(eq_table(samples), self.inputs.matrix(party))

        self._assert_patch(party, samples, (), place, extended, value, pictures, [chosen])
