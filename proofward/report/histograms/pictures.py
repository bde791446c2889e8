"""Pictures of an evaluation: ROC, precision and recall, reliability, decision curves, confusion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from proofward.report.figures.canvas import COLOURS, DASHES, GREY, label, new_figure, open_sides, png
from proofward.report.figures.confusion import draw_confusion
from proofward.report.histograms.calibration import reliability
from proofward.report.histograms.evaluated import Evaluated, Group, OneClass
from proofward.report.histograms.ranking import (
    area_interval,
    average_precision,
    precision_points,
    roc_area,
    roc_points,
)

ROC_NAME, PRECISION_NAME = "roc.png", "precision-recall.png"
RELIABILITY_NAME, DECISION_NAME, CONFUSION_NAME = "reliability.png", "decision-curve.png", "confusion.png"
WORDS = {
    ROC_NAME: "ROC curve",
    PRECISION_NAME: "Precision and recall",
    RELIABILITY_NAME: "Reliability of the probabilities",
    DECISION_NAME: "Net benefit by threshold",
    CONFUSION_NAME: "Confusion table",
}
_WITHIN = 4
"""Curves up to which the legend lies within the picture."""


def pictures(found: Evaluated, rows: str) -> dict[str, bytes]:
    """PNG files of all records' figures by name; raises PicturesUnavailable. rows: of which records."""
    group = found.whole
    drawn = {
        RELIABILITY_NAME: draw_reliability(group, rows, found.layout.least_count),
        DECISION_NAME: draw_decisions(group, rows),
        CONFUSION_NAME: draw_confusion(group.block.confusion.tolist(), group.names, rows, "Confusion"),
    }
    if any(own.of.tells for own in group.classes):
        drawn |= {ROC_NAME: draw_roc(group, rows), PRECISION_NAME: draw_precision(group, rows)}
    return {name: drawn[name] for name in WORDS if name in drawn}


def draw_roc(group: Group, rows: str) -> bytes:
    """Of every scored class, with the area and its interval."""

    def curve(own: OneClass) -> tuple[Any, Any, str]:
        low, high = area_interval(own.of)
        words = f"AUC {roc_area(own.of).value:.3f} ({low:.3f} to {high:.3f})"
        return *roc_points(own.of), words

    axes, finish = _panel(group, "ROC", rows)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=(0, (2, 3)), label="chance")
    _curves(axes, group, curve)
    axes.set(xlabel="false positives, share of the others", ylabel="true positives, share of the class")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    return finish("lower right")


def draw_precision(group: Group, rows: str) -> bytes:
    """Of every scored class, with the average precision."""

    def curve(own: OneClass) -> tuple[Any, Any, str]:
        return *precision_points(own.of), f"average precision {average_precision(own.of).value:.3f}"

    axes, finish = _panel(group, "Precision and recall", rows)
    _curves(axes, group, curve, drawstyle="steps-pre", marker=".")
    if len(group.classes) == 1:
        share = group.classes[0].of.prevalence
        axes.axhline(share, color=GREY, linewidth=1, linestyle=(0, (2, 3)), label="share of the class")
    axes.set(xlabel="recall, share of the class", ylabel="precision, share of those above")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    return finish("lower left")


def draw_reliability(group: Group, rows: str, least: int) -> bytes:
    """The share of each class by the probability that it was given, with Wilson's intervals.

    Bins of fewer records than `least` go together with their neighbours.
    """
    axes, finish = _panel(group, "Reliability", rows)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=(0, (2, 3)), label="as said")
    for place, own in enumerate(group.classes):
        entries = reliability(own.of, least)
        middles = [(entry.low + entry.high) / 2 for entry in entries]
        shares = [entry.found.value or 0.0 for entry in entries]
        intervals = [entry.found.interval or (0.0, 1.0) for entry in entries]
        ends = zip(shares, intervals, strict=True)
        reach = np.array([(max(at - low, 0), max(high - at, 0)) for at, (low, high) in ends]).T
        widths = [(entry.high - entry.low) / 2 for entry in entries]
        few = len(group.classes) == 1
        bars = {"yerr": reach, "xerr": widths, "elinewidth": 1, "capsize": 2} if few else {}
        axes.errorbar(
            middles, shares, **bars, color=COLOURS[place % 4], linestyle=DASHES[place // 4 % 4], marker="o",
            markersize=4, linewidth=1 if few else 1.5, label=label(own.name),
        )  # fmt: skip
    axes.set(xlabel="probability that the model gives", ylabel="share of the records that are of the class")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    return finish("upper left")


def draw_decisions(group: Group, rows: str) -> bytes:
    """Net benefit of treating those above the threshold, of treating all and of treating none."""

    def curve(own: OneClass) -> tuple[Any, Any, str]:
        entries = own.thresholds
        return [e.threshold for e in entries], [e.net_benefit for e in entries], "by the model"

    axes, finish = _panel(group, "Decision curve", rows)
    axes.axhline(0, color=GREY, linewidth=1, label="treat none")
    _curves(axes, group, curve)
    top = max(own.of.prevalence for own in group.classes)
    if len(group.classes) == 1:
        entries = group.classes[0].thresholds
        edges, values = zip(*((e.threshold, e.net_benefit_of_all) for e in entries), strict=True)
        axes.plot(edges, values, color=GREY, linestyle="--", linewidth=1.5, label="treat all")
    axes.set(xlabel="threshold probability", ylabel="net benefit a record")
    axes.set(xlim=(0, 1), ylim=(-0.2 * max(top, 0.05), 1.08 * max(top, 0.05)))
    return finish("upper right")


def _panel(group: Group, title: str, rows: str) -> tuple[Any, Callable[[str], bytes]]:
    """Axes with a title, and what puts the legend there and makes the file."""
    count = len(group.classes)
    beside = 0 if count <= _WITHIN else 1 + (count - 1) // 18
    figure = new_figure(5.2 + 3.4 * beside, 4.8)
    axes = figure.add_subplot()
    against = ", each class against the others" if count > 1 else f" for {label(group.classes[0].name)}"
    axes.set_title(f"{title}{against}\n{rows}", fontsize=11)

    def finish(within: str) -> bytes:
        look = {"frameon": False, "fontsize": 9, "handlelength": 3}
        if beside:
            figure.legend(loc="outside right upper", ncols=beside, **look)
        else:
            axes.legend(loc=within, **look)
        open_sides(axes)
        return png(figure)

    return axes, finish


def _curves(axes: Any, group: Group, curve: Callable[[OneClass], tuple[Any, Any, str]], **look: Any) -> None:
    for place, own in _telling(group):
        across, up, words = curve(own)
        words = words if len(group.classes) == 1 else f"{label(own.name)}: {words}"
        style = {"color": COLOURS[place % 4], "linestyle": DASHES[(place + place // 4) % 4], "linewidth": 2}
        axes.plot(across, up, **{**style, **look}, label=words)


def _telling(group: Group) -> Iterator[tuple[int, OneClass]]:
    return ((place, own) for place, own in enumerate(group.classes) if own.of.tells)
