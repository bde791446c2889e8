"""A convolution in a proof, as a linear layer over positions and taps.

Its samples are the positions (y, x), its inputs the taps (c, k, l) of the patch A(c, s y + k - p, s x + l -
p). Patches are never laid out: their multilinear extension is
    P~(c, k, l, y, x) = sum over h, w of A~(c, h, w) V(h) V'(w),
where V is kappa of an axis at (y, k), a table that everybody fills (`axis`). The bias is the weight of a tap
that is the constant 2^fa at every position of the picture, and 0 at the positions of the padding.

What is proved: claims on Z, Z_back and W_T - W_0 become claims on A, dZ, and on W at some step
(`trained_weights`). Message order:
    forwards    a sumcheck over steps and taps           prover: the weight and the patch where it ended
                a sumcheck over h and w for the patch    prover: A where it ended
                then the claim on the weight
    backwards   the same with o for c and dZ for A
    update      `trained_weights`, whose claim on the inputs is one on a patch
Soundness: the sumchecks. How it hides: the party pads every message. Padding: kappa leaves out what is
beyond an axis, so Z and Z_back are 0 there, and weights of taps that do not exist stay 0. Source: the matrix
product of Thaler 2013, with a predicate that factors by axis.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.field.contract import batched_combine_rows
from proofward.field.extension import Ext, ext_mul, ext_scale
from proofward.field.goldilocks import shift
from proofward.field.multilinear import eq_table, evaluate
from proofward.field.spatial import shifted_rows
from proofward.layers.axis import Axis
from proofward.layers.claims import DerivedTable
from proofward.layers.pictures import plane_at, products_by_tap, sums_by_tap
from proofward.layers.stack import Units, eq_weights, plain_weights, repeated_eq, sum_last, zero_product
from proofward.layers.trained_weights import TrainedWeights, flat
from proofward.proof.forms import ONE, ZERO, Form, Point
from proofward.proof.party import Party, Tables

Array = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Conv2dRelation(TrainedWeights):
    """`axes` are the vertical and the horizontal one; weights are (outputs, channels * taps), padded."""

    axes: tuple[Axis, Axis]

    @property
    def log_positions(self) -> int:
        return sum(axis.log_outputs for axis in self.axes)

    @property
    def _delta(self) -> DerivedTable:
        assert isinstance(self.gradients, DerivedTable), "a convolution is never the last layer"
        return self.gradients

    @property
    def _log_taps(self) -> int:
        return sum(axis.log_kernel for axis in self.axes)

    def prove_forward(self, party: Party, step: Point, sample: Point, units: Units, claim: Form) -> None:
        """claim = W_t P + 2^fa b_t at (step, sample) and the point (output, y, x) of the units."""
        assert units.point is not None
        outputs, position = Units.at(units.point[: self.log_outputs]), units.point[self.log_outputs :]
        combined: list[Array] = []

        def tables() -> Tables:
            combined.append(self._over_batch(self._inputs(party), sample))
            before = self.weights_before(self._sums_by_tap(party, outputs), self.initial_by_input(outputs))
            return Tables([(before, self._extended_patches(combined[0], position))])

        reduced = party.sumcheck(claim, eq_weights(step) + plain_weights(1 + self.log_inputs), tables)
        weight, value, product = party.send_product(*reduced.factors[0])
        party.assert_zero(reduced.claim - product)
        new_step, extended = reduced.point[: self.shape.log_steps], reduced.point[self.shape.log_steps :]
        channel, _ = self._channel_and_taps(extended)

        def plane() -> Array:
            return plane_at(combined[0], (*new_step, *channel))

        self._assert_patch(party, (*new_step, *sample), position, extended, value, plane)
        self.assert_weight(party, new_step, outputs, extended, weight)

    def prove_backward(self, party: Party, step: Point, sample: Point, unit: Point, claim: Form) -> None:
        """claim = Z_back at (step, sample) and the point (channel, h, w) of the inputs."""
        log_channels = self.log_inputs - self._log_taps
        channel, source = unit[:log_channels], self._split(unit[log_channels:], "log_size")
        combined: list[Array] = []

        def tables() -> Tables:
            combined.append(self._over_batch(self._deltas(party), sample))
            by_axis = [axis.outputs_by_tap(r) for axis, r in zip(self.axes, source, strict=True)]
            by_tap = sums_by_tap(combined[0], *by_axis)
            before = self.weights_before(
                self._sums_by_output(party, channel), self._initial_at_channel(channel)
            )
            return Tables([(before, flat(by_tap))])

        weights = eq_weights(step) + plain_weights(self.log_outputs + self._log_taps)
        reduced = party.sumcheck(claim, weights, tables)
        weight, value, product = party.send_product(*reduced.factors[0])
        party.assert_zero(reduced.claim - product)
        new_step, rest = reduced.point[: self.shape.log_steps], reduced.point[self.shape.log_steps :]
        output, taps = rest[: self.log_outputs], rest[self.log_outputs :]
        kernel = self._split(taps, "log_kernel")
        met = [axis.outputs_at(r, k) for axis, r, k in zip(self.axes, source, kernel, strict=True)]

        def plane() -> Array:
            return plane_at(combined[0], (*new_step, *output))

        position, gradient = self._assert_met(party, value, met, plane)
        self._delta.assert_at(party, (*new_step, *sample), (*output, *position), gradient)
        self.assert_weight(party, new_step, Units.at(output), (ZERO, *channel, *taps), weight)

    def _assert_output(
        self, party: Party, samples: Point, position: Point, units: Units, value: Form
    ) -> None:
        assert units.point is not None
        self._delta.assert_at(party, samples, (*units.point, *position), value)

    def _assert_input(
        self, party: Party, samples: Point, position: Point, extended: Point, value: Form
    ) -> None:
        channel, _ = self._channel_and_taps(extended)

        def plane() -> Array:
            return plane_at(self._over_channels(self._inputs(party), channel), samples)

        self._assert_patch(party, samples, position, extended, value, plane)

    def _assert_patch(
        self,
        party: Party,
        samples: Point,
        position: Point,
        extended: Point,
        value: Form,
        plane: Callable[[], Array],
    ) -> None:
        """value = extended patch at (samples, position, extended); `plane` is A there but for (h, w)."""
        top, rest = extended[0], value - self._constant(position, extended)
        if top == ONE:
            party.assert_zero(rest)
            return
        channel, taps = self._channel_and_taps(extended)
        outputs, kernel = self._split(position, "log_outputs"), self._split(taps, "log_kernel")
        met = [axis.inputs_at(r, k) for axis, r, k in zip(self.axes, outputs, kernel, strict=True)]
        source, entry = self._assert_met(party, rest * (ONE - top).inverse(), met, plane)
        self.inputs.assert_at(party, samples, (*channel, *source), entry)

    def _assert_met(
        self, party: Party, claim: Form, met: list[Array], plane: Callable[[], Array]
    ) -> tuple[Point, Form]:
        """claim = sum of plane times the outer product of `met`; a point and the plane's form there."""
        sizes = [(part.shape[1] - 1).bit_length() for part in met]

        def tables() -> Tables:
            high, low = met
            wide = np.ascontiguousarray(np.repeat(high, low.shape[1], axis=1))
            return Tables([(plane(), ext_mul(wide, np.ascontiguousarray(np.tile(low, (1, high.shape[1])))))])

        reduced = party.sumcheck(claim, plain_weights(sum(sizes)), tables)
        entry = party.send(reduced.factors[0][0])
        high, low = reduced.point[: sizes[0]], reduced.point[sizes[0] :]
        public = party.public(lambda: evaluate(met[0], high) * evaluate(met[1], low))
        party.assert_zero(reduced.claim - entry * public)
        return reduced.point, entry

    def _constant(self, position: Point, extended: Point) -> Ext:
        """The tap of the bias: 2^fa at the positions of the picture."""
        value = extended[0] * zero_product(extended[1:]) * (1 << self.activation_bits)
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

    # -- the prover's tables
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
        """Combined over the channels by eq(channel): an E-array over (step, sample, place in the picture)."""
        samples = 1 << self.shape.log_samples
        pictures = tensor.reshape(samples, 1 << len(channel), -1)
        return flat(batched_combine_rows(repeated_eq(channel, samples), pictures))

    def _extended_patches(self, combined: Array, position: Point) -> Array:
        """Extended patches at a position: over (step, top, tap), flat."""
        parts = zip(self.axes, self._split(position, "log_outputs"), strict=True)
        result = np.zeros((2, self.shape.steps, 2, self.weights.shape[1]), dtype=np.uint64)
        result[:, :, 0] = sums_by_tap(combined, *(axis.inputs_by_tap(own) for axis, own in parts))
        constant = self._constant(position, (ONE, *(ZERO,) * self.log_inputs))
        result[0, :, 1, 0], result[1, :, 1, 0] = constant.c0, constant.c1
        return flat(result)

    def _sums_by_tap(self, party: Party, outputs: Units) -> Array:
        """G_tau combined over outputs: (2, steps, top * taps)."""
        result = np.zeros((2, self.shape.steps, 2, self.weights.shape[1]), dtype=np.uint64)
        if self.shape.steps > 1:
            deltas = self._outputs_over_samples(party, outputs)
            result[:, :, 0] = products_by_tap(deltas, self._inputs(party), self.axes, single_is_output=True)
            # dZ is 0 at the positions of the padding
            sums = sum_last(deltas.reshape(2, self.shape.steps, -1))
            result[:, :, 1, 0] = ext_scale(sums, ONE * (1 << self.activation_bits))
        return result.reshape(2, self.shape.steps, -1)

    def _sums_by_output(self, party: Party, channel: Point) -> Array:
        """G_tau at a channel of the inputs: (2, steps, output * taps)."""
        if self.shape.steps == 1:
            return np.zeros((2, 1, len(self.weights) << self._log_taps), dtype=np.uint64)
        pictures = self._over_channels(self._inputs(party), channel)
        return products_by_tap(pictures, self._deltas(party), self.axes, single_is_output=False)

    def _initial_at_channel(self, channel: Point) -> Array:
        """First weights at a channel of the inputs: (2, output * taps)."""
        tensor = self.weights.reshape(len(self.weights), 1 << len(channel), -1)
        return flat(batched_combine_rows(repeated_eq(channel, len(tensor)), tensor))

    def _outputs_over_samples(self, party: Party, units: Units) -> Array:
        assert units.point is not None
        return self._over_channels(self._deltas(party), units.point)

    def _inputs_over_samples(self, party: Party, extended: Point) -> Array:
        channel, taps = self._channel_and_taps(extended)
        down, across = (eq_table(own) for own in self._split(taps, "log_kernel"))
        vertical, horizontal = self.axes
        tall, wide = 1 << vertical.log_size, 1 << horizontal.log_size
        high, broad = 1 << vertical.log_outputs, 1 << horizontal.log_outputs
        rows = self._over_channels(self._inputs(party), channel).reshape(2, -1, wide)
        rows = shifted_rows(rows, across, horizontal.met, broad)
        columns = rows.reshape(2, -1, tall, broad).transpose(0, 1, 3, 2).reshape(2, -1, tall)
        columns = shifted_rows(columns, down, vertical.met, high)
        places = columns.reshape(2, -1, broad, high).transpose(0, 1, 3, 2)
        scaled = ext_scale(flat(places), ONE - extended[0])
        values = scaled.reshape(2, -1, high, broad)
        constant = extended[0] * zero_product(extended[1:]) * (1 << self.activation_bits)
        inside = (..., slice(vertical.outputs), slice(horizontal.outputs))
        for plane, part in enumerate((constant.c0, constant.c1)):
            real = values[plane][inside]
            values[plane][inside] = shift(np.ascontiguousarray(real).reshape(-1), part).reshape(real.shape)
        return flat(values)
