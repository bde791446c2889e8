"""What stands between two layers with parameters: values A of rounded sums Z, and how gradients come back.

An activation is one file: its description (`Activation`), its values and gradients in integers and in real
numbers, and its proof (`ActivationRelation`). One line of `registry` makes it known. In integers it is a
total function. Whatever the sums are, its values are in [0, 2^r], or n times that where a value is the sum
of n, and the gradients of the sums are within the scales' limit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from proofward.layers.arithmetic.beyond import Beyond, Span
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.arithmetic.rounding import Rounding
from proofward.layers.basics.layout import Layout
from proofward.layers.basics.plain import exactly
from proofward.layers.columns.claims import DerivedTable
from proofward.layers.columns.stack import Input, Shape
from proofward.layers.rules.model import FixedPoint, Int64Array
from proofward.proof.party import Party

RealArray = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class HiddenTrace:
    """Sums below and above one activation, over (step, sample, value) in their padded layouts."""

    sums: Int64Array  #: Z = W A + 2^fa b of the layer below, scale fw + fa
    back_sums: Int64Array  #: W^T dZ of the layer above, with respect to the values, scale fw + fd


@dataclass(frozen=True)
class Activation(ABC):
    """`takes` is the layout of the sums; two activations are equal exactly when they compute the same."""

    kind: ClassVar[str]
    unsaid: ClassVar[Mapping[str, object]] = {}
    """Values that the plain form leaves out."""
    reach: ClassVar[int] = 2
    """How large the integers are that forged limbs can make up, in multiples of the bound of the sums.

    Forged parts (`split`) can make up twice as much.
    """

    takes: Layout

    @property
    @abstractmethod
    def gives(self) -> Layout:
        """Layout of the values of a sample."""

    @property
    def window(self) -> int:
        """Sums along height and along width of which one value is made, where the rest is left out."""
        return self.window_of(self.to_plain())

    @property
    def passes(self) -> int:
        """To how many sums of a window its gradient goes."""
        return 1

    @property
    def mean_of(self) -> int:
        """n, where a value stands for the mean of n as their sum (`means`)."""
        return 1

    def to_plain(self) -> dict[str, object]:
        """Canonical plain form without the layout, which the layer below gives."""
        return {"kind": self.kind}

    @classmethod
    def from_plain(cls, takes: Layout, plain: Mapping[str, object]) -> Activation:
        """Inverse of `to_plain`; raises ConfigurationError on anything else."""
        exactly(f"activation {cls.kind}", plain, ("kind",))
        return cls(takes)

    @classmethod
    def window_of(cls, plain: Mapping[str, object]) -> int:
        """`window` of a plain form, which the layer below has to know; raises ConfigurationError."""
        return 1

    @abstractmethod
    def forward(self, sums: Int64Array, scales: FixedPoint) -> Int64Array:
        """Values (B, padded) of exact sums (B, padded)."""

    @abstractmethod
    def backward(self, sums: Int64Array, back_sums: Int64Array, scales: FixedPoint) -> Int64Array:
        """Gradients of the sums (B, padded), from the sums and the exact back sums of the values."""

    @abstractmethod
    def real_values(self, sums: RealArray, limit: float) -> RealArray:
        """Values (n, size) of real sums (n, size), at most `limit`."""

    @abstractmethod
    def real_gradients(self, sums: RealArray, gradients: RealArray, limit: float) -> RealArray:
        """Gradients of real sums from those of the values, which have saturated already."""

    def rounded_off(self, scales: FixedPoint, span: Span, *, backward: bool) -> list[tuple[int, int]]:
        """(bits, values of a sample) of remainders and of all else whose limbs may be as wide as theirs."""
        del span
        forward = [(scales.divisor.whole_bits, self.takes.padded_size)]
        return [*forward, (scales.back_divisor.whole_bits, self.gives.padded_size)] if backward else forward

    @abstractmethod
    def committed(self, scales: FixedPoint, limbs_above: tuple[Beyond, Beyond]) -> int:
        """Values of a sample that `relation` declares columns for."""

    @abstractmethod
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
        """Declare the columns and their lookups; `trace` is a prover's.

        `limbs_above` are the high limbs of the values before they saturate and of their gradients.
        """

    @abstractmethod
    def forward_committed(self, scales: FixedPoint, limb_above: Beyond) -> int:
        """Values of a sample that `forward_relation` declares columns for."""

    @abstractmethod
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
        """The columns of `relation` that a forward pass alone needs; `sums` are a prover's."""


@dataclass(frozen=True, slots=True)
class ActivationForward(ABC):
    """An activation in a proof of a forward pass: columns over (step, sample, value)."""

    forward: Rounding  #: of the sums below; its claim is one on Z at (step, sample, sum)
    activation: Input  #: the values A, as the layer above reads them

    @abstractmethod
    def prove_values(self, party: Party) -> None:
        """All claims about A, at once; no claim can be made afterwards."""


@dataclass(frozen=True, slots=True)
class ActivationRelation(ABC):
    """An activation in a proof: columns over (step, sample, value) that are committed to."""

    forward: Rounding  #: of the sums below; its claim is one on Z at (step, sample, sum)
    backward: Rounding  #: of the back sums from above; its claim is one on Z_back at (step, sample, value)
    activation: Input  #: the values A, as the layer above reads them
    delta: DerivedTable  #: the gradients dZ of the sums

    @abstractmethod
    def prove_values(self, party: Party) -> None:
        """All claims about A and dZ, at once; no claim can be made afterwards."""
