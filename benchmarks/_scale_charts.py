"""Charts of `scale.py`: seconds and bytes by role against the number of hospitals, on logarithmic axes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from _scale_runs import COMMITTEES, EVERYBODY, LIGHT, Run

from proofward.charts.chart import Chart
from proofward.report.figures.canvas import COLOURS, new_figure

ROLES = ("hospital", "holder, besides", "verifier", "server", "light hospital")
Products = Sequence[dict[str, Any]]


def charts(products: Products, runs: Sequence[Run]) -> list[Chart]:
    """Seconds, bytes received, and the whole rounds that were measured."""
    seconds = "Products of measured constants, one round, one processor: see the file of numbers."
    received = "Products of measured sizes, one round; of the server what all hospitals upload."
    made = [
        by_role("seconds-by-role", "Processor seconds of a round by role", seconds, products, "seconds"),
        by_role("bytes-by-role", "Bytes received in a round by role", received, products, "bytes_in"),
    ]
    table = [
        ("hospitals", "way", "processor-seconds", "ledger, MB", "objects, MB"),
        *((str(run.hospitals), run.way, f"{run.seconds:.1f}", *stored(run)) for run in runs),
    ]
    words = "Whole rounds in one process, all parties together; the proofs of some hospitals are a stand-in."
    numbers = {"hospitals": [run.hospitals for run in runs], "seconds": [run.seconds for run in runs]}
    made.append(Chart("whole-rounds", "Whole rounds", words, numbers, table, partial(whole, runs)))
    return made


def stored(run: Run) -> tuple[str, str]:
    """What a run keeps, in megabytes: ledger, and objects."""
    return f"{run.ledger_bytes / 1e6:.2f}", f"{run.object_bytes / 1e6:.1f}"


def by_role(name: str, title: str, words: str, products: Products, what: str) -> Chart:
    """One line for each role and way."""
    rows = [("hospitals", "way", *ROLES)]
    for own in products:
        values = (own["roles"].get(role, {}).get(what) for role in ROLES)
        shown = ("" if value is None else f"{value:.3g}" for value in values)
        rows.append((str(own["hospitals"]), own["way"], *shown))
    numbers = {"products": list(products)}
    return Chart(name, title, words, numbers, rows, partial(lines, products, what, title))


def lines(products: Products, what: str, title: str) -> Any:
    """The figure of `by_role`."""
    figure = new_figure(7.2, 4.8)
    axes = figure.add_subplot()
    for index, role in enumerate(ROLES):
        for way, dash in ((EVERYBODY, ":"), (COMMITTEES, "-")):
            own = [one for one in products if one["way"] == way and what in one["roles"].get(role, {})]
            places, values = [one["hospitals"] for one in own], [one["roles"][role][what] for one in own]
            label = role if way == COMMITTEES else None
            light = role == "light hospital"
            look = {"linestyle": "--" if light else dash, "marker": "o", "markersize": 4}
            look["color"] = COLOURS[0 if light else index]
            axes.plot(places, values, label=label, **look)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("hospitals")
    axes.set_ylabel("processor seconds" if what == "seconds" else "bytes")
    axes.set_title(f"{title}: committees (lines), everybody (dots)", fontsize=11)
    axes.grid(color="0.92")
    axes.legend(frameon=False, fontsize=9)
    return figure


def whole(runs: Sequence[Run]) -> Any:
    """The figure of measured rounds."""
    figure = new_figure(7.2, 4.4)
    axes = figure.add_subplot()
    for index, way in enumerate((EVERYBODY, COMMITTEES, LIGHT)):
        own = [run for run in runs if run.way == way]
        places, values = [run.hospitals for run in own], [run.seconds for run in own]
        axes.plot(places, values, color=COLOURS[index], marker="o", label=way)
    axes.set_xlabel("hospitals")
    axes.set_ylabel("processor seconds of a round, all parties")
    axes.set_title("Whole rounds in one process", fontsize=11)
    axes.grid(color="0.92")
    axes.legend(frameon=False, fontsize=9)
    return figure
