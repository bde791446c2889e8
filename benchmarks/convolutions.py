"""Proof of training of convolutional networks: one JSON line a case with its cost.

python benchmarks/convolutions.py [--net brain] [--steps 1] [--batch 16] [--memory 10] [--one-limb]
                                  [--smallest]

Synthetic pictures; dataset, witness, lookups and all steps in one proof, without update and encryption. The
seconds are of the proof, `train_seconds` those of the fixed-point training without it. Beside them stands
what `inspect`'s cost model predicts; a case that it expects to need more memory than admitted is left out.
Scales are those of the presets brain and cancercnn, and else, or with --one-limb, of one limb a remainder.

brain              1x64x64, three convolutions with stride 2, two classes: 9,986 parameters
cancercnn          3x128x128, Conv2d(3, 32, 3), ReLU, MaxPool2d(2), Linear(32*63*63, 128), ReLU, two classes
cancercnn-strided  the same with stride 2 in place of the pool
vgg11              3x32x32, eight convolutions of 64 to 512 channels, MaxPool2d(2) behind five, three Linear
vgg11-strided      the same with stride 2 in place of every pool
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from _machine import describe
from _training import ONE_LIMB, TrainingProblem, conv, linear, warm_up

from proofward.layers.basics.errors import TrainingError
from proofward.layers.basics.layout import padded
from proofward.layers.networks.network import Network, chain
from proofward.layers.rules.model import FixedPoint, Training
from proofward.models import preset

STRIDED_VGG = [conv(64, 2), conv(128, 2), conv(256), conv(256, 2), conv(512), conv(512, 2), conv(512),
               conv(512, 2), linear(512), linear(512), linear(2)]  # fmt: skip
NETS: dict[str, Network] = {
    "brain": preset("brain").model,
    "cancercnn": preset("cancercnn").model,
    "cancercnn-strided": chain((3, 128, 128), [conv(32, 2, 0), linear(128), linear(2)]),
    "vgg11": preset("vgg11").model,
    "vgg11-strided": chain((3, 32, 32), STRIDED_VGG),
}

OF_PRESETS = {name: preset(name).scales for name in ("brain", "cancercnn")}
"""Scales with a range of weights."""


def main() -> None:
    """Prints one JSON line for each network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--net", choices=[*NETS, "all"], default="brain")
    parser.add_argument("--steps", type=int, default=1, help="a power of two")
    parser.add_argument("--batch", type=int, default=0, help="a power of two; 0: 32 of cancercnn, else 16")
    parser.add_argument("--memory", type=float, default=10.0, help="GiB that a case may need")
    parser.add_argument("--verifications", type=int, default=3)
    parser.add_argument("--one-limb", action="store_true", help="scales of one limb, weights without a range")
    parser.add_argument("--smallest", action="store_true", help="a picture of 8x8, one step of batch 4")
    options = parser.parse_args()
    if min(options.steps, options.verifications) < 1 or options.steps != padded(options.steps):
        parser.error("expected a power of two of steps, and at least 1 of everything")
    nets = NETS if options.net == "all" else {options.net: NETS[options.net]}
    if options.smallest:
        nets = {"smallest": chain((1, 8, 8), [conv(2, 2), linear(2)])}
        options.steps, options.batch, options.verifications = 1, 4, 1
    warm_up()
    for name, network in nets.items():
        batch = options.batch or (32 if name.startswith("cancercnn") else 16)
        scales = ONE_LIMB if options.one_limb else OF_PRESETS.get(name, ONE_LIMB)
        line = measure(network, scales, options.steps, batch, options.verifications, options.memory)
        print(json.dumps({"benchmark": "convolutions", "net": name, **line, **describe()}), flush=True)


def measure(
    network: Network, scales: FixedPoint, steps: int, batch: int, verifications: int, memory: float
) -> dict[str, object]:
    """Prove one training of synthetic pictures, and verify it."""
    rows = steps * batch
    training, case = Training(rate=1, batch=batch, steps=steps), {"steps": steps, "batch": batch}
    try:
        problem = TrainingProblem.make(network, scales, training, rows, 1 << 14)
    except TrainingError as error:
        return {**case, "refused": str(error)}
    predicted = problem.prediction()
    if predicted.peak_bytes > memory * (1 << 30):
        return {**case, "left_out": f"more than {memory} GiB expected", "predicted": asdict(predicted)}
    found = problem.measure(verifications)
    values = sum(layout.size for layout in network.hidden) * rows
    return {
        "network": network.words,
        "parameters": network.parameters,
        **case,
        "scales": scales.to_dict(),
        "processor_seconds": {
            "train": found["train_processor_seconds"],
            **dict(found["prove_processor_phases"]),
            "prove": found["prove_processor_seconds"],
            "verify": found["verify_processor_seconds"],
        },
        "wall_seconds": found["prove_seconds"],
        "peak_bytes": found["peak_memory_bytes"],
        "proof_bytes": found["proof_bytes"],
        "verify_seconds": found["verify_seconds"],
        "bits": found["soundness_bits"],
        "grinding_bits": found["grinding_bits"],
        "bits_with_work": found["soundness_bits_with_work"],
        "committed_values": found["committed_values"],
        "lookups": found["lookups"],
        "train_seconds": found["train_seconds"],
        "hidden_values": values,
        "processor_ns_per_hidden_value": round(1e9 * float(str(found["prove_processor_seconds"])) / values),
        "phases": found["prove_phases"],
        "predicted": asdict(predicted),
    }


if __name__ == "__main__":
    main()
