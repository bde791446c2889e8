"""ReLU and the mean of its values, of 2 x 2 windows or of a whole picture, behind a convolution.

    forward     A_j = min(max(Q_j, 0), 2^r) as in `relu`;   S = sum of A_j over the 2^e sums of a window
    backward    dZ_j = s_j dS,   dS the saturated gradient of the mean as in `relu`

The layer above reads S, which is the mean at a scale that is finer by e bits (`means`): nothing is divided,
so nothing is rounded. A value saturates before the mean is taken, and where it does it passes no gradient.

A whole picture has a power of two of values, hence such a height and width. Windows of 2 x 2 leave out a last
row or column that fills none (`Affine.for_windows`).

What is proved is `relu`, with the columns of gradients at the windows: dS belongs to all the sums of its
window,
    dS~(window, tap) = dS~(window),
as it does not depend on the tap. S is not committed to and not looked up: a claim on S~ at a window is one on
A~ with every coordinate of the tap at 1/2,
    S~(window) = sum over taps of A~(window, tap) = 2^e A~(window, 1/2, .., 1/2).
Uniqueness and soundness are those of `relu`: S is a function of A.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from proofward.layers import relu
from proofward.layers.activation import (
    Activation,
    ActivationForward,
    ActivationRelation,
    HiddenTrace,
    RealArray,
)
from proofward.layers.beyond import Beyond
from proofward.layers.claims import DerivedTable
from proofward.layers.errors import ConfigurationError
from proofward.layers.layout import Layout
from proofward.layers.model import FixedPoint, Int64Array
from proofward.layers.plain import integer
from proofward.layers.ranges import RangeChecks
from proofward.layers.relu import Relu, ReluRelation
from proofward.layers.relu_forward import ReluForward
from proofward.layers.stack import Shape, sum_last
from proofward.proof.forms import ONE, Column, Form, Point
from proofward.proof.lookup import LinearCombination
from proofward.proof.party import Party

Array = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Windows:
    """Windows of 2^down x 2^across values, side by side, of padded pictures (.., height, width)."""

    axes: tuple[int, ...]
    down: int
    across: int

    def apart(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """(n, channels, rows of windows, columns of windows, taps) of values of these axes."""
        channels, height, width = self.axes
        tall, wide = 1 << self.down, 1 << self.across
        whole = values.reshape(-1, channels, height // tall, tall, width // wide, wide)
        return whole.transpose(0, 1, 2, 4, 3, 5).reshape(*_windows(whole), tall * wide)

    def spread(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Each window's value at all its taps: (n, channels * height * width)."""
        channels, height, width = self.axes
        tall, wide = 1 << self.down, 1 << self.across
        pictures = values.reshape(-1, channels, height // tall, width // wide)
        return pictures.repeat(tall, axis=2).repeat(wide, axis=3).reshape(len(pictures), -1)

    def of_sum(self, point: Point) -> Point:
        """The window's coordinates of a point of (.., height, width)."""
        wide = (self.axes[2] - 1).bit_length()
        rows, columns = point[: len(point) - wide], point[len(point) - wide :]
        return (*rows[: len(rows) - self.down], *columns[: wide - self.across])

    def at_half(self, point: Point) -> Point:
        """The point of (.., height, width) with 1/2 in every coordinate of the tap."""
        half, wide = (ONE * 2).inverse(), (self.axes[2] - 1).bit_length() - self.across
        rows, columns = point[: len(point) - wide], point[len(point) - wide :]
        return (*rows, *(half,) * self.down, *columns, *(half,) * self.across)


def _windows(whole: npt.NDArray[Any]) -> tuple[int, ...]:
    count, channels, rows, _, columns, _ = whole.shape
    return count, channels, rows, columns


@dataclass(frozen=True)
class ReluMean(Activation):
    """A value for every window of the sums of a channel."""

    passes: ClassVar[int] = 4

    def __post_init__(self) -> None:
        if len(self.takes.axes) != 3:
            raise ConfigurationError("pooled sums", "(channels, height, width)", self.takes.axes)

    def _bits(self) -> tuple[int, int]:
        """log2 of a window's height and width."""
        return 1, 1

    @property
    def mean_bits(self) -> int:
        return sum(self._bits())

    @property
    def gives(self) -> Layout:
        channels, height, width = self.takes.axes
        down, across = self._bits()
        return Layout((channels, height >> down, width >> across))

    @property
    def _padded(self) -> Windows:
        return Windows(self.takes.padded_axes, *self._bits())

    def forward(self, sums: Int64Array, scales: FixedPoint) -> Int64Array:
        values = self._padded.apart(relu.activation(sums, scales)).sum(axis=-1)
        result: Int64Array = values.reshape(len(sums), -1)
        return result

    def backward(self, sums: Int64Array, back_sums: Int64Array, scales: FixedPoint) -> Int64Array:
        passed: Int64Array = self._padded.spread(relu.saturated(back_sums, scales))
        return relu.slope(sums, scales) * passed

    def real_values(self, sums: RealArray, limit: float) -> RealArray:
        windows = Windows(self.takes.axes, *self._bits())
        values: RealArray = windows.apart(np.clip(sums, 0, limit)).mean(axis=-1)
        return values.reshape(len(sums), -1)

    def real_gradients(self, sums: RealArray, gradients: RealArray, limit: float) -> RealArray:
        shares = Windows(self.takes.axes, *self._bits()).spread(gradients) / (1 << self.mean_bits)
        return np.multiply((sums > 0) & (sums < limit), shares)

    def committed(self, scales: FixedPoint, limbs_above: tuple[Beyond, Beyond]) -> int:
        back = self.gives.padded_size * ReluRelation.count_back(scales, limbs_above[1])
        return self.forward_committed(scales, limbs_above[0]) + back

    def forward_committed(self, scales: FixedPoint, limb_above: Beyond) -> int:
        return Relu(self.takes).forward_committed(scales, limb_above)

    def relation(
        self,
        ranges: RangeChecks,
        scales: FixedPoint,
        shape: Shape,
        *,
        name: str,
        limbs_above: tuple[Beyond, Beyond],
        trace: Callable[[], HiddenTrace],
    ) -> ActivationRelation:
        def sums() -> Int64Array:
            return trace().sums

        windows = self._padded
        own = ReluRelation.declare(
            ranges,
            scales,
            shape,
            name=name,
            log_units=self.takes.log_size,
            log_values=self.gives.log_size,
            limbs_above=limbs_above,
            sums=sums,
            back_sums=lambda: trace().back_sums,
            forward=relu.rounding_of(ranges, scales, name, sums, limbs_above[0].limb_bits),
            over_sums=lambda gradient: OverSums(gradient, windows),
        )
        values = WindowSums(own.values.table, windows)
        return MeanRelation(own.forward, own.backward, values, own.delta, own)

    def forward_relation(
        self,
        ranges: RangeChecks,
        scales: FixedPoint,
        shape: Shape,
        *,
        name: str,
        limb_above: Beyond,
        sums: Callable[[], Int64Array],
    ) -> ActivationForward:
        own = Relu(self.takes).forward_relation(
            ranges, scales, shape, name=name, limb_above=limb_above, sums=sums
        )
        return MeanForward(own.forward, WindowSums(own.table, self._padded), own)


@dataclass(frozen=True)
class ReluAvgPool2d(ReluMean):
    """Windows of 2 x 2 with stride 2."""

    kind: ClassVar[str] = "relu_avgpool2d"
    window: ClassVar[int] = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        for axis in self.takes.axes[1:]:
            integer("even height and width of pooled sums", axis % 2, 0, 0)


@dataclass(frozen=True)
class ReluGlobalAvgPool(ReluMean):
    """The whole picture."""

    kind: ClassVar[str] = "relu_global_avgpool"
    passes: ClassVar[int] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        for axis in self.takes.axes[1:]:
            if axis & (axis - 1):
                words = "a power of two of rows and of columns (or flatten the picture)"
                raise ConfigurationError("mean of a whole picture", words, self.takes.words)

    def _bits(self) -> tuple[int, int]:
        _, tall, wide = self.takes.log_axes
        return tall, wide


@dataclass(frozen=True, slots=True)
class WindowSums:
    """The sums of a table over windows, as an Input."""

    values: DerivedTable
    windows: Windows

    def matrix(self, party: Party) -> Array:
        parts = np.ascontiguousarray(self.windows.apart(self.values.matrix(party)))
        return sum_last(parts).reshape(1 << self.values.shape.log_samples, -1)

    def assert_at(self, party: Party, samples: Point, unit: Point, claim: Form) -> None:
        share = (ONE * (1 << (self.windows.down + self.windows.across))).inverse()
        self.values.assert_at(party, samples, self.windows.at_half(unit), claim * share)


@dataclass(frozen=True, slots=True)
class OverSums:
    """A column over windows as one over their sums: the same value at every tap."""

    gradient: LinearCombination
    windows: Windows

    @property
    def log_size(self) -> int:
        return self.gradient.log_size + self.windows.down + self.windows.across

    def at(self, point: Point) -> Form:
        return self.gradient.at(self.windows.of_sum(point))

    def values(self, of: Callable[[Column], Array]) -> Array:
        flat: Array = self.windows.spread(self.gradient.values(of)).reshape(-1)
        return flat


@dataclass(frozen=True, slots=True)
class MeanForward(ActivationForward):
    """`relu` of the sums, forwards alone."""

    relu: ReluForward

    def prove_values(self, party: Party) -> None:
        self.relu.prove_values(party)


@dataclass(frozen=True, slots=True)
class MeanRelation(ActivationRelation):
    """`relu` of the sums, with one gradient for every window."""

    relu: ReluRelation

    def prove_values(self, party: Party) -> None:
        self.relu.prove_values(party)
