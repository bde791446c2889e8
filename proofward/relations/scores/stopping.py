"""The rule on stopping: by which figure of the evaluations the best round is named, and when training ends.

A pure function of the sums of counts that a ledger's evaluations have opened, in exact fractions, so that
everybody finds the same. Of the pooled histograms of all records, with B bins, the figures are
    auc       of two classes: (pairs of a record of class 1 above one of class 0, ties one half) / all pairs;
              of more the mean over the classes that have records and others, each against the others
    brier     the mean of (p - y)^2 with p = (2 b + 1) / (2 B), the middle of a record's bin b; of more
              classes than two summed over them. Less is better, of the others more
    accuracy  the share of the records that were taken for what they are
An evaluation without the figure, or with counts that no records have, is passed over.

An evaluation improves if its figure is better than that of the last one that improved by more than the least
gain; the first one improves. The rule is met once `stop_after` evaluations in a row have not. The best round
is that of the best figure, the earliest where several are alike, whatever the least gain.

Where sums have noise, figures are those of their reading (`noisy_scores`): the noise is part of what decides.

Where counts are signed and not proved, a hospital that lies about its own can make a federation stop early or
go on, or another round the best one; it can do nothing more by them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import cast

from proofward.encoding.cbor import Item
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.plain import MILLION, exactly, integer, shown
from proofward.layers.rules.model import Int64Array
from proofward.relations.scores.score_layout import Block, ScoreLayout

MOST_STOP_AFTER = 1 << 20


@dataclass(frozen=True)
class Stopping:
    """A public rule.

    figure: "auc", "brier" or "accuracy". stop_after: evaluations in a row without improvement after which
    training ends, 0 for never: then the rule only names the best round. least_gain: in millionths.
    """

    figure: str
    stop_after: int
    least_gain: int = 0

    def __post_init__(self) -> None:
        if self.figure not in FIGURES:
            raise ConfigurationError("stopping.figure", f"one of {', '.join(FIGURES)}", self.figure)
        integer("stopping.stop_after", self.stop_after, 0, MOST_STOP_AFTER)
        integer("stopping.least_gain", self.least_gain, 0, MILLION)

    @property
    def words(self) -> str:
        """What is agreed, for people."""
        best = f"the best round by {WORDS[self.figure]} of the evaluations"
        if not self.stop_after:
            return best
        gain = f" by more than {shown(self.least_gain)}" if self.least_gain else ""
        return f"{best}; the end after {self.stop_after} in a row that do not improve it{gain}"

    def figure_of(self, layout: ScoreLayout, counts: Int64Array) -> Fraction | None:
        """The figure of an evaluation's sum, None where it has none."""
        try:
            whole = layout.blocks(counts)[0]
        except ConfigurationError:
            return None
        return FIGURES[self.figure](whole) if whole.rows else None

    def course(self, figures: Iterable[Fraction | None]) -> Course:
        """What the figures of consecutive evaluations come to."""
        sign = -1 if self.figure == "brier" else 1
        least = Fraction(self.least_gain, MILLION)
        best = reference = None
        at, waited, met = None, 0, None
        for place, figure in enumerate(figures):
            if figure is None:
                continue
            value = sign * figure
            if best is None or value > best:
                best, at = value, place
            if reference is None or value > reference + least:
                reference, waited = value, 0
                continue
            waited += 1
            if met is None and waited == self.stop_after:
                met = place
        return Course(at, met)

    def to_item(self) -> Item:
        """Canonical plain form."""
        return cast(Item, asdict(self))

    @classmethod
    def from_item(cls, item: Item) -> Stopping:
        """Inverse of `to_item`; raises ConfigurationError."""
        return cls(**exactly("stopping", item, ("figure", "stop_after", "least_gain")))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Course:
    """best: place of the evaluation with the best figure. met: of the one at which the rule was met first."""

    best: int | None
    met: int | None


def _auc(of: Block) -> Fraction | None:
    areas = []
    for others, inside in of.histograms.tolist():
        pairs = sum(inside) * sum(others)
        twice, below = 0, 0
        for own, other in zip(inside, others, strict=True):
            twice += own * (2 * below + other)
            below += other
        if pairs:
            areas.append(Fraction(twice, 2 * pairs))
    return Fraction(sum(areas), len(areas)) if areas else None


def _brier(of: Block) -> Fraction:
    bins, total = of.histograms.shape[-1], 0
    for others, inside in of.histograms.tolist():
        for place, (other, own) in enumerate(zip(others, inside, strict=True)):
            middle = 2 * place + 1
            total += own * (2 * bins - middle) ** 2 + other * middle**2
    return Fraction(total, 4 * bins**2 * of.rows)


def _accuracy(of: Block) -> Fraction:
    return Fraction(int(of.confusion.trace()), of.rows)


FIGURES: dict[str, Callable[[Block], Fraction | None]] = {"auc": _auc, "brier": _brier, "accuracy": _accuracy}
WORDS = {"auc": "AUC", "brier": "Brier score", "accuracy": "accuracy"}
