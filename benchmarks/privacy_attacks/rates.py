"""How well a score tells members from others: AUC, and the true positives at a low rate of false ones.

An interval is Clopper and Pearson's (1934), exact for a binomial number. With (epsilon, delta) no attack has
    TPR > e^epsilon FPR + delta,   hence   TPR - FPR > (e^epsilon - 1 + 2 delta) / (e^epsilon + 1),
and one exceeds its limit where its TPR is certainly above what its FPR may be.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, rankdata

LEVEL = 0.95
RATES = (("1%", 0.01), ("0.1%", 0.001))


def clopper_pearson(hits: int, of: int, level: float = LEVEL) -> tuple[float, float]:
    """The exact two-sided interval of a rate of which `hits` of `of` trials were seen."""
    tail = (1 - level) / 2
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, of - hits + 1))
    high = 1.0 if hits == of else float(beta.ppf(1 - tail, hits + 1, of - hits))
    return low, high


def area(members: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """The chance that a member scores above another, ties at half."""
    ranks = rankdata(np.concatenate([members, others]))
    total = ranks[: members.size].sum() - members.size * (members.size + 1) / 2
    return float(total / (members.size * others.size))


def true_positives(
    members: NDArray[np.float64], others: NDArray[np.float64], false_rate: float
) -> tuple[int, float]:
    """Members above the threshold that at most `false_rate` of the others exceed, and how many do."""
    ordered = np.sort(others)[::-1]
    allowed = int(false_rate * others.size)
    threshold = ordered[allowed] if allowed < others.size else -np.inf
    return int((members > threshold).sum()), float((others > threshold).mean())


def told_apart(
    members: Sequence[float] | NDArray[np.float64], others: Sequence[float] | NDArray[np.float64]
) -> dict[str, object]:
    """AUC, advantage, and true positives at 1 % and 0.1 % of false ones with their intervals."""
    inside, outside = np.asarray(members, dtype=np.float64), np.asarray(others, dtype=np.float64)
    found: dict[str, object] = {"members": inside.size, "others": outside.size}
    found["auc"] = round(area(inside, outside), 4)
    cuts = np.unique(np.concatenate([inside, outside]))
    rates = [1 - np.searchsorted(np.sort(side), cuts, side="left") / side.size for side in (inside, outside)]
    found["advantage"] = round(float((rates[0] - rates[1]).max()), 4)
    for name, rate in RATES:
        hits, false = true_positives(inside, outside, rate)
        low, high = clopper_pearson(hits, inside.size)
        found[f"tpr_at_{name}"] = round(hits / inside.size, 5)
        found[f"tpr_at_{name}_interval"] = [round(low, 5), round(high, 5)]
        found[f"false_positives_at_{name}"] = round(false, 5)
    return found


def limited(found: dict[str, object], epsilon: float | None, delta: float) -> dict[str, object]:
    """What `told_apart` found, with the limits that (epsilon, delta) sets; null where there are none."""
    if epsilon is None:
        return {**found, "epsilon": None, "limit": None}
    others, limits, exceeded = int(str(found["others"])), {}, False
    for name, _ in RATES:
        false = float(str(found[f"false_positives_at_{name}"]))
        most = min(1.0, exp(epsilon) * clopper_pearson(round(false * others), others)[1] + delta)
        limits[f"tpr_at_{name}"] = round(most, 5)
        exceeded |= found[f"tpr_at_{name}_interval"][0] > most  # type: ignore[index]
    limits["advantage"] = round((exp(epsilon) - 1 + 2 * delta) / (exp(epsilon) + 1), 4)
    return {**found, "epsilon": round(epsilon, 3), "delta": delta, "limit": limits, "exceeded": exceeded}
