"""Cost of every kind of layer: counts and processor time of its proof, beside what `inspect` predicts.

python benchmarks/layer_costs.py [--samples 16] [--side 64] [--smallest]

One JSON line a kind. Each is a training that is almost only of that kind; `encryption` is the share of a
round that encrypts and proves an update. `processor_ns_per_value` is of the whole proof of the training, by
the values that the kind has: sums of a layer, records of the head, parameters of an encryption.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict

from _cost_cases import POOL, proved_round
from _machine import describe
from _training import ONE_LIMB, TrainingProblem, conv, linear, warm_up

from proofward.layers.networks.network import Network, chain, mlp
from proofward.layers.rules.model import FixedPoint, Training

Line = dict[str, object]


def training_line(network: Network, scales: FixedPoint, samples: int, values: int, parts: list[str]) -> Line:
    """A training of one step; `values` of a sample are what the time is divided by."""
    problem = TrainingProblem.make(network, scales, Training(1, samples, steps=1), samples, 1 << 14)
    counted, predicted = problem.tally(), problem.prediction()
    found = problem.measure(verifications=1)
    count = values * samples
    own = [counted.part(name) for name in parts]
    return {
        "network": network.words,
        "values": count,
        "committed_values": sum(part.committed for part in own),
        "lookups": sum(part.lookups for part in own),
        "committed_per_value": round(sum(part.committed for part in own) / count, 3),
        "lookups_per_value": round(sum(part.lookups for part in own) / count, 3),
        "processor_seconds": found["prove_processor_seconds"],
        "predicted_processor_seconds": round(predicted.prove_seconds, 4),
        "processor_ns_per_value": round(1e9 * float(str(found["prove_processor_seconds"])) / count),
        "predicted_ns_per_value": round(1e9 * predicted.prove_seconds / count),
        "sumchecks_seconds": found["prove_phases"]["sumchecks"],  # type: ignore[index]
        "peak_bytes": found["peak_memory_bytes"],
        "predicted_peak_bytes": predicted.peak_bytes,
    }


def encryption_line(network: Network, rows: int) -> Line:
    """A round less its training: what the submission of an update costs."""
    found = proved_round(network, FixedPoint(), Training(1, rows, steps=1), rows)
    training = TrainingProblem.make(network, FixedPoint(), Training(1, rows, steps=1), rows, 1 << 13)
    alone, predicted_alone = training.measure(1), training.prediction()
    layers = range(1, len(network.layers) + 1)
    own = [found.tally.part(f"layer {i} {what}") for i in layers for what in ("update", "encryption")]
    seconds = found.processor_seconds - float(str(alone["prove_processor_seconds"]))
    predicted = found.prediction.prove_seconds - predicted_alone.prove_seconds
    parameters = network.parameters
    return {
        "network": network.words,
        "values": parameters,
        "committed_values": sum(part.committed for part in own),
        "lookups": sum(part.lookups for part in own),
        "committed_per_value": round(sum(part.committed for part in own) / parameters, 3),
        "lookups_per_value": round(sum(part.lookups for part in own) / parameters, 3),
        "processor_seconds": round(seconds, 4),
        "predicted_processor_seconds": round(predicted, 4),
        "processor_ns_per_value": round(1e9 * seconds / parameters),
        "predicted_ns_per_value": round(1e9 * predicted / parameters),
        "of_the_round": asdict(found.prediction),
    }


def kinds(samples: int, side: int) -> dict[str, Callable[[], Line]]:
    """What measures each kind."""
    width, hidden = side * side // 4, 8 * side
    flat = mlp((width, hidden, 2))
    strided = chain((4, side, side), [conv(16, 2), linear(2)])
    plain = chain((4, side, side), [conv(16), linear(2)])
    pooled = chain((4, side, side), [conv(16), POOL, linear(2)])
    return {
        "linear": lambda: training_line(flat, ONE_LIMB, samples, hidden, ["layer 1"]),
        "conv2d": lambda: training_line(strided, ONE_LIMB, samples, strided.hidden[0].size, ["layer 1"]),
        "relu": lambda: training_line(plain, ONE_LIMB, samples, plain.hidden[0].size, ["layer 1"]),
        "relu_maxpool2d": lambda: training_line(
            pooled, ONE_LIMB, samples, pooled.hidden[0].size, ["layer 1"]
        ),
        "head": lambda: training_line(mlp((2, 2)), ONE_LIMB, 256 * samples, 1, ["head"]),
        "encryption": lambda: encryption_line(mlp((width, hidden, 2)), samples),
    }


def main() -> None:
    """Prints one JSON line for each kind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--samples", type=int, default=16, help="a power of two")
    parser.add_argument("--side", type=int, default=64, help="of the pictures, a power of two")
    parser.add_argument("--smallest", action="store_true", help="four samples of 8x8")
    options = parser.parse_args()
    samples, side = (4, 8) if options.smallest else (options.samples, options.side)
    warm_up()
    proved_round(mlp((4, 4, 2)), FixedPoint(), Training(1, 4, steps=1), 8)  # loads what only a round needs
    for kind, measure in kinds(samples, side).items():
        print(json.dumps({"benchmark": "layer_costs", "kind": kind, **measure(), **describe()}), flush=True)


if __name__ == "__main__":
    main()
