"""Charts of what a federation is worth and what its proofs cost, as pictures and as JSON.

python benchmarks/charts.py [--preset wdbc] [--hospitals 5] [--rounds 15] [--counts 3,4,6,9,12] [--seeds 3]
                            [--verifiers 1,2,3,5,8] [--out runs/charts] [--smallest]

A federation runs in one process, its members one after another, and is compared with lone hospitals and with
plain averaging. AUC by number of hospitals is of the records divided among the largest number of --counts, as
a mean over --seeds divisions. A federation of one round for each number of --verifiers measures verification.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from _machine import print_result, progress

from proofward.charts.chart import PAGE_NAME, write_charts
from proofward.charts.of_run import charts_of_run
from proofward.engines.in_process import InProcessFederation
from proofward.federation.messages.consortium.usual import LEAST_HOSPITALS
from proofward.federation.messages.events import Event
from proofward.federation.messages.records.catalogue import RoundClosed
from proofward.field.warm_up import warm_up
from proofward.models import PRESETS
from proofward.report.comparing.comparison import MethodScores
from proofward.report.demonstrations.scenario import Scenario, make_scenario
from proofward.report.measurements import Measurements
from proofward.report.run_report import compare_run


def say(words: str) -> None:
    """What is done next."""
    progress({"doing": words})


def federate(scenario: Scenario) -> tuple[dict[str, MethodScores], Measurements]:
    """A run's scores beside the baselines', and what it measured."""
    measured = Measurements()

    def observe(event: Event) -> None:
        measured.observe(event)
        if event.kind == "recorded" and event.subject == RoundClosed.kind:
            say(f"round {event.round} of {scenario.plan.rounds} is closed")

    records = {name: (own.features, own.labels) for name, own in scenario.hospitals.items()}
    with tempfile.TemporaryDirectory() as folder:
        engine = InProcessFederation(
            Path(folder) / "run", scenario.plan, records, observe=observe, network=measured, workers=1
        )
        result = engine.run()
        if not result.finished or result.refusals:
            raise SystemExit(f"the federation did not finish: {result.stopped or result.refusals}")
        say("training the baselines")
        return compare_run(scenario, engine.aggregator.history, engine.aggregator.objects), measured


def numbers(text: str) -> list[int]:
    """A list of whole numbers with commas."""
    return [int(part) for part in text.split(",")]


def main() -> None:
    """Writes pictures and page, and prints one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    tables = [name for name in PRESETS if name in ("tiny", "wdbc")]
    parser.add_argument("--preset", default="wdbc", choices=tables)
    parser.add_argument("--hospitals", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--counts", type=numbers, default=[3, 4, 6, 9, 12], help="numbers of hospitals")
    parser.add_argument("--seeds", type=int, default=3, help="divisions of the records")
    parser.add_argument("--verifiers", type=numbers, default=[1, 2, 3, 5, 8], help="numbers of verifiers")
    parser.add_argument("--out", type=Path, default=Path("runs/charts"), help="folder of pictures and page")
    parser.add_argument("--smallest", action="store_true", help="tiny, three hospitals, two rounds")
    options = parser.parse_args()
    if options.smallest:
        options.preset, options.hospitals, options.rounds, options.seeds = "tiny", 3, 2, 1
        options.counts, options.verifiers = [3, 4], [1, 2]
    if min(options.hospitals, *options.counts) < LEAST_HOSPITALS:
        parser.error(f"--hospitals and --counts must be at least {LEAST_HOSPITALS}")
    if min(options.rounds, options.seeds, *options.verifiers) < 1:
        parser.error("--rounds, --seeds and --verifiers must be at least 1")
    started = time.perf_counter()
    say("loading the kernels")
    warm_up()
    scenario = make_scenario(options.preset, options.hospitals, options.rounds, 0)
    most, seeds = max(options.counts), range(options.seeds)
    divisions = [make_scenario(options.preset, most, options.rounds, seed) for seed in seeds]
    found, measured = federate(scenario)
    charts = charts_of_run(
        scenario, found, measured, say,
        divisions=divisions, hospital_counts=options.counts, verifier_counts=options.verifiers,
    )  # fmt: skip
    options.out.mkdir(parents=True, exist_ok=True)
    missing = write_charts(options.out, scenario.plan.federation, charts)
    settings = {name: value for name, value in vars(options).items() if name not in ("smallest", "out")}
    print_result(
        "charts", **settings, page=str(options.out / PAGE_NAME), no_pictures=missing,
        charts={chart.name: chart.numbers for chart in charts},
        seconds=round(time.perf_counter() - started, 2),
    )  # fmt: skip


if __name__ == "__main__":
    main()
