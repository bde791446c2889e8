"""Processor time of training small networks, numpy's products on one thread and on all: JSON.

python benchmarks/training_threads.py [--repeats 3] [--smallest]

No proof. The library's threads wait for work by turning in a loop, which is counted as processor time.
"""

from __future__ import annotations

import argparse
import statistics
import time
from unittest import mock

from _machine import print_result

from proofward.data.synthetic import make_synthetic
from proofward.field.blas import blas_threads
from proofward.layers.local_training import training
from proofward.layers.networks.initial_weights import initial_weights
from proofward.layers.networks.network import mlp
from proofward.layers.rules.model import FixedPoint, Training
from proofward.layers.rules.schedule import schedule

NETS = {
    "30-32-2": Training(1, 16, steps=256),
    "784-128-64-2": Training(1, 32, steps=32),
    "1024-1024-1024-2": Training(1, 64, steps=4),
}
ALWAYS = 1 << 62


def seconds_of_step(widths: tuple[int, ...], rules: Training, least: int) -> dict[str, float]:
    """Processor and wall milliseconds of a step; products below `least` terms have one thread."""
    model, scales = mlp(widths), FixedPoint()
    records = make_synthetic(2 * rules.batch, model.features, 1, scales, amplitude=0.25)
    first, batches = initial_weights(model, scales, b"seed"), schedule(bytes(32), "h", 2 * rules.batch, rules)
    with mock.patch.object(training, "LITTLE_WORK", least):
        wall, processor = time.perf_counter(), time.process_time()
        training.train(model, scales, rules, first, records.features, records.labels, batches)
        spent = time.perf_counter() - wall, time.process_time() - processor
    return {"wall_ms": 1e3 * spent[0] / rules.steps, "processor_ms": 1e3 * spent[1] / rules.steps}


def main() -> None:
    """Prints one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--smallest", action="store_true", help="one network, once")
    options = parser.parse_args()
    nets = dict(list(NETS.items())[:1]) if options.smallest else NETS
    repeats = 1 if options.smallest else options.repeats
    results = []
    for words, rules in nets.items():
        widths = tuple(map(int, words.split("-")))
        seconds_of_step(widths, rules, ALWAYS)  # warm-up
        line: dict[str, object] = {"network": words, "batch": rules.batch}
        for name, least in (("one_thread", ALWAYS), ("all_threads", 0)):
            runs = [seconds_of_step(widths, rules, least) for _ in range(repeats)]
            line[name] = {key: round(statistics.median(run[key] for run in runs), 3) for key in runs[0]}
        results.append(line)
    print_result("training_threads", library_threads=blas_threads(), steps_of=results)


if __name__ == "__main__":
    main()
