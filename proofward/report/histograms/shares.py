"""A share with its interval: so many of so many.

Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, Journal of the
American Statistical Association 22 (1927). With k of n, p = k / n and z of the normal distribution,
    (p + z^2 / (2 n) -+ z sqrt(p (1 - p) / n + z^2 / (4 n^2))) / (1 + z^2 / n).
It lies within [0, 1] and has a width also where p is 0 or 1. It is approximate.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

LEVEL = 0.95


@dataclass(frozen=True)
class Share:
    """count: of `total` records."""

    count: int
    total: int

    @property
    def value(self) -> float | None:
        """The share, None of no records."""
        return self.count / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's, of 95 percent, None of no records."""
        if not self.total:
            return None
        z, share, total = NormalDist().inv_cdf(0.5 + LEVEL / 2), self.count / self.total, self.total
        middle = share + z * z / (2 * total)
        reach = z * sqrt(share * (1 - share) / total + z * z / (4 * total * total))
        whole = 1 + z * z / total
        low = 0.0 if self.count == 0 else (middle - reach) / whole
        high = 1.0 if self.count == total else (middle + reach) / whole
        return low, high

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        interval = None if self.interval is None else list(self.interval)
        return {"count": self.count, "of": self.total, "share": self.value, "interval": interval}

    @property
    def words(self) -> str:
        """For people."""
        if self.value is None or self.interval is None:
            return "-"
        low, high = self.interval
        return f"{self.value:.1%} ({low:.1%} to {high:.1%})"
