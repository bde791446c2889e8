"""What follows from taking records for a class above a threshold, at every edge of bins, from histograms.

Of n records let TP and FP be those above a threshold t that are of the class, and that are not. Net
benefit is
    TP / n - FP / n  t / (1 - t),
so t is the chance of the class at which harm and good of treating are equal. "Treat all" is its value where
everybody is above the threshold, "treat none" is 0.

Source: A. J. Vickers, E. B. Elkin, Decision curve analysis, Medical Decision Making 26 (2006).
"""

from __future__ import annotations

from dataclasses import dataclass

from proofward.report.histograms.histogram import Histogram
from proofward.report.histograms.shares import Share


@dataclass(frozen=True)
class AtThreshold:
    """Counts of records above a threshold, true and false ones, and of those not above it."""

    threshold: float
    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int

    @property
    def sensitivity(self) -> Share:
        """Of the class's records: above."""
        return Share(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def specificity(self) -> Share:
        """Of the others: not above."""
        return Share(self.true_negatives, self.true_negatives + self.false_positives)

    @property
    def positive_value(self) -> Share:
        """Of those above: of the class (positive predictive value)."""
        return Share(self.true_positives, self.true_positives + self.false_positives)

    @property
    def negative_value(self) -> Share:
        """Of those not above: not of the class (negative predictive value)."""
        return Share(self.true_negatives, self.true_negatives + self.false_negatives)

    @property
    def rows(self) -> int:
        """All records."""
        return self.true_positives + self.false_positives + self.true_negatives + self.false_negatives

    @property
    def net_benefit(self) -> float:
        """A record, of treating those above; the threshold is below 1."""
        return (self.true_positives - self.false_positives * self._odds) / self.rows

    @property
    def net_benefit_of_all(self) -> float:
        """A record, of treating all."""
        inside = self.true_positives + self.false_negatives
        return (inside - (self.rows - inside) * self._odds) / self.rows

    @property
    def _odds(self) -> float:
        return self.threshold / (1 - self.threshold)

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "above": self.threshold,
            "true_positives": self.true_positives,
            "false_positives": self.false_positives,
            "true_negatives": self.true_negatives,
            "false_negatives": self.false_negatives,
            "sensitivity": self.sensitivity.to_plain(),
            "specificity": self.specificity.to_plain(),
            "positive_predictive_value": self.positive_value.to_plain(),
            "negative_predictive_value": self.negative_value.to_plain(),
            "net_benefit": self.net_benefit,
            "net_benefit_of_treating_all": self.net_benefit_of_all,
        }


def at_thresholds(of: Histogram) -> tuple[AtThreshold, ...]:
    """At every edge of bins from 0 on, without 1."""
    false, true = of.above
    others, inside = int(false[0]), int(true[0])
    return tuple(
        AtThreshold(float(edge), above, wrong, others - wrong, inside - above)
        for edge, above, wrong in zip(of.edges[:-1], true.tolist(), false.tolist(), strict=False)
    )


def nearest(entries: tuple[AtThreshold, ...], threshold: float) -> AtThreshold:
    """The entry whose threshold is nearest to this, of two the lower one."""
    return min(entries, key=lambda entry: abs(entry.threshold - threshold))
