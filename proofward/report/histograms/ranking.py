"""How well scores rank a class's records above the others: ROC and precision-recall, from histograms.

Records of one bin count as equal. What the areas of all scores were, before they were put into bins, is
bounded exactly:

ROC. Let p_b and n_b be the counts of a bin, P and N their sums. Ties count one half, so
    |area of all scores - area of the bins| <= sum_b p_b n_b / (2 P N),
which is met where the bins hold either order. Source: the Mann-Whitney form of the area.

Average precision, sum over thresholds of (recall - recall before) precision. Let a bin have p of the class
and n others, with A of the class and F others above it. Each of the p has the precision of its own threshold,
which is at most (A + p) / (A + p + F), where all p stand alone before the n; and the i-th has at least
(A + i) / (A + i + F + n). Both are met, so their sums over all bins, divided by P, are the ends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proofward.report.histograms.auc_interval import auc_interval
from proofward.report.histograms.histogram import FloatArray, Histogram

LEVEL = 0.95


@dataclass(frozen=True)
class Bounded:
    """A figure of the bins. low, high: between which the same figure of all scores lies."""

    value: float
    low: float
    high: float

    @property
    def width(self) -> float:
        """How far the figure of all scores may be from that of the bins."""
        return max(self.high - self.value, self.value - self.low)

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {"value": self.value, "of_all_scores": [self.low, self.high]}


def roc_area(of: Histogram) -> Bounded:
    """The area under the ROC curve; there are records of both kinds."""
    inside, others = of.inside.tolist(), of.others.tolist()
    pairs = sum(inside) * sum(others)
    twice, below = 0, 0
    for own, other in zip(inside, others, strict=True):
        twice += own * (2 * below + other)
        below += other
    tied = sum(own * other for own, other in zip(inside, others, strict=True))
    return Bounded(twice / (2 * pairs), (twice - tied) / (2 * pairs), (twice + tied) / (2 * pairs))


def area_interval(of: Histogram) -> tuple[float, float]:
    """The interval of 95 percent of the area of the bins, by Newcombe's method 5."""
    return auc_interval(roc_area(of).value, int(of.inside.sum()), int(of.others.sum()), LEVEL)


def roc_points(of: Histogram) -> tuple[FloatArray, FloatArray]:
    """Rates of false and of true positives, from (0, 0) to (1, 1), at every edge of bins."""
    false, true = (counts[::-1] for counts in of.above)
    return false / false[-1], true / true[-1]


def average_precision(of: Histogram) -> Bounded:
    """The mean precision at the thresholds of the class's records; there are some."""
    total = int(of.inside.sum())
    value = low = high = 0.0
    above = before = 0
    for own, others in zip(of.inside[::-1].tolist(), of.others[::-1].tolist(), strict=True):
        if own:
            value += own * (above + own) / (above + own + before + others)
            high += own * (above + own) / (above + own + before)
            placed = above + np.arange(1, own + 1, dtype=np.float64)
            low += float((placed / (placed + before + others)).sum())
        above, before = above + own, before + others
    return Bounded(value / total, low / total, high / total)


def precision_points(of: Histogram) -> tuple[FloatArray, FloatArray]:
    """Recall and precision at every edge with a record above it, from the highest on."""
    false, true = (counts[::-1] for counts in of.above)
    some = false + true > 0
    return true[some] / true[-1], true[some] / (false + true)[some]
