"""Intervals of numbers that are counted: rough ones that need no knowledge of the data, then equal ones.

Rough intervals are halves of octaves: of each sign, from 2^e to 1.5 * 2^e and on to 2^(e+1), with e from -32
to 31. One more lies around zero, and one beyond either end. Equal intervals part the range between two ends.
All borders are doubles that everybody computes alike, and a number on one belongs to the upper interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OCTAVES = range(-32, 32)
_MAGNITUDES = [factor * 2.0**octave for octave in OCTAVES for factor in (1.0, 1.5)] + [2.0**OCTAVES.stop]
ROUGH_BORDERS: NDArray[np.float64] = np.array([-m for m in reversed(_MAGNITUDES)] + _MAGNITUDES)
ROUGH_CELLS = len(ROUGH_BORDERS) + 1
"""Rough intervals, those beyond both ends among them."""
UNIT_BITS = 16
"""A number is placed in its range with so many bits, for its share in sums."""


def rough_cells(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """In which rough interval each of some finite numbers lies."""
    return np.asarray(np.searchsorted(ROUGH_BORDERS, values, side="right"), dtype=np.int64)


@dataclass(frozen=True)
class Range:
    """low < high, both finite, and their difference too."""

    low: float
    high: float

    @property
    def width(self) -> float:
        """From end to end."""
        return self.high - self.low

    def borders(self, bins: int) -> NDArray[np.float64]:
        """Of equal intervals: bins + 1 numbers."""
        inner = self.low + self.width * (np.arange(1, bins) / bins)
        return np.concatenate([[self.low], inner, [self.high]])

    def cells(self, values: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
        """0 below the range, 1 to bins within, bins + 1 above; the upper end itself lies within."""
        found = np.searchsorted(self.borders(bins), values, side="right")
        found[values == self.high] = bins
        return np.asarray(found, dtype=np.int64)

    def units(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """Where numbers lie, from 0 to 2^UNIT_BITS; those outside lie at the ends."""
        share = (np.clip(values, self.low, self.high) - self.low) / self.width
        return np.asarray(np.rint(share * (1 << UNIT_BITS)), dtype=np.int64)

    @property
    def unit(self) -> float:
        """The width of one of these places."""
        return self.width / (1 << UNIT_BITS)


NO_RANGE = Range(0.0, 1.0)
"""Stands for the range of a column of which too few values are known."""


def found_range(counts: NDArray[np.int64]) -> Range | None:
    """The rough intervals that hold something, and one more at either side; None where none does."""
    filled = np.flatnonzero(counts)
    if not len(filled):
        return None
    last = len(ROUGH_BORDERS) - 1
    low, high = max(int(filled[0]) - 2, 0), min(int(filled[-1]) + 1, last)
    return Range(float(ROUGH_BORDERS[min(low, last - 1)]), float(ROUGH_BORDERS[max(high, 1)]))
