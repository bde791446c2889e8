"""What the prover of a convolution computes of each sample by itself, for the norms of its gradients.

All is exact in the field, whatever is committed to. With P the extended patches and dZ the gradients of the
sums (`conv2d_relation`):
    gradients   over (sample, output, top, tap): the sum over positions of dZ P
    products    over (sample, position, position): those of patches, or of gradients of the sums
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from proofward.field.contract import batched_combine_rows, combine_columns
from proofward.field.extension import DEGREE, lift, zeros
from proofward.field.goldilocks import scale, shift
from proofward.field.multilinear import eq_table
from proofward.layers.affine_layers.trained_weights import flat
from proofward.layers.basics.layout import padded
from proofward.layers.columns.stack import Units, sum_last
from proofward.layers.convolutions.conv2d_tables import Conv2dTables
from proofward.layers.convolutions.patches import patches
from proofward.layers.convolutions.pictures import sums_by_tap
from proofward.proof.forms import ONE, ZERO, Form, Point
from proofward.proof.party import Party

Array = npt.NDArray[np.uint64]


def products(left: Array, right: Array) -> Array:
    """Matrix products modulo P of F-tensors (n, R, K) and (n, K, C).

    Two rows at a time are the planes of the weights by which an E-array combines rows.
    """
    count, rows, _ = left.shape
    result = np.empty((count, rows, right.shape[2]), dtype=np.uint64)
    matrices = np.ascontiguousarray(right)
    for row in range(0, rows, 2):
        pair = [row, min(row + 1, rows - 1)]
        planes = np.ascontiguousarray(left[:, pair].transpose(1, 0, 2))
        for plane, own in zip(batched_combine_rows(planes, matrices), pair, strict=True):
            result[:, own] = plane
    return result


class Conv2dSamples(Conv2dTables):
    """Its tables by sample."""

    __slots__ = ()

    @property
    def _slots(self) -> int:
        return 1 << self.shape.log_samples

    def _runs(self) -> Iterator[tuple[slice, slice, slice]]:
        """Of each group its outputs, its channels, and these among the channels of a sum."""
        outputs = len(self.weights) >> self.log_groups
        channels = self._taps_of_a_sum >> self._log_taps
        for group in range(self.groups):
            own = slice(group * channels, (group + 1) * channels)
            yield slice(group * outputs, (group + 1) * outputs), own, slice(channels)

    def _real_deltas(self, party: Party) -> Array:
        """dZ at the positions of the picture: (samples, outputs, positions)."""
        vertical, horizontal = self.axes
        whole = self._delta.matrix(party)
        whole = whole.reshape(self._slots, -1, 1 << vertical.log_outputs, 1 << horizontal.log_outputs)
        real = whole[:, :, : vertical.outputs, : horizontal.outputs]
        return np.ascontiguousarray(real).reshape(*whole.shape[:2], -1)

    def _real_patches(self, party: Party) -> Array:
        """A at the taps of every position of the picture: (samples, positions, channels, taps), padded."""
        vertical, horizontal = self.axes
        pictures = self.inputs.matrix(party)
        pictures = pictures.reshape(self._slots, -1, 1 << vertical.log_size, 1 << horizontal.log_size)
        met = patches(pictures[:, :, : vertical.size, : horizontal.size], *self.axes)
        met = met.reshape(*met.shape[:2], pictures.shape[1], vertical.kernel, horizontal.kernel)
        result = np.zeros((*met.shape[:3], padded(vertical.kernel), padded(horizontal.kernel)), np.uint64)
        result[..., : vertical.kernel, : horizontal.kernel] = met
        return result.reshape(*met.shape[:3], -1)

    def gradients_of_samples(self, party: Party) -> Array:
        """The flat F-array over (sample, output, top, tap)."""
        deltas, met = self._real_deltas(party), self._real_patches(party)
        taps, channels = met.shape[3], self._taps_of_a_sum >> self._log_taps
        result = np.zeros((self._slots, deltas.shape[1], 2, channels, taps), dtype=np.uint64)
        for outputs, own, among in self._runs():
            below = met[:, :, own].reshape(*met.shape[:2], -1)
            made = products(deltas[:, outputs], below)
            result[:, outputs, 0, among] = made.reshape(*made.shape[:2], -1, taps)
        totals = sum_last(deltas).reshape(-1)
        result[:, :, 1, 0, 0] = scale(totals, self.one).reshape(deltas.shape[:2])
        return result.reshape(-1)

    def _pairs(self, values: Array) -> Array:
        """(samples, positions, positions) of the picture, padded and flat."""
        tall, wide = (axis.outputs for axis in self.axes)
        high, broad = (1 << axis.log_outputs for axis in self.axes)
        result = np.zeros((self._slots, high, broad, high, broad), dtype=np.uint64)
        result[:, :tall, :wide, :tall, :wide] = values.reshape(self._slots, tall, wide, tall, wide)
        return result.reshape(-1)

    def products_of_inputs(self, party: Party) -> Array:
        """The flat F-array over (sample, position, position) of products of extended patches."""
        met = self._real_patches(party)
        rows = met.reshape(*met.shape[:2], -1)
        made = products(rows, rows.transpose(0, 2, 1))
        return self._pairs(shift(made.reshape(-1), self.one**2))

    def products_of_deltas(self, party: Party) -> Array:
        """The same of gradients of the sums."""
        deltas = self._real_deltas(party)
        return self._pairs(products(deltas.transpose(0, 2, 1), deltas))

    def patches_of_samples(self, party: Party, position: Point) -> Array:
        """Extended patches at a point of the positions, an E-array over (sample, top, tap)."""
        pictures = lift(self.inputs.matrix(party).reshape(-1)).reshape(DEGREE, self._slots, -1)
        parts = zip(self.axes, self._split(position, "log_outputs"), strict=True)
        result = zeros(self._slots, 2, self._taps_of_a_sum)
        result[:, :, 0] = sums_by_tap(pictures, *(axis.inputs_by_tap(at) for axis, at in parts))
        constant = self._constant(position, (ONE, *(ZERO,) * self.log_inputs))
        for plane, limb in zip(result, constant.limbs, strict=True):
            plane[:, 1, 0] = limb
        return flat(result)

    def deltas_of_samples(self, party: Party, position: Point) -> Array:
        """dZ at a point of the positions, an E-array over (sample, output)."""
        places = self._delta.matrix(party).reshape(-1, 1 << len(position))
        return combine_columns(places, eq_table(position))

    def assert_input(
        self, party: Party, samples: Point, position: Point, extended: Point, value: Form
    ) -> None:
        """value = extended patch at (samples, position, extended), where there are no groups."""
        self._assert_input(party, samples, (), position, extended, value)

    def assert_output(
        self, party: Party, samples: Point, position: Point, output: Point, value: Form
    ) -> None:
        """value = dZ at (samples, output, position), where there are no groups."""
        self._assert_output(party, samples, position, Units.at(output), value)
