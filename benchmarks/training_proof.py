"""Proof of training alone, by width and steps: every phase, verification, proof size, peak memory, as JSON.

python benchmarks/training_proof.py [--widths 32 ...] [--steps 8 ...] [--batch 32] [--memory 12] [--smallest]

MLP width-width-2 on synthetic records; dataset, witness and lookups of all steps in one proof. First of all
exactly one step of MLP 30-16-2 at batch 32, beside published figures for the same step. Combinations that
would need more memory than --memory, in GiB, are named and left out.
"""

from __future__ import annotations

import argparse

from _machine import print_result, progress
from _training import TrainingProblem, large_scales, warm_up

from proofward.layers.basics.errors import TrainingError
from proofward.layers.basics.layout import padded
from proofward.layers.networks.network import mlp
from proofward.layers.rules.model import FixedPoint, Training

WIDTHS = (32, 64, 128, 256, 512, 1024)
STEPS = (8, 64, 512)
ROWS = 512
BYTES_PER_VALUE = 100
ONE_STEP_REFERENCE = {
    "what": "ezkl 23, one step of MLP 30-16-2 at batch 32, on two cores",
    "prove_seconds": [44, 97],
    "set_up_seconds": [43, 54],
    "peak_memory_gib": [2.3, 4.8],
}


def problem(width: int, steps: int, batch: int) -> TrainingProblem:
    """The problem of one combination: up to 512 records, as many epochs as the steps need."""
    samples = steps * batch
    rows = min(ROWS, samples)
    table_bits = 20 if samples * padded(width) >= 1 << 20 else 12
    return TrainingProblem.make(
        mlp((width, width, 2)), large_scales(table_bits), Training(1, batch, samples // rows), rows
    )


def one_step(verifications: int) -> dict[str, object]:
    """One step of MLP 30-16-2 at batch 32, at the scales of First light."""
    single = TrainingProblem.make(mlp((30, 16, 2)), FixedPoint(), Training(1, 32, 1), 32)
    return {**single.measure(verifications), "reference": ONE_STEP_REFERENCE}


def grid(options: argparse.Namespace) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Figures of the combinations that were measured, and those left out with the reason."""
    results: list[dict[str, object]] = []
    skipped: list[dict[str, object]] = []
    for width in options.widths:
        for steps in options.steps:
            try:
                single = problem(width, steps, options.batch)
                expected = BYTES_PER_VALUE * single.plan().values / (1 << 30)
                if expected > options.memory:
                    reason = f"needs about {expected:.0f} GiB, the limit is {options.memory} GiB"
                    skipped.append({"width": width, "steps": steps, "reason": reason})
                    continue
                results.append(single.measure(options.verifications))
                progress(results[-1])
            except TrainingError as error:
                skipped.append({"width": width, "steps": steps, "reason": str(error)})
    return results, skipped


def main() -> None:
    """Prints one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--widths", type=int, nargs="+", default=list(WIDTHS))
    parser.add_argument("--steps", type=int, nargs="+", default=list(STEPS), help="powers of two")
    parser.add_argument("--batch", type=int, default=32, help="a power of two")
    parser.add_argument("--memory", type=float, default=12.0, help="GiB that a combination may need")
    parser.add_argument("--verifications", type=int, default=5)
    parser.add_argument("--smallest", action="store_true", help="the one step, and width 32 with 8 steps")
    options = parser.parse_args()
    if options.smallest:
        options.widths, options.steps, options.verifications = [32], [8], 1
    if min(*options.widths, *options.steps, options.batch, options.verifications) < 1:
        parser.error("expected at least 1 of everything")
    if any(number & (number - 1) for number in (*options.steps, options.batch)):
        parser.error("expected powers of two of steps and of records in a batch")
    warm_up()
    single = one_step(options.verifications)
    progress(single)
    results, skipped = grid(options)
    print_result("training_proof", one_step=single, results=results, skipped=skipped)


if __name__ == "__main__":
    main()
