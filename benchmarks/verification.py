"""Processor seconds of verifying a round against the number of verifiers, all of them or some drawn, as JSON.

python benchmarks/verification.py [--verifiers 3,5,10,20,50] [--hospitals 8] [--rows 90] [--preset wdbc]
    [--corrupt 10] [--absent 5] [--charts DIR] [--smallest]

For each number of verifiers two federations of one round run in one process: in one all verifiers judge every
proof, in the other those that the beacon draws for it, as many as keep the policy where so many per cent are
corrupt. All proofs are real. "each" is the mean of a verifier, "all" the sum. Needs the tests beside it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from _machine import print_result, progress
from _scale_runs import COMMITTEES, EVERYBODY, PRESET, Run, measured, plan_of

from proofward.charts.chart import Chart, write_charts
from proofward.federation.messages.consortium.scaling import SINGLE
from proofward.federation.messages.records.catalogue import Verdict
from proofward.field.warm_up import warm_up
from proofward.models.presets import PRESETS
from proofward.report.figures.canvas import COLOURS, new_figure, open_sides

WAYS = {EVERYBODY: "all judge every proof", COMMITTEES: "some are drawn for each proof"}
NAME, TITLE = "verification", "Verifying the proofs of a round"


def described(run: Run) -> dict[str, object]:
    """What one round's verification took, by verifier and in all."""
    verdicts = run.topics[Verdict.kind][0]
    every = verdicts * run.verify
    return {
        "verifiers": run.verifiers, "way": WAYS[run.way], "judges_of_a_proof": run.sample,
        "verdicts": verdicts, "seconds_of_a_proof": round(run.verify, 4),
        "each": round(every / run.verifiers, 4), "all": round(every, 3),
    }  # fmt: skip


def figure(rows: Sequence[dict[str, Any]], hospitals: int) -> Any:
    """Seconds on logarithmic axes."""
    drawing = new_figure(7.2, 4.4)
    axes = drawing.add_subplot()
    places = sorted({row["verifiers"] for row in rows})
    for colour, words in zip(COLOURS, WAYS.values(), strict=False):
        own = [row for row in rows if row["way"] == words]
        for what, name, dash, marker in (("each", "a verifier", "-", "o"), ("all", "together", "--", "s")):
            look = {"color": colour, "linestyle": dash, "marker": marker, "markersize": 5}
            axes.plot(places, [row[what] for row in own], label=f"{words}: {name}", **look)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(places, [str(place) for place in places])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("verifiers")
    axes.set_ylabel("processor seconds in a round")
    axes.set_title(f"{TITLE}, {hospitals} hospitals", fontsize=11)
    axes.grid(axis="y", color="0.92")
    axes.set_axisbelow(True)
    drawing.legend(frameon=False, loc="outside lower center", ncols=2, fontsize=9, handlelength=3.2)
    open_sides(axes)
    return drawing


def chart(rows: Sequence[dict[str, Any]], hospitals: int) -> Chart:
    """The rows as a chart."""
    words = "One round with real proofs in one process for each point; python benchmarks/verification.py"
    head = ("verifiers", "judge a proof", "each, s", "all, s")
    names = "verifiers", "judges_of_a_proof", "each", "all"
    table = [head, *(tuple(str(row[name]) for name in names) for row in rows)]
    return Chart(NAME, TITLE, words, {"rows": list(rows)}, table, partial(figure, rows, hospitals))


def numbers(text: str) -> list[int]:
    """A list of whole numbers with commas."""
    return [int(part) for part in text.split(",")]


def main() -> None:
    """Runs the rounds and prints one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--verifiers", type=numbers, default=[3, 5, 10, 20, 50])
    parser.add_argument("--hospitals", type=int, default=8)
    parser.add_argument("--rows", type=int, default=90, help="records of each hospital")
    parser.add_argument("--preset", choices=sorted(PRESETS), default=PRESET)
    parser.add_argument("--corrupt", type=int, default=10, help="per cent, of the drawn")
    parser.add_argument("--absent", type=int, default=5, help="per cent of the hospitals, of the drawn")
    parser.add_argument("--charts", type=Path, help="folder of the chart and its page")
    parser.add_argument("--smallest", action="store_true", help="logistic regression, three verifiers")
    options = parser.parse_args()
    if options.smallest:
        options.verifiers, options.hospitals, options.rows, options.preset = [3], 4, 16, "logistic"
    warm_up()
    rows = []
    for verifiers in options.verifiers:
        for way in WAYS:
            progress(f"a round with {verifiers} verifiers, {WAYS[way]}")
            shares = options.corrupt, options.absent
            plan = plan_of(options.preset, options.hospitals, verifiers, way, *shares)
            plan = replace(plan, scaling=replace(plan.scaling, verdicts=SINGLE))  # one message each
            rows.append(described(measured(plan, way, options.hospitals, options.rows)))
    if options.charts:
        write_charts(options.charts, TITLE, [chart(rows, options.hospitals)])
    settings = {name: getattr(options, name) for name in ("preset", "hospitals", "rows", "corrupt", "absent")}
    print_result(NAME, **settings, rounds=rows)


if __name__ == "__main__":
    main()
