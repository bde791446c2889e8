"""A whole round of a federation in one process: wall and processor seconds, as JSON.

python benchmarks/whole_round.py [--hospitals 5] [--rows 160] [--widths 784,128,64,2] [--rounds 3]
                                 [--workers N] [--smallest]

All hospitals train, prove, encrypt, consent and return share sums; three verifiers check every proof; the
aggregator and the ledger are in the same process. The first round is left out of the figures: it loads the
kernels and measures the statement.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from _machine import peak_memory, print_result, progress

from proofward.data.synthetic import make_synthetic
from proofward.engines.in_process import InProcessFederation
from proofward.engines.run_folder import Plan
from proofward.federation.messages.consortium.usual import usual_threshold, usual_updates, usual_verdicts
from proofward.layers.networks.network import Network, mlp
from proofward.layers.rules.model import FixedPoint, Training
from proofward.relations.rules.config import RoundConfig


def plan_of(network: Network, training: Training, hospitals: int, rounds: int) -> Plan:
    """The usual rules for as many hospitals, with three verifiers."""
    threshold = usual_threshold(hospitals)
    return Plan(
        federation="whole round",
        hospitals=[f"hospital-{index}" for index in range(hospitals)],
        verifiers=[f"verifier-{index}" for index in range(3)],
        accepting_verdicts=usual_verdicts(3),
        minimum_updates=usual_updates(hospitals, threshold),
        rounds=rounds,
        config=RoundConfig(network, FixedPoint(), training, 1 << 13, hospitals, threshold),
    )


def measure(plan: Plan, rows: int, workers: int | None) -> list[dict[str, float]]:
    """Seconds of each round but the first, and of enrolment with the first round."""
    config, found = plan.config, []
    data = {
        name: make_synthetic(rows, config.model.features, seed, config.scales, amplitude=0.25)
        for seed, name in enumerate(plan.hospitals)
    }
    records = {name: (own.features, own.labels) for name, own in data.items()}
    with tempfile.TemporaryDirectory() as folder:
        engine = InProcessFederation(Path(folder) / "run", plan, records, workers=workers)
        for number in range(1, plan.rounds + 1):
            wall, processor = time.perf_counter(), time.process_time()
            closed = number

            def done(wanted: int = closed) -> bool:
                return len(engine.aggregator.history.closed) >= wanted

            result = engine.run(done) if number < plan.rounds else engine.run()
            line = {
                "wall_seconds": round(time.perf_counter() - wall, 3),
                "processor_seconds": round(time.process_time() - processor, 3),
            }
            if result.refusals or result.rounds < number:
                raise SystemExit(f"round {number} was not closed: {result.refusals}")
            progress(line)
            found.append(line)
    return found


def main() -> None:
    """Prints one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hospitals", type=int, default=5)
    parser.add_argument("--rows", type=int, default=160)
    parser.add_argument("--widths", default="784,128,64,2")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3, help="the first is not counted")
    parser.add_argument("--workers", type=int, help="members that work at the same time, if not as usual")
    parser.add_argument("--smallest", action="store_true", help="three hospitals, widths 30-4-2, two rounds")
    options = parser.parse_args()
    if options.smallest:
        options.hospitals, options.rows, options.widths, options.rounds = 3, 32, "30,4,2", 2
    if options.rounds < 2:
        parser.error("--rounds must be at least 2")
    network = mlp(tuple(map(int, options.widths.split(","))))
    training = Training(rate=1, batch=options.batch, epochs=options.epochs)
    plan = plan_of(network, training, options.hospitals, options.rounds)
    first, *rest = measure(plan, options.rows, options.workers)
    best = min(rest, key=lambda line: line["wall_seconds"])
    settings = {name: value for name, value in vars(options).items() if name != "smallest"}
    print_result(
        "whole_round", **settings, parameters=network.parameters, **best, with_enrolment=first,
        all_rounds=rest, peak_memory_bytes=peak_memory(),
    )  # fmt: skip


if __name__ == "__main__":
    main()
