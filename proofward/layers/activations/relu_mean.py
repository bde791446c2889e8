"""ReLU and the mean of its values, of windows side by side or of a whole picture, behind a convolution.

    forward     A_j = min(max(Q_j, 0), 2^r) as in `relu`;   S = sum of A_j over the n sums of a window
    backward    dZ_j = s_j dS,   dS the saturated gradient of the mean as in `relu`

The layer above reads S, which is the mean at a scale that is n times finer (`means`): nothing is divided, so
nothing is rounded. A value saturates before the mean is taken, and where it does it passes no gradient.

Windows leave out a last row or column that fills none (`Affine.for_windows`).

What is proved is `relu`, with the columns of gradients at the windows: dS belongs to all the sums of its
window, as it does not depend on the tap. S is not committed to and not looked up. Claims on S~, and on dS~ as
a table over the sums, become claims on A~ and on the columns by `mean_windows`. In padding A and s are 0, so
it adds nothing to S, and its dZ is 0. Uniqueness and soundness are those of `relu`: S is a function of A.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from proofward.layers.activations import relu
from proofward.layers.activations.activation import (
    Activation,
    ActivationForward,
    ActivationRelation,
    HiddenTrace,
    RealArray,
)
from proofward.layers.activations.mean_windows import Windows
from proofward.layers.activations.relu import Relu, ReluRelation
from proofward.layers.activations.relu_forward import ReluForward
from proofward.layers.arithmetic.beyond import Beyond
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.layout import Layout
from proofward.layers.basics.plain import exactly, integer
from proofward.layers.columns.stack import Shape
from proofward.layers.convolutions.conv2d import MAX_KERNEL
from proofward.layers.rules.model import FixedPoint, Int64Array
from proofward.proof.party import Party


@dataclass(frozen=True)
class ReluMean(Activation):
    """A value for every window of the sums of a channel."""

    def __post_init__(self) -> None:
        if len(self.takes.axes) != 3:
            raise ConfigurationError("pooled sums", "(channels, height, width)", self.takes.axes)

    @property
    @abstractmethod
    def windows(self) -> Windows:
        """What there are means of."""

    @property
    def mean_of(self) -> int:
        return self.windows.taps

    @property
    def gives(self) -> Layout:
        return self.windows.gives

    def forward(self, sums: Int64Array, scales: FixedPoint) -> Int64Array:
        values = self.windows.apart(relu.activation(self.takes.unpad(sums), scales))
        return self.gives.pad(values.sum(axis=-1))

    def backward(self, sums: Int64Array, back_sums: Int64Array, scales: FixedPoint) -> Int64Array:
        passed: Int64Array = self.windows.padded_spread(relu.saturated(back_sums, scales))
        return relu.slope(sums, scales) * passed

    def real_values(self, sums: RealArray, limit: float) -> RealArray:
        values: RealArray = self.windows.apart(np.clip(sums, 0, limit)).mean(axis=-1)
        return values

    def real_gradients(self, sums: RealArray, gradients: RealArray, limit: float) -> RealArray:
        shares = self.windows.spread(gradients) / self.mean_of
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

        windows = self.windows
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
            over_sums=lambda gradient: windows.over_sums(ranges.party, gradient),
        )
        values = windows.sums_of(own.values.table)
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
        return MeanForward(own.forward, self.windows.sums_of(own.table), own)


@dataclass(frozen=True)
class ReluAvgPool2d(ReluMean):
    """Windows of size x size with stride `size`."""

    kind: ClassVar[str] = "relu_avgpool2d"
    unsaid: ClassVar[Mapping[str, object]] = {"size": 2}
    size: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        integer("size", self.size, 2, MAX_KERNEL)
        for axis in self.takes.axes[1:]:
            integer(f"height and width of pooled sums, modulo {self.size}", axis % self.size, 0, 0)

    @property
    def windows(self) -> Windows:
        return Windows(self.takes, self.size, self.size)

    @property
    def passes(self) -> int:
        return self.size**2

    def to_plain(self) -> dict[str, object]:
        return {"kind": self.kind, **({"size": self.size} if self.size != 2 else {})}

    @classmethod
    def from_plain(cls, takes: Layout, plain: Mapping[str, object]) -> ReluAvgPool2d:
        return cls(takes, cls.window_of(plain))

    @classmethod
    def window_of(cls, plain: Mapping[str, object]) -> int:
        said = "size" in plain and plain["size"] != 2
        values = exactly(f"activation {cls.kind}", plain, ("kind", "size") if said else ("kind",))
        return integer("size", values.get("size", 2), 2, MAX_KERNEL)


@dataclass(frozen=True)
class ReluGlobalAvgPool(ReluMean):
    """The whole picture."""

    kind: ClassVar[str] = "relu_global_avgpool"

    @property
    def windows(self) -> Windows:
        return Windows(self.takes, *self.takes.axes[1:])


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
