"""One axis of a picture under a kernel: which input h a sum at y meets with the tap k, h = s y + k - p.

The predicate kappa(h; y, k) = [h = s y + k - p, 0 <= h < H, 0 <= y < H_out, 0 <= k < K] of a whole picture is
the product of that of its two axes. So its multilinear extension, with some variables summed against public
weights, is a product of two short tables, which a verifier fills itself in H_out K steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from proofward.field.extension import Ext, zeros
from proofward.field.multilinear import eq_table
from proofward.field.spatial import combine_ext_rows
from proofward.layers.basics.layout import log_padded, padded
from proofward.proof.algebra import element
from proofward.proof.forms import ZERO, Point

Array = NDArray[np.uint64]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Axis:
    """size H, kernel K, stride s >= 1, padding 0 <= p < K on both sides; K <= H + 2 p.

    Outputs come in whole windows of `window`; those behind the last one are left out.
    """

    size: int
    kernel: int
    stride: int
    padding: int
    window: int = 1

    @property
    def outputs(self) -> int:
        """H_out = floor((H + 2 p - K) / s) + 1, less what fills no window."""
        everything = (self.size + 2 * self.padding - self.kernel) // self.stride + 1
        return everything - everything % self.window

    @property
    def log_size(self) -> int:
        return log_padded(self.size)

    @property
    def log_outputs(self) -> int:
        return log_padded(self.outputs)

    @property
    def log_kernel(self) -> int:
        return log_padded(self.kernel)

    @property
    def entries(self) -> int:
        """Of the largest of its tables: taps times inputs, or outputs, padded."""
        return padded(self.kernel) * max(padded(self.size), padded(self.outputs))

    @property
    def most_taps(self) -> int:
        """The most sums that one input enters."""
        return int(np.bincount(self.met[2], minlength=1).max())

    @cached_property
    def met(self) -> tuple[Places, Places, Places]:
        """(y, k, h) of all that kappa admits; any two fix the third."""
        y, k = (part.reshape(-1) for part in np.indices((self.outputs, self.kernel)))
        h = self.stride * y + k - self.padding
        inside = (h >= 0) & (h < self.size)
        return y[inside], k[inside], h[inside]

    def met_by(self, tap: int) -> tuple[slice, slice]:
        """The outputs that a tap serves, and the inputs that they meet: runs, since h grows with y by s."""
        served = self.met[1] == tap
        outputs, inputs = self.met[0][served], self.met[2][served]
        if not outputs.size:
            return slice(0), slice(0)
        run = slice(int(outputs[0]), int(outputs[-1]) + 1)
        return run, slice(int(inputs[0]), int(inputs[-1]) + 1, self.stride)

    def inputs_by_tap(self, output: Point) -> Array:
        """sum over y of eq(output, y) kappa: an E-array (2, taps, inputs), padded."""
        y, k, h = self.met
        table = zeros(padded(self.kernel), padded(self.size))
        table[:, k, h] = eq_table(output)[:, y]
        return table

    def outputs_by_tap(self, source: Point) -> Array:
        """sum over h of eq(source, h) kappa: an E-array (2, taps, outputs), padded."""
        y, k, h = self.met
        table = zeros(padded(self.kernel), padded(self.outputs))
        table[:, k, y] = eq_table(source)[:, h]
        return table

    def inputs_at(self, output: Point, tap: Point) -> Array:
        """kappa at a point of outputs and taps: an E-array over the inputs."""
        return combine_ext_rows(eq_table(tap), self.inputs_by_tap(output))

    def outputs_at(self, source: Point, tap: Point) -> Array:
        """kappa at a point of inputs and taps: an E-array over the outputs."""
        return combine_ext_rows(eq_table(tap), self.outputs_by_tap(source))

    def real_outputs_at(self, output: Point) -> Ext:
        """sum over y < H_out of eq(output, y)."""
        total = ZERO
        table = eq_table(output)
        for y in range(self.outputs):
            total = total + element(table, y)
        return total
