"""Held-out AUC where whole hospitals are protected, by their number, as JSON: a twin in real numbers.

python benchmarks/dp_hospitals.py [--hospitals 5,20,100,300] [--epsilons 8,3,1] [--splits 10] [--draws 3]
    [--smallest]

Logistic regression on the Wisconsin breast cancer data from zeros, 20 rounds. Each hospital takes some exact
steps on its own records, its update is clipped to the norm C as a whole, all weigh the same, and each adds
Gaussian noise of the deviation that proofward.privacy chooses. Where there are more hospitals than the
records can be divided among, each has SHARED of them, drawn with others: noise depends on the number of
hospitals, not on their records. C and steps are fixed beforehand. "usual" are the thresholds that `proofward
consortium init` chooses; "all" has every hospital in every sum; with "trusted" no more than one in ten of
them are taken to tell their noise. "exact" is the same training without noise and clipping.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from _machine import print_result
from _private_twin import INVERSE_DELTA, RELEASES, Hospital

from proofward.data.splits import held_out_split
from proofward.data.wdbc import load_wdbc
from proofward.federation.messages.consortium.usual import usual_threshold, usual_updates
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.privacy import HOSPITAL, Privacy
from proofward.models import preset
from proofward.privacy.accountant import Accountant
from proofward.privacy.choice import least_noise
from proofward.privacy.twin import Real, auc

CLIP_BITS, STEPS, RATE, SHARED = 0, 10, 0.5, 20
"""C = 1; so many local steps of this rate; records of a hospital where there are many."""
USUAL, ALL, TRUSTED = "usual", "all", "trusted"


def deviation_of(parameters: int, hospitals: int, rules: str, epsilon: float) -> float | None:
    """Of a hospital's noise in an entry, as a multiple of C; None where the most noise does not do."""
    threshold = usual_threshold(hospitals)
    minimum = usual_updates(hospitals, threshold) if rules == USUAL else hospitals
    colluders = hospitals // 10 if rules == TRUSTED else threshold
    own = Privacy(CLIP_BITS, 41, RELEASES, 1, colluders, INVERSE_DELTA, HOSPITAL)
    try:
        found = Accountant(least_noise(own, epsilon, parameters, minimum), parameters, minimum)
    except ConfigurationError:
        return None
    return found.deviation / found.clip_units


def updates_of(model: Real, features: Real, labels: Real, bound: float) -> Real:
    """What the steps of all hospitals change, (hospitals, parameters), each clipped to a norm; 0 for none.

    features: (hospitals, records, d). labels: (hospitals, records).
    """
    count, rows, width = features.shape
    matrix = np.repeat(model[None, : 2 * width].reshape(1, width, 2), count, axis=0)
    bias = np.repeat(model[None, None, 2 * width :], count, axis=0)
    for _ in range(STEPS):
        logits = features @ matrix + bias
        error = 1 / (1 + np.exp((logits[..., 0] - logits[..., 1]).clip(-500, 500))) - labels
        delta = np.stack([-error, error], axis=2) / rows
        matrix = matrix - RATE * features.transpose(0, 2, 1) @ delta
        bias = bias - RATE * delta.sum(axis=1, keepdims=True)
    change = np.concatenate([matrix.reshape(count, -1), bias[:, 0]], axis=1) - model
    norms = np.linalg.norm(change, axis=1, keepdims=True)
    return change * np.minimum(1.0, bound / np.maximum(norms, 1e-30)) if bound else change


def trained(
    features: Real, labels: Real, bound: float, deviation: float, rng: np.random.Generator
) -> Real:
    """The flat model after all rounds, from zeros."""
    count, width = features.shape[0], features.shape[2]
    model = np.zeros(2 * width + 2)
    for _ in range(RELEASES):
        total = updates_of(model, features, labels, bound).sum(axis=0)
        noise = rng.normal(0, deviation, model.size) * np.sqrt(count) if deviation else 0.0
        model = model + (total + noise) / count
    return model


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--hospitals", default="5,20,100,300")
    parser.add_argument("--epsilons", default="8,3,1")
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--smallest", action="store_true")
    given = parser.parse_args()
    if given.smallest:
        given.hospitals, given.epsilons, given.splits, given.draws = "5", "8", 1, 1
    setup = preset("logistic")
    records, unit = load_wdbc(setup.scales), 1 << setup.scales.activation_bits
    for count in map(int, given.hospitals.split(",")):
        begun, values = time.process_time(), dict[str, list[float]]()
        epsilons = [float(own) for own in given.epsilons.split(",")]
        shapes = {
            f"{epsilon:g}/{rules}": deviation_of(setup.model.parameters, count, rules, epsilon)
            for epsilon in epsilons
            for rules in (USUAL, ALL, TRUSTED)
        }
        for split in range(given.splits):
            training, held_out = held_out_split(records, split)
            rng, whole = np.random.default_rng([split, count]), Hospital.of(training, unit)
            order = rng.permutation(len(whole.labels))
            rows = len(order) // count
            parts = np.stack([order[rows * at : rows * (at + 1)] for at in range(count)])
            if rows < SHARED:
                parts = np.stack([rng.choice(order, SHARED, replace=False) for _ in range(count)])
            known = whole.features[parts], whole.labels[parts].astype(np.float64)
            shown, width = Hospital.of(held_out, unit), whole.features.shape[1]

            def area(bound: float, deviation: float, known=known, rng=rng, shown=shown, width=width) -> float:
                model = trained(*known, bound, deviation, rng)
                return auc([(model[: 2 * width].reshape(width, 2), model[2 * width :])], shown)

            values.setdefault("exact", []).append(area(0.0, 0.0))
            values.setdefault("clipped", []).append(area(float(2**CLIP_BITS), 0.0))
            for name, deviation in shapes.items():
                if deviation is not None:
                    runs = [area(float(2**CLIP_BITS), deviation) for _ in range(given.draws)]
                    values.setdefault(name, []).append(float(np.mean(runs)))
        print_result(
            "dp_hospitals",
            hospitals=count,
            auc={name: round(float(np.mean(own)), 4) for name, own in values.items()},
            sd_over_splits={name: round(float(np.std(own)), 4) for name, own in values.items()},
            deviation_in_clips={name: own and round(own, 3) for name, own in shapes.items()},
            processor_seconds=round(time.process_time() - begun, 2),
        )


if __name__ == "__main__":
    main()
