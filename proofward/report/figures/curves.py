"""Curves over the rounds: loss, accuracy and AUC of the global model, from the first model on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofward.layers.rules.model import Int64Array
from proofward.report.figures.canvas import BLUE, GREEN, ORANGE, new_figure, open_sides, png
from proofward.report.figures.roc import roc
from proofward.report.figures.scores import by_class, loss, taken


@dataclass(frozen=True)
class Curves:
    """By round, the first entry of the first model. loss: mean cross-entropy in nats.

    auc: of more than two classes the mean over the classes, each against the others; None where there are
    records of one class only.
    """

    loss: tuple[float, ...]
    accuracy: tuple[float, ...]
    auc: tuple[float, ...] | None

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "loss": list(self.loss),
            "accuracy": list(self.accuracy),
            "auc": None if self.auc is None else list(self.auc),
        }


def curves(scores: Sequence[NDArray[Any]], labels: Int64Array) -> Curves:
    """Of scores after each round, see `figures.scores`; the first entry is of the first model."""
    several = len(np.unique(labels)) > 1
    return Curves(
        tuple(loss(own, labels) for own in scores),
        tuple(float((taken(own) == labels).mean()) for own in scores),
        tuple(_auc(own, labels) for own in scores) if several else None,
    )


def _auc(scores: NDArray[Any], labels: Int64Array) -> float:
    found = [roc(own, labels == index) for index, own in by_class(scores).items()]
    areas = [curve.area for curve in found if curve is not None]
    return sum(areas) / len(areas)


def draw_curves(found: Curves, rows: str) -> bytes:
    """A PNG of both panels; raises PicturesUnavailable. rows: of which records, in words."""
    figure = new_figure(8.4, 3.6)
    left, right = figure.subplots(1, 2)
    rounds, marker = range(len(found.loss)), {"markersize": 4, "linewidth": 2}
    left.plot(rounds, found.loss, color=ORANGE, marker="o", **marker)
    left.set_ylabel("cross-entropy, nats")
    left.set_ylim(bottom=0)
    right.plot(rounds, found.accuracy, color=GREEN, marker="s", linestyle="--", label="accuracy", **marker)
    if found.auc is not None:
        right.plot(rounds, found.auc, color=BLUE, marker="o", label="AUC", **marker)
    right.set_ylabel("accuracy" if found.auc is None else "accuracy, AUC")
    right.set_ylim(top=1.02)
    right.legend(frameon=False, loc="best", handlelength=3)
    for axes in (left, right):
        axes.set_xlabel("round (0: the first model)")
        axes.xaxis.get_major_locator().set_params(integer=True)
        open_sides(axes)
    figure.suptitle(f"The federation's model, {rows}", fontsize=11)
    return png(figure)
