"""Two exact tests on counts of records: are two groups alike, and did a model get worse?

A chance that is found here is at least the true one, so that who calls something unlikely below a level is
wrong no more often than that level says. Nothing is approximated by a normal distribution. What lies more
than REACH roots of the number of draws off the mean is left out, and has less than 10^-300 in all (Hoeffding,
Probability inequalities for sums of bounded random variables, 1963, theorems 1 and 4).

Sources: R. A. Fisher, The design of experiments (1935), with the smaller of both tails twice; Q. McNemar,
Note on the sampling error of the difference between correlated proportions, Psychometrika 12 (1947).
"""

from __future__ import annotations

from math import isqrt

import numpy as np

from proofward.report.histograms.histogram import FloatArray

REACH = 20


def unlike(hits: int, of: int, other_hits: int, others: int) -> float:
    """The chance that two groups dealt at random from the same records differ as much as these.

    hits of `of` records of one group have a property, other_hits of `others` of the other one. Given how many
    have it in all, the first number is hypergeometric.
    """
    if not (0 <= hits <= of and 0 <= other_hits <= others):
        raise ValueError("expected numbers of records, none above the size of its group")
    if of > others:
        hits, of, other_hits, others = other_hits, others, hits, of
    total, having, reach = of + others, hits + other_hits, REACH * (isqrt(of) + 1)
    middle = of * having // total if total else 0
    low = max(0, having - others, middle - reach)
    high = min(of, having, middle + reach)
    if not low <= hits <= high:
        return 0.0
    k = np.arange(low, high, dtype=np.float64)
    chances = _chances((having - k) * (of - k) / ((k + 1) * (total - having - of + k + 1)))
    at = hits - low
    return min(1.0, 2 * float(min(chances[: at + 1].sum(), chances[at:].sum())))


def fallen(before: int, after: int, of: int) -> float:
    """The chance of such a fall where a second model is right as often as the first, on the same records.

    Of `of` records the first model was right on `before`, the second on `after`. How many they judge
    differently is not known. Each such record is a coin's toss, and the more there are, the likelier is a
    fall, so the most that there can be are taken: all on which the first was wrong, as far as the second was
    right on so many.
    """
    if not (0 <= before <= of and 0 <= after <= of):
        raise ValueError("expected numbers of records, none above all of them")
    if after >= before:
        return 1.0
    gained = min(of - before, after)
    lost = gained + before - after
    tosses = gained + lost
    reach = REACH * (isqrt(tosses) + 1)
    low, high = max(0, tosses // 2 - reach), min(tosses, tosses // 2 + reach)
    k = np.arange(low, high, dtype=np.float64)
    return min(1.0, float(_chances((tosses - k) / (k + 1))[lost - low :].sum())) if lost <= high else 0.0


def _chances(ratios: FloatArray) -> FloatArray:
    """Of n + 1 outcomes, from the n ratios of each to the one before."""
    logs = np.concatenate([[0.0], np.cumsum(np.log(ratios))])
    weights = np.exp(logs - logs.max())
    found: FloatArray = weights / weights.sum()
    return found
