"""Scales by which sums are rounded that are finer than usual, beside means (`means`)."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from proofward.layers.basics.divisor import Divisor
from proofward.layers.rules.model import FixedPoint


@dataclass(frozen=True)
class FinerScales(FixedPoint):
    """Scales by which an activation or a head rounds beside a mean."""

    finer_sums: int = 1
    finer_back_sums: int = 1

    @property
    def divisor(self) -> Divisor:
        return Divisor.of(self.finer_sums << self.weight_bits)

    @property
    def back_divisor(self) -> Divisor:
        return Divisor.of(self.finer_back_sums << self.weight_bits)


def finer(scales: FixedPoint, sums: int, back_sums: int) -> FixedPoint:
    """These scales for sums and back sums that are so many times finer."""
    if sums == back_sums == 1:
        return scales
    return FinerScales(**asdict(scales), finer_sums=sums, finer_back_sums=back_sums)
