"""Accuracy on the Wisconsin breast cancer data: fixed-point federation against float baselines, as JSON.

python benchmarks/accuracy.py [--seeds 5] [--rounds 15] [--hospitals 5] [--preset wdbc] [--smallest]
"""

from __future__ import annotations

import argparse
import time

from _machine import print_result

from proofward.data.splits import held_out_split, hospital_split, label_counts
from proofward.data.wdbc import load_wdbc
from proofward.models import PRESETS, preset
from proofward.report.comparing.baselines import (
    centralised_float,
    federated,
    federated_float,
    fixed_auc,
    float_auc,
)


def measure(name: str, seeds: int, rounds: int, count: int) -> dict[str, object]:
    """Mean AUC on held-out records over the seeds, per method, and what the federation clipped."""
    setup = preset(name)
    records = load_wdbc(setup.scales)
    methods: dict[str, list[float]] = {
        "federated_fixed_point": [], "federated_float": [], "centralised_float": [],
        "alone_mean": [], "alone_worst": [], "alone_best": [],
    }  # fmt: skip
    clipped, largest, labels = 0, 0, []
    for seed in range(seeds):
        training, held_out = held_out_split(records, seed)
        hospitals = hospital_split(training, count, seed)
        labels.append([label_counts(own) for own in hospitals])
        result = federated(setup, hospitals, rounds, seed)
        clipped += result.clipped
        largest = max(largest, result.largest_entry)
        alone = [float_auc(setup, federated_float(setup, [own], rounds, seed), held_out) for own in hospitals]
        for method, value in (
            ("federated_fixed_point", fixed_auc(setup, result.weights, held_out)),
            ("federated_float", float_auc(setup, federated_float(setup, hospitals, rounds, seed), held_out)),
            (
                "centralised_float",
                float_auc(setup, centralised_float(setup, hospitals, rounds, seed), held_out),
            ),
            ("alone_mean", sum(alone) / count),
            ("alone_worst", min(alone)),
            ("alone_best", max(alone)),
        ):
            methods[method].append(value)
    fixed, twin = methods["federated_fixed_point"], methods["federated_float"]
    return {
        "auc": {method: round(sum(values) / seeds, 5) for method, values in methods.items()},
        "largest_gap_to_float": round(max(abs(a - b) for a, b in zip(fixed, twin, strict=True)), 6),
        "clipped_updates": clipped,
        "largest_submitted_entry": largest,
        "labels_per_hospital_first_seed": labels[0],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--hospitals", type=int, default=5)
    parser.add_argument(
        "--preset", default="wdbc", choices=[n for n, p in PRESETS.items() if p.model.features == 30]
    )
    parser.add_argument("--smallest", action="store_true", help="one seed, two rounds")
    options = parser.parse_args()
    if options.smallest:
        options.seeds, options.rounds = 1, 2
    if min(options.seeds, options.rounds, options.hospitals) < 1:
        parser.error("--seeds, --rounds and --hospitals must be at least 1")
    started = time.perf_counter()
    figures = measure(options.preset, options.seeds, options.rounds, options.hospitals)
    settings = {name: value for name, value in vars(options).items() if name != "smallest"}
    print_result("accuracy", **settings, **figures, seconds=round(time.perf_counter() - started, 2))


if __name__ == "__main__":
    main()
