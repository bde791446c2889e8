"""How well scores tell classes apart: confusion, accuracy, and the area under the ROC curve.

Scores are those of a network's head (`layers.heads.head.Head.real_scores`): one a record of two classes,
above 0 for class 1, or one a class, a real logit each, of which the largest decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from proofward.layers.rules.model import Int64Array
from proofward.report.figures.confusion import accuracy, confusion
from proofward.report.figures.roc import roc
from proofward.report.figures.scores import by_class, taken


@dataclass(frozen=True)
class Evaluation:
    """confusion: of the records of each class, how many were taken for each class.

    by_class: the AUC of each class against all others, of two classes that of class 1 alone; None for a class
    of which there is no record, or no other.
    """

    confusion: tuple[tuple[int, ...], ...]
    by_class: tuple[float | None, ...]

    @property
    def accuracy(self) -> float:
        """Share of the records that were taken for what they are."""
        return accuracy(self.confusion)

    @property
    def auc(self) -> float:
        """The mean of `by_class`; ValueError where there is none."""
        known = [value for value in self.by_class if value is not None]
        if not known:
            raise ValueError("AUC needs records of two classes")
        return sum(known) / len(known)


def evaluate(scores: NDArray[Any], labels: Int64Array) -> Evaluation:
    """Of records (n,) or (n, classes) and their classes (n,)."""
    count = 2 if scores.ndim == 1 else scores.shape[1]
    found = [roc(own, labels == index) for index, own in by_class(scores).items()]
    by = tuple(None if curve is None else curve.area for curve in found)
    return Evaluation(confusion(labels, taken(scores), count), by)


def auc(score: NDArray[Any], labels: Int64Array) -> float:
    """Area under the ROC curve: the chance that label 1 scores above label 0, ties at half."""
    found = roc(score, labels == 1)
    if found is None:
        raise ValueError("AUC needs records of both labels")
    return found.area
