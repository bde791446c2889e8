"""Accuracy on pictures: a fixed-point federation of a convolutional network against float32, as JSON lines.

python benchmarks/images_accuracy.py [--data PATH] [--seeds 3] [--rounds 12] [--hospitals 5]
                                     [--scales 5,10,22] [--activation-ranges 11,11,10]
                                     [--gradient-ranges 9,9,8] [--centre 0.25]
                                     [--feature-range 8] [--weight-range 22]
                                     [--spread 0.25] [--mirrored] [--learning-rate 0.125]
                                     [--momentum 0] [--epochs 1] [--net strided|pooled]
                                     [--division together|chance] [--smallest]

PATH is an archive or a folder that a site could give, read, made into features and divided as sites and
demonstrations do it: the first class is told from all others, equal images stay in one part, and a fifth is
held out. Without a path the pictures are generated patches. With --mirrored every hospital has the mirror
image of each of its pictures too; what is held out stays as it is. Both methods train on the same batches
from the same first weights, with the integers of a proved federation on one side.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from _machine import describe
from numpy.typing import NDArray

from proofward.data.generated_patches import GeneratedPatches
from proofward.data.image_records import taken
from proofward.data.image_schema import ImageSchema
from proofward.data.images.contract.admission import Admission
from proofward.data.images.contract.example import Source
from proofward.data.images.contract.rule import ImageRule
from proofward.data.images.inspection import Inspection, inspect
from proofward.data.images.patient_split import deal_by_patient, patient_split
from proofward.data.images.pixels.levels import Levels
from proofward.data.images.sources import source_at
from proofward.data.reading.records import Records
from proofward.layers.basics.plain import MILLION
from proofward.layers.networks.network import Network, chain
from proofward.layers.rules.model import FixedPoint, Training
from proofward.models.layer_lines import plain_layer
from proofward.models.settings import Preset
from proofward.report.comparing.baselines import federated, federated_float, fixed_auc, float_auc, pooled

STRIDED, POOLED = "strided", "pooled"
TOGETHER, CHANCE = "together", "chance"
Rows = NDArray[np.int64]
SALT = bytes(32)  # digests of patients are compared within this run only


def lines(kind: str, channels: tuple[int, ...]) -> list[str]:
    """Convolutions of 3 x 3 and a linear layer on top: strided, or each with a pool behind it."""
    found: list[str] = []
    for outputs in channels:
        if kind == POOLED:
            found += [f"conv2d {outputs} kernel 3 padding 1", "relu_maxpool2d"]
        else:
            found.append(f"conv2d {outputs} kernel 3 stride 2 padding 1")
    return found


def network(inputs: tuple[int, int, int], kind: str, channels: tuple[int, ...]) -> Network:
    """With two outputs."""
    return chain(inputs, [*map(plain_layer, lines(kind, channels)), {"kind": "linear", "outputs": 2}])


def integers(text: str) -> tuple[int, ...]:
    """Numbers that are separated by commas."""
    return tuple(map(int, text.split(","))) if text else ()


def read(
    path: Path | None, levels: Levels, side: int, scales: FixedPoint
) -> tuple[Records, Inspection, ImageSchema]:
    """All records, what was found in the images, and how they were made."""
    rule = ImageRule(side, side)
    source: Source = GeneratedPatches(160, side, 1) if path is None else source_at(path, Admission(SALT))
    found = inspect(source, rule)
    found.require()
    schema = ImageSchema(rule, levels, negative=found.classes[:1], positive=found.classes[1:])
    levels.check(1, scales)
    return taken(source, found, schema, scales), found, schema


def mirrored(records: Records, schema: ImageSchema) -> Records:
    """The records, and behind them each picture with left and right exchanged."""
    pictures = records.features.reshape(-1, *schema.axes)
    other = np.ascontiguousarray(pictures[..., ::-1]).reshape(records.features.shape)
    return pooled([records, Records(other, records.labels)])


def divided(found: Inspection, way: str, hospitals: int, seed: int) -> tuple[list[Rows], Rows]:
    """Positions of the images of each hospital, and of those that are held out."""
    if way == TOGETHER:
        training, held = patient_split(found, seed)
        return deal_by_patient(found, training, hospitals, seed), held
    order = np.random.default_rng(seed).permutation(len(found))
    count = len(order) // 5
    return [np.sort(own) for own in np.array_split(order[count:], hospitals)], np.sort(order[:count])


def main() -> None:
    """Prints one JSON line a seed, and one of the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--hospitals", type=int, default=5)
    parser.add_argument("--net", choices=(STRIDED, POOLED), default=STRIDED,
                        help="stride 2 in every convolution, or a pool behind it")  # fmt: skip
    parser.add_argument("--division", choices=(TOGETHER, CHANCE), default=TOGETHER,
                        help="equal images in one part, or copies on both sides")  # fmt: skip
    parser.add_argument("--channels", default="8,16,32", help="of the convolutions, separated by commas")
    parser.add_argument("--scales", default="5,10,22", help="bits of activations, gradients and weights")
    parser.add_argument("--activation-ranges", default="", help="bits of each layer's values, in units")
    parser.add_argument("--gradient-ranges", default="", help="bits of their gradients, in units")
    parser.add_argument("--feature-range", type=int, default=0, help="bits of the range of pixels")
    parser.add_argument("--weight-range", type=int, default=0, help="bits of the range of weights")
    parser.add_argument("--side", type=int, default=64, help="pixels along height and width")
    parser.add_argument("--centre", type=float, default=0.25, help="grey level that becomes 0")
    parser.add_argument("--spread", type=float, default=0.25, help="grey levels that become 1")
    parser.add_argument("--clip", type=int, default=1 << 13, help="clip bound, in units of 2^-10")
    parser.add_argument("--mirrored", action="store_true", help="train on each picture's mirror image too")
    parser.add_argument("--learning-rate", type=float, default=0.125, help="of a batch's mean gradient")
    parser.add_argument("--momentum", type=float, default=0.0, help="of local training")
    parser.add_argument("--batch", type=int, default=16, help="pictures of a step")
    parser.add_argument("--epochs", type=int, default=1, help="passes of a round over a hospital's pictures")
    parser.add_argument("--smallest", action="store_true", help="generated pictures, one seed, two rounds")
    options = parser.parse_args()
    if options.smallest:
        options.data, options.seeds, options.rounds, options.channels = None, 1, 2, "4"
        options.side, options.centre, options.spread = 16, 0.45, 0.15
    activation, gradient, weight = integers(options.scales)
    scales = FixedPoint(
        activation, gradient, weight, options.feature_range or activation + 6, gradient + 1, activation + 4,
        max(12, min(20, weight)), integers(options.activation_ranges), integers(options.gradient_ranges),
        options.weight_range,
    )  # fmt: skip
    levels = Levels((options.centre,), (options.spread,))
    records, found, schema = read(options.data, levels, options.side, scales)
    own = network(schema.axes, options.net, integers(options.channels))
    rate = options.learning_rate / options.batch * (1 << scales.rate_shift)
    if not rate.is_integer():
        parser.error(f"--learning-rate: expected a multiple of {options.batch / (1 << scales.rate_shift)}")
    local = Training(int(rate), options.batch, options.epochs, momentum=round(options.momentum * MILLION))
    setup = Preset("pictures", "", own, scales, local, options.clip)
    gaps, scores = [], []
    for seed in range(options.seeds):
        started = time.perf_counter()
        parts, held = divided(found, options.division, options.hospitals, seed)
        hospitals, held_out = [records.select(part) for part in parts], records.select(held)
        if options.mirrored:
            hospitals = [mirrored(rows, schema) for rows in hospitals]
        fixed = federated(setup, hospitals, options.rounds, seed)
        twin = federated_float(setup, hospitals, options.rounds, seed)
        scores.append((fixed_auc(setup, fixed.weights, held_out), float_auc(setup, twin, held_out)))
        gaps.append(scores[-1][1] - scores[-1][0])
        line = {
            "benchmark": "images_accuracy", "network": own.words, "division": options.division,
            "rounds": options.rounds, "seed": seed,
            "rows": list(map(len, hospitals)), "training": local.to_dict(),
            "auc_fixed": round(scores[-1][0], 5), "auc_float": round(scores[-1][1], 5),
            "clipped_updates": fixed.clipped,
            "seconds": round(time.perf_counter() - started, 1),
        }  # fmt: skip
        print(json.dumps(line), flush=True)
    mean = [round(sum(values) / len(scores), 5) for values in zip(*scores, strict=True)]
    means = {"auc_fixed": mean[0], "auc_float": mean[1], "loss": round(sum(gaps) / len(gaps), 5)}
    summary = {"benchmark": "images_accuracy", "mean_of": len(gaps), **means, **describe()}
    print(json.dumps(summary), flush=True)


if __name__ == "__main__":
    main()
