"""Charts of `hospitals_accuracy.py`: held-out AUC against the number of hospitals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from proofward.charts.chart import Chart
from proofward.layers.rules.privacy import HOSPITAL, RECORD
from proofward.report.figures.canvas import BLUE, GREEN, GREY, ORANGE, PURPLE, new_figure, open_sides

ALONE, FLOAT, EXACT = "alone", "float", "exact"
Cells = Sequence[dict[str, Any]]
WISCONSIN, DRAWN = "wisconsin", "drawn"
TITLES = {WISCONSIN: "the Wisconsin records", DRAWN: "drawn tables, nobody's"}
PANELS = {RECORD: "each record protected", HOSPITAL: "whole hospitals protected"}
_LOOKS = ((GREEN, "-", "^"), (PURPLE, "-.", "D"), ("0.15", ":", "v"))
"""Of each epsilon in turn."""


def charts(cells: Cells, epsilons: Sequence[float]) -> Iterator[Chart]:
    """One chart for each kind of records that was measured."""
    for kind, name in TITLES.items():
        own = [cell for cell in cells if cell["records"] == kind]
        if not own:
            continue
        panels = [granularity for granularity in PANELS if any(ways_of(own, granularity, epsilons))]
        ways = [ALONE, FLOAT, EXACT, *(way for panel in panels for way in ways_of(own, panel, epsilons))]
        rows = [[str(cell["hospitals"]), *(shown(cell, way) for way in ways)] for cell in own]
        yield Chart(
            f"hospitals-{kind}", f"Held-out AUC against the number of hospitals: {name}",
            "Every hospital has as many records, whatever their number. Bars are standard deviations over "
            "divisions or tables. No proof is made at these sizes: python benchmarks/hospitals_accuracy.py",
            {"cells": own}, [["hospitals", *ways], *rows],
            partial(figure, own, panels, epsilons, name),
        )  # fmt: skip


def ways_of(cells: Cells, granularity: str, epsilons: Sequence[float]) -> list[str]:
    """The ways with privacy of this kind that were measured anywhere."""
    names = [f"{granularity}/{epsilon:g}" for epsilon in epsilons]
    return [name for name in names if any(name in cell["auc"] for cell in cells)]


def shown(cell: dict[str, Any], way: str) -> str:
    """A value of the table."""
    return f"{cell['auc'][way]:.4f}" if way in cell["auc"] else ""


def figure(cells: Cells, panels: Sequence[str], epsilons: Sequence[float], name: str) -> Any:
    """A panel for each kind of protection, each with heights of its own."""
    drawing = new_figure(7.2 if len(panels) == 1 else 10.4, 4.9)
    every = drawing.subplots(1, len(panels), squeeze=False)[0]
    for axes, panel in zip(every, panels, strict=True):
        line(axes, cells, ALONE, "a hospital alone, no privacy", (GREY, ":", "x"), 0)
        line(axes, cells, FLOAT, "FedAvg in float32", (ORANGE, "--", "s"), 1, markersize=9, fillstyle="none")
        line(axes, cells, EXACT, "ProofWard, no noise", (BLUE, "-", "o"), 2)
        for place, epsilon in enumerate(epsilons):
            way, look = f"{panel}/{epsilon:g}", _LOOKS[place % len(_LOOKS)]
            line(axes, cells, way, f"ProofWard, epsilon {epsilon:g}", look, 3 + place)
        places = [cell["hospitals"] for cell in cells]
        axes.set_xscale("log")
        axes.set_xticks(places, [f"{place:,}" for place in places])
        axes.minorticks_off()
        axes.set_xlabel("hospitals")
        axes.grid(axis="y", color="0.92")
        axes.set_axisbelow(True)
        open_sides(axes)
        axes.set_title(PANELS[panel] if len(panels) > 1 else f"Held-out AUC: {name}", fontsize=11)
    every[0].set_ylabel("AUC on held-out records")
    if len(panels) > 1:
        drawing.suptitle(f"Held-out AUC: {name}", fontsize=11)
    handles, labels = every[0].get_legend_handles_labels()
    drawing.legend(
        handles, labels, frameon=False, loc="outside lower center", ncols=3, fontsize=9, handlelength=3.2
    )
    return drawing


def line(
    axes: Any, cells: Cells, way: str, label: str, look: tuple[str, str, str], place: int, **more: Any
) -> None:
    """Means of a way with their deviations, where it was measured, a little beside each other."""
    own = [cell for cell in cells if way in cell["auc"]]
    step = (cells[-1]["hospitals"] / cells[0]["hospitals"]) ** 0.006
    places = [cell["hospitals"] * step ** (place - 2) for cell in own]
    means, spread = ([cell[what][way] for cell in own] for what in ("auc", "auc_sd"))
    above = [min(1 - mean, bar) for mean, bar in zip(means, spread, strict=True)]
    colour, dashes, marker = look
    shape = {"color": colour, "linestyle": dashes, "marker": marker, "markersize": 4.5, **more}
    axes.errorbar(places, means, [spread, above], label=label, elinewidth=0.7, capsize=1.5, **shape)
