"""The ROC curve: at every threshold, how many records of a class and of the others score at least that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofward.report.figures.canvas import COLOURS, DASHES, GREY, label, new_figure, open_sides, png


@dataclass(frozen=True)
class Roc:
    """Points of the curve from the second on: the first is (0, 0), the last has all records.

    Points between two others on a line are left out, and no score of a record is kept.
    """

    false_positives: tuple[int, ...]
    true_positives: tuple[int, ...]

    @property
    def rates(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Rates of false and of true positives, from (0, 0) to (1, 1)."""
        false, true = (np.array([0, *counts]) for counts in (self.false_positives, self.true_positives))
        return false / false[-1], true / true[-1]

    @property
    def area(self) -> float:
        """The area under the curve: the chance that one of the class scores above another, ties at half."""
        false, true = np.array([0, *self.false_positives]), np.array([0, *self.true_positives])
        twice = int((np.diff(false) * (true[1:] + true[:-1])).sum())
        return twice / (2 * int(false[-1]) * int(true[-1]))

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "auc": self.area,
            "false_positives": list(self.false_positives),
            "true_positives": list(self.true_positives),
        }


def roc(scores: NDArray[Any], inside: NDArray[np.bool_]) -> Roc | None:
    """Of the records inside a class; None where there is none of them, or none of the others."""
    if inside.all() or not inside.any():
        return None
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)  # of records that score alike
    true = np.cumsum(inside[order])[ends]
    false = ends + 1 - true
    steps = np.diff(false, prepend=0), np.diff(true, prepend=0)
    turns = steps[0][:-1] * steps[1][1:] != steps[0][1:] * steps[1][:-1]
    kept = np.append(turns, True)
    return Roc(tuple(false[kept].tolist()), tuple(true[kept].tolist()))


def draw_roc(curves: Mapping[str, Roc], rows: str) -> bytes:
    """A PNG of curves by class; raises PicturesUnavailable. rows: of which records, in words."""
    count = len(curves)
    beside = 0 if count <= 5 else 1 + (count - 1) // 18  # columns of a legend that has no room within
    figure = new_figure(5.2 + 2.6 * beside, 4.8)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=(0, (2, 3)), label="chance")
    for index, (name, curve) in enumerate(curves.items()):
        look = {"color": COLOURS[index % 4], "linestyle": DASHES[(index + index // 4) % 4]}
        axes.plot(*curve.rates, **look, linewidth=2, label=f"{label(name)}: AUC {curve.area:.3f}")
    axes.set_xlabel("false positives, share of the other records")
    axes.set_ylabel("true positives, share of the class")
    against = ", each class against the others" if count > 1 else ""
    axes.set_title(f"ROC after the last round{against}\n{rows}", fontsize=11)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    if beside:
        figure.legend(frameon=False, loc="outside right upper", fontsize=9, handlelength=3, ncols=beside)
    else:
        axes.legend(frameon=False, loc="lower right", fontsize=9, handlelength=3)
    open_sides(axes)
    return png(figure)
