"""How far one parameter's noise is from the discrete Gaussian that the accountant reckons with."""

from __future__ import annotations

from fractions import Fraction

from proofward.layers.privacy import Privacy

_OF_ONE_LEVEL = Fraction(1, 1 << 52)


def distance(privacy: Privacy) -> Fraction:
    """A bound of the total variation of one parameter's noise.

    A level's table cuts the range of a uniform word, 2^64 - 2^32 + 1, at no more than 2^12 places, each less
    than one word away from where the distribution has it; what is beyond its ends is below 2^-58. Two levels.
    """
    return 2 * _OF_ONE_LEVEL
