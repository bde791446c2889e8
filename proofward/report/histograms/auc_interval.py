"""A confidence interval for the area under a ROC curve, from the area and the numbers of records alone.

Source: R. G. Newcombe, Confidence intervals for an effect size measure based on the Mann-Whitney statistic,
part 2, Statistics in Medicine 25 (2006), method 5. The interval is of all areas A that the observed one is no
more than z standard errors from, where the variance is that of Hanley and McNeil (1982) at A, with m records
of the class, n others, and N = (m + n) / 2 - 1:

    V(A) = A (1 - A) / (m n) (1 + N (1 - A) / (2 - A) + N A / (1 + A)).

So it lies within [0, 1], and has a width also where the observed area is 0 or 1. It is approximate.
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

BISECTIONS = 60


def auc_interval(area: float, inside: int, others: int, level: float = 0.95) -> tuple[float, float]:
    """(low, high), of an area found with so many records inside the class and so many others."""
    if not (0 <= area <= 1 and inside > 0 and others > 0 and 0 < level < 1):
        raise ValueError("expected an area in [0, 1], records of both kinds and a level in (0, 1)")
    quantile = NormalDist().inv_cdf(0.5 + level / 2)

    def within(other: float) -> bool:
        return abs(area - other) <= quantile * sqrt(_variance(other, inside, others))

    def end(outside: float) -> float:
        if within(outside):
            return outside
        kept = area
        for _ in range(BISECTIONS):
            middle = (kept + outside) / 2
            kept, outside = (middle, outside) if within(middle) else (kept, middle)
        return kept

    return end(0.0), end(1.0)


def _variance(area: float, inside: int, others: int) -> float:
    more = (inside + others) / 2 - 1
    shape = 1 + more * (1 - area) / (2 - area) + more * area / (1 + area)
    return area * (1 - area) / (inside * others) * shape
