"""Whether probabilities mean what they say: the Brier score and the reliability diagram, from histograms.

The Brier score is the mean of (p - y)^2, with y = 1 for records of the class and 0 for others. Here p is the
middle of a record's bin; the ends of bins bound what it was of all scores. Of several classes it is the sum
over them, each against the others.

Source: G. W. Brier, Verification of forecasts expressed in terms of probability, Monthly Weather Review 78
(1950).
"""

from __future__ import annotations

from dataclasses import dataclass

from proofward.report.histograms.histogram import FloatArray, Histogram
from proofward.report.histograms.ranking import Bounded
from proofward.report.histograms.shares import Share


def brier(of: Histogram) -> Bounded:
    """The Brier score of one class; there are records."""
    low, high = of.edges[:-1], of.edges[1:]
    middles = of.middles
    return Bounded(_mean(of, middles, middles), _mean(of, high, low), _mean(of, low, high))


def _mean(of: Histogram, inside: FloatArray, others: FloatArray) -> float:
    """Where records inside the class have these scores, by bin, and others those."""
    return float((of.inside * (1 - inside) ** 2 + of.others * others**2).sum()) / of.rows


@dataclass(frozen=True)
class Reliable:
    """Of records with scores in (low, high]: the share that is of the class."""

    low: float
    high: float
    found: Share

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {"scores": [self.low, self.high], **self.found.to_plain()}


def reliability(of: Histogram, least: int = 1) -> tuple[Reliable, ...]:
    """By bins from 0 to 1; neighbours go together until they have `least` records.

    What is left at the end goes to the last ones.
    """
    found: list[tuple[int, int, int, int]] = []
    start, inside, total = 0, 0, 0
    for place, (own, others) in enumerate(zip(of.inside.tolist(), of.others.tolist(), strict=True), 1):
        inside, total = inside + own, total + own + others
        if total >= least:
            found.append((start, place, inside, total))
            start, inside, total = place, 0, 0
    if total and found:
        first, _, own, all_of = found.pop()
        found.append((first, of.bins, own + inside, all_of + total))
    elif total:
        found.append((0, of.bins, inside, total))
    return tuple(Reliable(a / of.bins, b / of.bins, Share(own, count)) for a, b, own, count in found)


def brier_of(histograms: tuple[Histogram, ...]) -> Bounded:
    """Of all classes that are scored: of two classes of class 1 alone, else the sum."""
    each = [brier(own) for own in histograms]
    return Bounded(
        sum(own.value for own in each), sum(own.low for own in each), sum(own.high for own in each)
    )
