"""ReLU and max-pooling of 2 x 2 windows with stride 2, as one activation behind a convolution.

    forward     Q_j the rounded sums of a window, j = 2 wy + wx;  Q = max_j Q_j;  A = min(max(Q, 0), 2^r)
    backward    dZ_j = e_j dQ,   dQ the gradient of Q as in `relu`,   e_j = 1 at the first j with Q_j = Q

Rounding, ReLU and its limit are monotone, so the order of pooling and ReLU changes no value. Ties go to the
first tap, row by row, as in PyTorch. The maximum is taken before values saturate: where it is 0 or less, or
above 2^r, the window passes no gradient, and where it is 2^r exactly it does, as in `relu`.

Heights and widths are even. A last row or column that fills no window belongs to no window and is never
computed (`Affine.for_windows`), so nothing of it has to be excluded from the proof.

The proof is in `relu_maxpool2d_relation`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from proofward.layers.activations import relu
from proofward.layers.activations.activation import Activation, HiddenTrace, RealArray
from proofward.layers.activations.choice_of_maxima import distance_bits
from proofward.layers.activations.relu_maxpool2d_relation import PooledForward, PooledRelation
from proofward.layers.activations.windows import first_maximum, maximum, spread, taps
from proofward.layers.arithmetic.beyond import Beyond, Span
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.arithmetic.rounding import rounded
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.layout import Layout
from proofward.layers.basics.plain import integer
from proofward.layers.columns.stack import Shape
from proofward.layers.rules.model import FixedPoint, Int64Array

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True)
class ReluMaxPool2d(Activation):
    """A value for every window of 2 x 2 sums of a channel."""

    kind: ClassVar[str] = "relu_maxpool2d"
    reach: ClassVar[int] = 6

    def __post_init__(self) -> None:
        if len(self.takes.axes) != 3:
            raise ConfigurationError("pooled sums", "(channels, height, width)", self.takes.axes)
        for axis in self.takes.axes[1:]:
            integer("even height and width of pooled sums", axis % 2, 0, 0)

    @classmethod
    def window_of(cls, plain: Mapping[str, object]) -> int:
        return 2

    @property
    def gives(self) -> Layout:
        channels, height, width = self.takes.axes
        return Layout((channels, height // 2, width // 2))

    def forward(self, sums: Int64Array, scales: FixedPoint) -> Int64Array:
        return relu.activation(self._greatest(sums), scales)

    def backward(self, sums: Int64Array, back_sums: Int64Array, scales: FixedPoint) -> Int64Array:
        passed = relu.slope(self._greatest(sums), scales) * relu.saturated(back_sums, scales)
        return _routed(first_maximum(taps(rounded(sums, scales), self._axes)), passed, self._axes)

    def real_values(self, sums: RealArray, limit: float) -> RealArray:
        greatest = maximum(taps(sums, self.takes.axes)).reshape(len(sums), -1)
        return np.clip(greatest, 0, limit)

    def real_gradients(self, sums: RealArray, gradients: RealArray, limit: float) -> RealArray:
        parts = taps(sums, self.takes.axes)
        greatest = maximum(parts).reshape(gradients.shape)
        passed = np.multiply((greatest > 0) & (greatest < limit), gradients)
        return _routed(first_maximum(parts), passed, self.takes.axes)

    def rounded_off(self, scales: FixedPoint, span: Span, *, backward: bool) -> list[tuple[int, int]]:
        found = super().rounded_off(scales, span, backward=backward)
        return [*found, (distance_bits(scales, span), self.takes.padded_size)]

    def committed(self, scales: FixedPoint, limbs_above: tuple[Beyond, Beyond]) -> int:
        return PooledRelation.count(self.takes, self.gives, scales, limbs_above)

    def forward_committed(self, scales: FixedPoint, limb_above: Beyond) -> int:
        return PooledForward.count(self.takes, self.gives, scales, limb_above)

    def relation(
        self,
        ranges: RangeChecks,
        scales: FixedPoint,
        shape: Shape,
        *,
        name: str,
        limbs_above: tuple[Beyond, Beyond],
        trace: Callable[[], HiddenTrace],
    ) -> PooledRelation:
        return PooledRelation.declare(
            ranges, scales, shape, name=name, layout=self.takes, limbs_above=limbs_above, trace=trace
        )

    def forward_relation(
        self,
        ranges: RangeChecks,
        scales: FixedPoint,
        shape: Shape,
        *,
        name: str,
        limb_above: Beyond,
        sums: Callable[[], Int64Array],
    ) -> PooledForward:
        return PooledForward.declare(
            ranges, scales, shape, name=name, layout=self.takes, limb_above=limb_above, sums=sums
        )

    @property
    def _axes(self) -> tuple[int, ...]:
        return self.takes.padded_axes

    def _greatest(self, sums: Int64Array) -> Int64Array:
        """The greatest sum of every window, (B, padded): its rounding is the greatest of the rounded ones."""
        return maximum(taps(sums, self._axes)).reshape(len(sums), -1)


def _routed(chosen: list[NDArray[np.bool_]], passed: NDArray[T], axes: tuple[int, ...]) -> NDArray[T]:
    """The windows' gradients where they were chosen, and 0 elsewhere."""
    windows = passed.reshape(chosen[0].shape)
    return spread([np.multiply(own, windows) for own in chosen], axes).reshape(len(passed), -1)
