"""Grey values to bytes, in exact rational arithmetic: thresholds instead of rounded products.

A window maps the value low to 0 and high to 255, linearly or along a sigmoid, and y is rounded half up. So
the byte is the number of k in 1 .. 255 whose threshold, the value where y passes k - 1/2, is reached.
Thresholds are moved to the stored integers, where comparing is exact; every machine gets the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from proofward.data.images.contract.example import Bytes
from proofward.data.images.contract.refusal import UNSUPPORTED, ImageRefused
from proofward.data.images.contract.rule import ImageRule
from proofward.data.images.pixels.blocks import by_rows

_FARTHEST = 1 << 62
_TABLE = 1 << 16


@dataclass(frozen=True)
class Window:
    """Values that become 0 and 255. sigmoid: the curve that has this window's slope in the middle instead."""

    low: Fraction
    high: Fraction
    sigmoid: bool = False

    @classmethod
    def linear(cls, centre: Fraction, width: Fraction) -> Window:
        """DICOM's LINEAR (PS3.3, C.11.2.1.2.1): from c - w/2 to c + w/2 - 1."""
        if width < 1:
            raise ImageRefused(UNSUPPORTED, "a window width of at least 1", str(float(width)))
        return cls(centre - width / 2, centre + width / 2 - 1)

    @classmethod
    def exact(cls, centre: Fraction, width: Fraction, sigmoid: bool = False) -> Window:
        """DICOM's LINEAR_EXACT and SIGMOID (C.11.2.1.3): from c - w/2 to c + w/2."""
        if width <= 0:
            raise ImageRefused(UNSUPPORTED, "a window width above 0", str(float(width)))
        return cls(centre - width / 2, centre + width / 2, sigmoid)


@lru_cache(maxsize=64)
def thresholds(window: Window) -> tuple[Fraction, ...]:
    """The values where y passes 1/2, 3/2, ..., 509/2 of 255."""
    low, span = window.low, window.high - window.low
    if not window.sigmoid:
        return tuple(low + span * Fraction(2 * k - 1, 510) for k in range(1, 256))
    centre, context = low + span / 2, Context(prec=40)
    logarithms = (context.ln(Decimal(511 - 2 * k) / Decimal(2 * k - 1)) for k in range(1, 256))
    return tuple(centre - span / 4 * Fraction(logarithm) for logarithm in logarithms)


def windowed(stored: NDArray[np.integer], window: Window, slope: Fraction, intercept: Fraction) -> Bytes:
    """Bytes of stored integers below 2^32 in size, whose values are slope * stored + intercept."""
    if slope == 0:
        raise ImageRefused(UNSUPPORTED, "a Rescale Slope that is not 0", "0")
    sign = -1 if slope < 0 else 1
    places = [(threshold - intercept) / abs(slope) for threshold in thresholds(window)]
    if window.low == window.high:  # a step, which low itself does not pass
        steps = [floor(place) + 1 for place in places]
    else:
        steps = [ceil(place) for place in places]
    bounded = np.array([min(max(step, -_FARTHEST), _FARTHEST) for step in steps], dtype=np.int64)
    return by_rows(lambda part: _counted(sign * part.astype(np.int64), bounded), stored)


def _counted(values: NDArray[np.int64], steps: NDArray[np.int64]) -> Bytes:
    """How many of the steps each value has reached."""
    least, most = int(values.min()), int(values.max())
    if most - least < _TABLE < values.size:
        table = np.searchsorted(steps, np.arange(least, most + 1), side="right").astype(np.uint8)
        return np.asarray(table[values - least], dtype=np.uint8)
    counts = np.searchsorted(steps, values.ravel(), side="right")
    return np.asarray(counts.reshape(values.shape), dtype=np.uint8)


def full_range(bits: int, signed: bool) -> tuple[int, int]:
    """Least and largest integer of so many bits."""
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)


def scaled(stored: NDArray[np.integer], bits: int, signed: bool = False) -> Bytes:
    """Bytes of stored integers whose black and white are the ends of their range."""
    if bits == 8 and not signed:
        return np.asarray(np.clip(stored, 0, 255), dtype=np.uint8)
    low, high = full_range(bits, signed)
    return windowed(stored, Window(Fraction(low), Fraction(high)), Fraction(1), Fraction(0))


def fixed(stored: NDArray[np.integer], rule: ImageRule) -> Bytes:
    """Bytes of values that need no rescaling, by the rule's fixed window."""
    window = Window.linear(Fraction(rule.window_centre), Fraction(rule.window_width))
    return windowed(stored, window, Fraction(1), Fraction(0))
