"""Whether weights should be committed to at every step: do bounds demand it, and where is it cheaper?

python benchmarks/committed_kernels.py [--presets brain,vgg11] [--steps 1,8] [--smallest]

Weights of a round are never committed to (`layers/affine_layers/trained_weights`). One JSON line a preset,
number of steps and choice of scales says whether its rounds can be proved, and how many bits the nearest
bound is below its limit. One JSON line a layer of the preset as it is compares processor time by
`models/costs/unit_costs`: `committed_seconds`, of columns and lookups of the weights of all steps but the
first, in as few limbs as tables admit; and `saved_seconds_at_most`, all that the layer's sumchecks cost
today. Committed weights would still need most of these: a forward, a backward and an update sum, where there
are three of the latter today. In a round of one step no weight but the first has a use, so nothing can be
saved. The last line of a preset is the sum of what is saved at most, where it is more than is paid, as a
share of the proof.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace

from _machine import describe

from proofward.layers.arithmetic.ranges import LARGEST_LIMB
from proofward.layers.basics.layout import padded
from proofward.layers.rules.model import FixedPoint
from proofward.models.costs.inspection import Inspection, inspect
from proofward.models.costs.unit_costs import COSTS, cost_of
from proofward.models.costs.work import COMMIT, LOOKUPS, OPENING, SUMCHECKS, WITNESS, Run, work_of
from proofward.models.presets import PRESETS
from proofward.models.settings import Preset

Line = dict[str, object]
HOLDERS, THRESHOLD = 5, 2
TRIED = {
    "5,10,7": (5, 10, 7, 6, 1),
    "8,12,7": (8, 12, 7, 6, 1),
    "5,10,7 narrow": (5, 10, 7, 5, -2),
    "8,12,7 narrow": (8, 12, 7, 5, -2),
}
"""Bits of activations and gradients, k, and how many bits more the ranges of both have.

The first two are ranges up to 64 and 6. The `narrow` ones, up to 32 and 0.75, are three times what brain
reaches on generated patches (`docs/models.md`).
"""


def scales_of(activation: int, gradient: int, k: int, values: int, gradients: int) -> FixedPoint:
    """With logits up to 16."""
    return FixedPoint(
        activation,
        gradient,
        activation + gradient + k,
        activation + values,
        gradient + gradients,
        activation + 4,
        max(12, activation + values, gradient + gradients + 1),
    )


def with_scales(setup: Preset, scales: FixedPoint, steps: int) -> Preset:
    """The preset with other scales and steps, and the nearest learning rate that they have."""
    training = setup.training
    rate = max(1, round(training.rate / (1 << (setup.scales.rate_shift - scales.rate_shift))))
    return replace(setup, scales=scales, training=replace(training, rate=rate, steps=steps, epochs=0))


def bounds_line(name: str, steps: int, tried: str) -> Line:
    """Whether a round can be proved, and its nearest bound."""
    setup = with_scales(PRESETS[name], scales_of(*TRIED[tried]), steps)
    found = _inspected(setup)
    nearest = min(found.headrooms, key=lambda own: own.bits)
    return {
        "benchmark": "committed_kernels", "preset": name, "steps": steps, "scales": tried,
        "provable": found.refusal is None, "refusal": found.refusal,
        "nearest_bound": f"{nearest.layer}, {nearest.quantity}", "bits_of_room": round(nearest.bits, 1),
    }  # fmt: skip


def _inspected(setup: Preset) -> Inspection:
    steps, batch = setup.training.steps, setup.training.batch
    return inspect(setup, holders=HOLDERS, threshold=THRESHOLD, rows=max(batch * steps, batch), exactly=False)


def layer_lines(name: str) -> Iterator[Line]:
    """Of every layer of the preset as it is, and of all."""
    setup = PRESETS[name]
    found = _inspected(setup)
    if found.round is None or found.prediction is None:
        raise SystemExit(f"{name}: {found.refusal}")
    run = Run(setup.model, setup.scales, setup.training, found.rows, found.round)
    work, plan, gain = work_of(run), found.round.plan, 0.0
    of_column = sum(cost_of(work[phase], COSTS[phase]) for phase in (COMMIT, OPENING)) / plan.values
    of_column += COSTS[WITNESS]["committed value"]
    of_lookup = COSTS[WITNESS]["lookup"] + COSTS[LOOKUPS]["leaf"]
    bits = (64 << setup.scales.weight_bits).bit_length() + 1
    for index, layer in enumerate(setup.model.layers if run.steps > 1 else ()):
        weights = layer.weights.padded_size + layer.biases.padded_size
        limbs = -(-(bits + (setup.model.finer[index].weights - 1).bit_length()) // LARGEST_LIMB)
        committed = (run.steps - 1) * padded(weights) * limbs * (of_column + of_lookup) / 1e9
        values = run.samples * (layer.takes.padded_size + layer.gives.padded_size)
        units = {"value": values, "weight": weights, "weight of a step": run.steps * weights}
        costs = COSTS[SUMCHECKS]
        today = sum(amount * costs.get(f"{layer.kind} {unit}", 0.0) for unit, amount in units.items()) / 1e9
        gain += max(0.0, today - committed)
        yield {
            "benchmark": "committed_kernels", "preset": name, "layer": setup.model.name(index),
            "committed_seconds": round(committed, 3), "saved_seconds_at_most": round(today, 3),
        }  # fmt: skip
    whole = found.prediction.prove_seconds
    yield {
        "benchmark": "committed_kernels", "preset": name, "padded_steps": run.steps,
        "prove_seconds": round(whole, 3), "saved_at_most": round(gain / whole, 3),
    }  # fmt: skip


def main() -> None:
    """Prints the lines, and one of the machine."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--presets", default=",".join(sorted(PRESETS)), help="separated by commas")
    parser.add_argument("--steps", default="1,8", help="of which bounds are tried, besides the preset's own")
    parser.add_argument("--smallest", action="store_true", help="one small preset, one step")
    options = parser.parse_args()
    if options.smallest:
        options.presets, options.steps = "tiny", "1"
    for name in options.presets.split(","):
        for steps in sorted({*map(int, options.steps.split(",")), PRESETS[name].training.steps} - {0}):
            for tried in TRIED:
                print(json.dumps(bounds_line(name, steps, tried)), flush=True)
        for line in layer_lines(name):
            print(json.dumps(line), flush=True)
    print(json.dumps({"benchmark": "committed_kernels", **describe()}))


if __name__ == "__main__":
    main()
