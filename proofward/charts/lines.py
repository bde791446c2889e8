"""Lines over whole numbers, with the range of what a line is the mean of behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from proofward.report.figures.canvas import COLOURS, DASHES, new_figure, open_sides

_MARKERS, _WIDTHS = ("o", "s", "^", "D"), (3.2, 1.8, 1.8, 1.8)


@dataclass(frozen=True)
class Line:
    """label: in the legend. values: one for each place. low, high: the range around them; empty for none."""

    label: str
    values: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


def draw_lines(
    lines: Sequence[Line], places: Sequence[int], *, title: str, across: str, up: str, from_zero: bool = False
) -> Any:
    """A figure; raises PicturesUnavailable. At most four lines. across, up: what the axes show."""
    figure = new_figure(7.2, 4.4)
    axes = figure.add_subplot()
    for index, line in enumerate(lines):
        look = {"color": COLOURS[index], "linestyle": DASHES[index], "marker": _MARKERS[index]}
        sizes = {"linewidth": _WIDTHS[index], "markersize": 7 if index == 0 else 4.5}
        axes.plot(places, line.values, label=line.label, **look, **sizes)
        if line.low:
            axes.fill_between(places, line.low, line.high, color=COLOURS[index], alpha=0.15, linewidth=0)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.set_title(title, fontsize=11)
    axes.margins(x=0.04)
    if from_zero:
        axes.set_ylim(bottom=0)
    if len(places) <= 12:
        axes.set_xticks(list(places))
    else:
        axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(axis="y", color="0.92")
    axes.set_axisbelow(True)
    figure.legend(frameon=False, loc="outside lower center", ncols=2, fontsize=9, handlelength=3.2)
    open_sides(axes)
    return figure
