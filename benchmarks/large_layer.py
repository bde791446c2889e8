"""Proof of training of a large MLP, 1024-(8 x 1024)-2 at batch 64: seconds per step and peak memory, as JSON.

python benchmarks/large_layer.py [--width 1024] [--layers 8] [--batch 64] [--steps 8] [--smallest]

Synthetic records; dataset, witness and lookups of all steps in one proof. Beside the seconds per step to
prove stand those to train without a proof, and the best published figure for this shape.
"""

from __future__ import annotations

import argparse

from _machine import print_result, progress
from _training import TrainingProblem, large_scales, warm_up

from proofward.layers.networks.network import mlp
from proofward.layers.rules.model import Training

PUBLISHED_SECONDS_PER_STEP = 0.86
MEMORY_LIMIT = 16 << 30
ROWS = 512


def main() -> None:
    """Prints one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--layers", type=int, default=8, help="hidden layers")
    parser.add_argument("--batch", type=int, default=64, help="a power of two")
    parser.add_argument("--steps", type=int, default=8, help="a power of two")
    parser.add_argument("--table-bits", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=2, help="the fastest is reported beside all")
    parser.add_argument("--smallest", action="store_true", help="two layers of 64, two steps of batch 16")
    options = parser.parse_args()
    if options.smallest:
        options.width, options.layers, options.batch, options.steps = 64, 2, 16, 2
        options.table_bits, options.repeats = 12, 1
    if min(options.width, options.layers, options.batch, options.steps, options.repeats) < 1:
        parser.error("expected at least 1 of everything")
    if options.steps & (options.steps - 1):
        parser.error(f"expected a power of two of steps, got {options.steps}")
    samples = options.steps * options.batch
    rows = min(ROWS, samples)
    if samples % rows:
        parser.error(f"expected steps * batch to be a multiple of {rows}, got {samples}")
    warm_up()
    problem = TrainingProblem.make(
        mlp((options.width,) * (options.layers + 1) + (2,)),
        large_scales(options.table_bits),
        Training(1, options.batch, samples // rows),
        rows,
    )
    runs = []
    for _ in range(options.repeats):
        runs.append(problem.measure(verifications=1 if options.smallest else 3))
        progress(runs[-1])
    best = min(runs, key=lambda run: float(str(run["prove_seconds"])))
    per_step = float(str(best["prove_seconds_per_step"]))
    peak = max(int(str(run["peak_memory_bytes"])) for run in runs)
    full = (options.width, options.layers, options.batch) == (1024, 8, 64)
    print_result(
        "large_layer",
        **best,
        prove_seconds_of_all_runs=[run["prove_seconds"] for run in runs],
        largest_peak_memory_bytes=peak,
        within_memory_limit=peak <= MEMORY_LIMIT,
        reference={
            "what": "best published proof of training of this shape, on an NVIDIA A100",
            "prove_seconds_per_step": PUBLISHED_SECONDS_PER_STEP,
            "ratio_to_it": round(per_step / PUBLISHED_SECONDS_PER_STEP, 3) if full else None,
        },
    )


if __name__ == "__main__":
    main()
