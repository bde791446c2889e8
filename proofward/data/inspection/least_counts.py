"""What may be said of a column without saying it of a patient: counts and averages of five rows and more.

A count of one to four rows becomes FEW. A quantile is the mean of the five values around it, the smallest
and the largest one that of the five at the end; of fewer than 20 values none is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST, LEAST_VALUES, DIGITS = 5, 20, 4
FEW = f"fewer than {LEAST}"
QUANTILES = (1, 5, 25, 50, 75, 95, 99)
LEAST_BINS, MOST_BINS, ROWS_A_BIN = 4, 20, 16
Count = int | str


def told(count: int) -> Count:
    """A count as it may be told."""
    return FEW if 0 < count < LEAST else int(count)


@dataclass(frozen=True)
class Spread:
    """Of a column of numbers. low, high: means of the five smallest and largest.

    quantiles: by percent. bins: of one width from low to high, 0 where fewer than five lie.
    """

    low: float
    high: float
    mean: float
    deviation: float
    quantiles: Mapping[int, float]
    bins: tuple[int, ...]

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        quantiles = {str(percent): value for percent, value in self.quantiles.items()}
        own = {"low": self.low, "high": self.high, "mean": self.mean, "deviation": self.deviation}
        return {**own, "quantiles": quantiles, "bins": list(self.bins)}


def spread_of(values: NDArray[np.float64]) -> Spread | None:
    """Of finite values in any order; None of too few."""
    if len(values) < LEAST_VALUES:
        return None
    ordered = np.sort(values)

    def around(percent: float) -> float:
        start = round(percent / 100 * (len(ordered) - 1)) - LEAST // 2
        start = min(max(start, 0), len(ordered) - LEAST)
        return _rounded(ordered[start : start + LEAST])

    low, high = around(0), around(100)
    unit = _unit(ordered)
    ends = (low / unit, high / unit)
    wanted = min(max(LEAST_BINS, len(ordered) // ROWS_A_BIN), MOST_BINS)
    counts = np.histogram(ordered / unit, wanted, ends)[0] if low < high else np.zeros(0, dtype=np.int64)
    deviation = _rounded(np.array([np.std(ordered / unit) * unit]))
    return Spread(
        low, high, _rounded(ordered), deviation, {percent: around(percent) for percent in QUANTILES},
        tuple(int(count) if count >= LEAST else 0 for count in counts),
    )  # fmt: skip


def _unit(values: NDArray[np.float64]) -> float:
    """By which values are divided so that their squares are numbers."""
    return float(max(abs(values[0]), abs(values[-1]), 1e-300))


def _rounded(values: NDArray[np.float64]) -> float:
    mean = float(np.sum(values / len(values)))
    return float(f"{mean:.{DIGITS}g}")


def shown(share: float) -> str:
    """A share in percent."""
    return f"{100 * share:.1f} %"
