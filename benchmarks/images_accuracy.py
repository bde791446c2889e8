"""Accuracy on pictures: a fixed-point federation of a convolutional network against float32, as JSON lines.

python benchmarks/images_accuracy.py [--data FILE.npz] [--seeds 3] [--rounds 12] [--hospitals 5]
                                     [--scales 5,8,20] [--smallest]

FILE.npz holds pictures `images` or `train_images` (n, height, width) of 8 bits and `labels` or
`train_labels`; label 0 is one class, every other label the second. Without a file the pictures are generated:
dark noise, of which half have a bright spot. Both methods train on the same batches from the same first
weights, with the integers of a proved federation on one side. A fifth of the pictures is held out.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from _machine import describe

from proofward.data.records import Records
from proofward.data.splits import held_out_split, hospital_split
from proofward.layers.model import FixedPoint, Training
from proofward.layers.network import Network, chain
from proofward.models.settings import Preset
from proofward.report.baselines import federated, federated_float, fixed_auc, float_auc

CENTRE, SPREAD = 64, 64  # grey levels


def conv(outputs: int) -> dict[str, object]:
    """A 3x3 convolution of stride 2."""
    return {"kind": "conv2d", "outputs": outputs, "kernel": 3, "stride": 2, "padding": 1}


def network(height: int, width: int, channels: tuple[int, ...]) -> Network:
    """Strided convolutions and a linear layer on top."""
    return chain((1, height, width), [*map(conv, channels), {"kind": "linear", "outputs": 2}])


def read(path: Path | None, scales: FixedPoint, count: int) -> tuple[Records, tuple[int, int]]:
    """Records in fixed point, and the pictures' height and width."""
    if path is None:
        random = np.random.default_rng(1)
        labels = np.arange(count) % 2
        pictures = random.integers(0, 120, (count, 16, 16))
        for index in np.flatnonzero(labels):
            y, x = random.integers(0, 12, 2)
            pictures[index, y : y + 4, x : x + 4] += 100
    else:
        with np.load(path, allow_pickle=False) as held:
            pictures = held["images" if "images" in held else "train_images"].astype(np.int64)
            labels = held["labels" if "labels" in held else "train_labels"].reshape(-1)
    unit = 1 << scales.activation_bits
    features = np.floor((pictures - CENTRE) * unit / SPREAD + 0.5).astype(np.int64)
    records = Records(features.reshape(len(features), -1), (labels != 0).astype(np.int64))
    return records, (pictures.shape[1], pictures.shape[2])


def main() -> None:
    """Prints one JSON line a seed, and one of the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--hospitals", type=int, default=5)
    parser.add_argument("--channels", default="8,16,32", help="of the convolutions, separated by commas")
    parser.add_argument("--scales", default="5,8,20", help="bits of activations, gradients and weights")
    parser.add_argument("--clip", type=int, default=1 << 13, help="clip bound, in units of 2^-10")
    parser.add_argument("--smallest", action="store_true", help="generated pictures, one seed, two rounds")
    options = parser.parse_args()
    if options.smallest:
        options.data, options.seeds, options.rounds, options.channels = None, 1, 2, "4"
    activation, gradient, weight = map(int, options.scales.split(","))
    scales = FixedPoint(
        activation, gradient, weight, activation + 6, gradient + 1, activation + 4, max(12, weight)
    )
    records, sides = read(options.data, scales, 200)
    own = network(*sides, tuple(map(int, options.channels.split(","))))
    setup = Preset("pictures", "", own, scales, Training(rate=1, batch=16, epochs=1), options.clip)
    gaps, scores = [], []
    for seed in range(options.seeds):
        started = time.perf_counter()
        training, held_out = held_out_split(records, seed)
        hospitals = hospital_split(training, options.hospitals, seed, skew_percent=0)
        fixed = federated(setup, hospitals, options.rounds, seed)
        twin = federated_float(setup, hospitals, options.rounds, seed)
        scores.append((fixed_auc(setup, fixed.weights, held_out), float_auc(setup, twin, held_out)))
        gaps.append(scores[-1][1] - scores[-1][0])
        line = {
            "benchmark": "images_accuracy", "network": own.words, "rounds": options.rounds, "seed": seed,
            "rows": list(map(len, hospitals)), "auc_fixed": round(scores[-1][0], 5),
            "auc_float": round(scores[-1][1], 5), "clipped_updates": fixed.clipped,
            "seconds": round(time.perf_counter() - started, 1),
        }  # fmt: skip
        print(json.dumps(line), flush=True)
    mean = [round(sum(values) / len(scores), 5) for values in zip(*scores, strict=True)]
    means = {"auc_fixed": mean[0], "auc_float": mean[1], "loss": round(sum(gaps) / len(gaps), 5)}
    summary = {"benchmark": "images_accuracy", "mean_of": len(gaps), **means, **describe()}
    print(json.dumps(summary), flush=True)


if __name__ == "__main__":
    main()
