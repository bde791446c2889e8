"""How well scores tell classes apart: confusion, accuracy, and the area under the ROC curve.

Scores are those of a network's head (`layers.head.Head.real_scores`): one a record of two classes, above 0
for class 1, or one a class, a real logit each, of which the largest decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofward.layers.model import Int64Array
from proofward.layers.softmax import real_softmax


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
        right = sum(row[index] for index, row in enumerate(self.confusion))
        return right / sum(map(sum, self.confusion))

    @property
    def auc(self) -> float:
        """The mean of `by_class`; ValueError where there is none."""
        known = [value for value in self.by_class if value is not None]
        if not known:
            raise ValueError("AUC needs records of two classes")
        return sum(known) / len(known)


def evaluate(scores: NDArray[Any], labels: Int64Array) -> Evaluation:
    """Of records (n,) or (n, classes) and their classes (n,)."""
    if scores.ndim == 1:
        taken, count, of_class = (scores > 0).astype(np.int64), 2, {1: scores}
    else:
        taken, count = scores.argmax(axis=1), scores.shape[1]
        of_class = dict(enumerate(real_softmax(scores).T))
    confusion = np.zeros((count, count), dtype=np.int64)
    np.add.at(confusion, (labels, taken), 1)
    by_class = tuple(_auc_or_none(own, labels == index) for index, own in of_class.items())
    return Evaluation(tuple(map(tuple, confusion.tolist())), by_class)


def auc(score: NDArray[Any], labels: Int64Array) -> float:
    """Area under the ROC curve: the chance that label 1 scores above label 0, ties at half."""
    found = _auc_or_none(score, labels == 1)
    if found is None:
        raise ValueError("AUC needs records of both labels")
    return found


def _auc_or_none(score: NDArray[Any], inside: NDArray[np.bool_]) -> float | None:
    positive, negative = score[inside], np.sort(score[~inside])
    if not len(positive) or not len(negative):
        return None
    below = np.searchsorted(negative, positive, side="left") + np.searchsorted(
        negative, positive, side="right"
    )
    return float(below.sum()) / (2 * len(positive) * len(negative))
