"""A convolution in a proof, as a linear layer over positions and taps.

Its samples are the positions (y, x), its inputs the taps (c, k, l) of the patch A(c, s y + k - p, s x + l -
p). Patches are never laid out: their multilinear extension is
    P~(c, k, l, y, x) = sum over h, w of A~(c, h, w) V(h) V'(w),
where V is kappa of an axis at (y, k), a table that everybody fills (`axis`). The bias is the weight of a tap
that is the constant 2^fa at every position of the picture, and 0 at the positions of the padding.

With groups, o and c begin with the same coordinates, those of the group g:
    Z~(g, o, ..) = sum over groups h of eq(g, h) times the sum over taps (c, k, l) of the group of
                   W~(h, o; c, k, l) P~(h, c, k, l, ..),
so a sumcheck runs over the group as well, with eq. Z_back has the same form with o for c.

What is proved: claims on Z, Z_back and W_T - W_0 become claims on A, dZ, and on W at some step
(`trained_weights`). Message order:
    forwards    a sumcheck over steps, groups and taps   prover: the weight and the patch where it ended
                a sumcheck over h and w for the patch    prover: A where it ended
                then the claim on the weight
    backwards   the same with o for c and dZ for A
    update      `trained_weights`, whose claim on the inputs is one on a patch
Soundness: the sumchecks. How it hides: the party pads every message. Padding: kappa leaves out what is
beyond an axis, so Z and Z_back are 0 there, and weights of taps that do not exist stay 0. Source: the matrix
product of Thaler 2013, with a predicate that factors by axis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from proofward.layers.affine_layers.trained_weights import flat
from proofward.layers.columns.public_weights import said_entry
from proofward.layers.columns.stack import Units, eq_weights, plain_weights
from proofward.layers.convolutions.conv2d_samples import Conv2dSamples
from proofward.layers.convolutions.pictures import plane_at, sums_by_tap
from proofward.proof.forms import ONE, ZERO, Form, Point
from proofward.proof.party import Party, Tables

Array = npt.NDArray[np.uint64]


class Conv2dRelation(Conv2dSamples):
    """A convolution in a proof."""

    __slots__ = ()

    def prove_forward(self, party: Party, step: Point, sample: Point, units: Units, claim: Form) -> None:
        """claim = W_t P + 2^fa b_t at (step, sample) and the point (output, y, x) of the units."""
        assert units.point is not None
        outputs, position = Units.at(units.point[: self.log_outputs]), units.point[self.log_outputs :]
        group = outputs.leading(self.log_groups)
        combined: list[Array] = []

        def tables() -> Tables:
            combined.append(self._over_batch(self._inputs(party), sample))
            before = self._weights_by_tap(party, outputs)
            return Tables([(before, self._extended_patches(combined[0], position))])

        weights = eq_weights(step) + eq_weights(group) + plain_weights(1 + self.log_inputs)
        reduced = party.sumcheck(claim, weights, tables)
        weight, value, product = party.send_product(*reduced.factors[0])
        party.assert_zero(reduced.claim - product)
        new_step, rest = reduced.point[: self.shape.log_steps], reduced.point[self.shape.log_steps :]
        own, extended = rest[: self.log_groups], rest[self.log_groups :]
        channel, _ = self._channel_and_taps(extended)

        def plane() -> Array:
            return plane_at(combined[0], (*new_step, *own, *channel))

        self._assert_patch(party, (*new_step, *sample), (*own, *channel), position, extended, value, plane)
        self.assert_weight(party, new_step, outputs.with_leading(own), extended, weight)

    def prove_backward(self, party: Party, step: Point, sample: Point, unit: Point, claim: Form) -> None:
        """claim = Z_back at (step, sample) and the point (channel, h, w) of the inputs."""
        log_channels = self.log_groups + self.log_inputs - self._log_taps
        group, channel = unit[: self.log_groups], unit[self.log_groups : log_channels]
        source = self._split(unit[log_channels:], "log_size")
        combined: list[Array] = []

        def tables() -> Tables:
            combined.append(self._over_batch(self._deltas(party), sample))
            by_axis = [axis.outputs_by_tap(r) for axis, r in zip(self.axes, source, strict=True)]
            by_tap = sums_by_tap(combined[0], *by_axis)
            before = self._weights_by_output(party, channel)
            return Tables([(before, flat(by_tap))])

        weights = eq_weights(step) + eq_weights(group)
        weights += plain_weights(self.log_outputs - self.log_groups + self._log_taps)
        reduced = party.sumcheck(claim, weights, tables)
        weight, value, product = party.send_product(*reduced.factors[0])
        party.assert_zero(reduced.claim - product)
        new_step, rest = reduced.point[: self.shape.log_steps], reduced.point[self.shape.log_steps :]
        output, taps = rest[: self.log_outputs], rest[self.log_outputs :]
        kernel = self._split(taps, "log_kernel")
        met = [axis.outputs_at(r, k) for axis, r, k in zip(self.axes, source, kernel, strict=True)]

        def plane() -> Array:
            return plane_at(combined[0], (*new_step, *output))

        position, gradient = said_entry(party, value, met, plane)
        self._delta.assert_at(party, (*new_step, *sample), (*output, *position), gradient)
        self.assert_weight(party, new_step, Units.at(output), (ZERO, *channel, *taps), weight)

    def _assert_output(
        self, party: Party, samples: Point, position: Point, units: Units, value: Form
    ) -> None:
        assert units.point is not None
        self._delta.assert_at(party, samples, (*units.point, *position), value)

    def _assert_input(
        self, party: Party, samples: Point, group: Point, position: Point, extended: Point, value: Form
    ) -> None:
        channel, _ = self._channel_and_taps(extended)

        def plane() -> Array:
            return plane_at(self._over_channels(self._inputs(party), channel), (*samples, *group))

        self._assert_patch(party, samples, (*group, *channel), position, extended, value, plane)

    def _assert_patch(
        self,
        party: Party,
        samples: Point,
        channel: Point,
        position: Point,
        extended: Point,
        value: Form,
        plane: Callable[[], Array],
        chosen: Sequence[Array] = (),
    ) -> None:
        """value = extended patch at (samples, position, extended); `plane` is A there but for (h, w).

        `channel` is that of all channels, with the group where there are any. Or it is none, the patch is the
        sum of those of all channels by the weights that are `chosen`, and `plane` is over the channel too.
        """
        top, rest = extended[0], value - self._constant(position, extended)
        if top == ONE:
            party.assert_zero(rest)
            return
        _, taps = self._channel_and_taps(extended)
        outputs, kernel = self._split(position, "log_outputs"), self._split(taps, "log_kernel")
        met = [axis.inputs_at(r, k) for axis, r, k in zip(self.axes, outputs, kernel, strict=True)]
        met = [*chosen, *met]
        source, entry = said_entry(party, rest * (ONE - top).inverse(), met, plane)
        self.inputs.assert_at(party, samples, (*channel, *source), entry)
