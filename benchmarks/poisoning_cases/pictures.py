"""A backdoor in pictures: a white patch in a corner, which one of five hospitals teaches to mean no mass.

The pictures are generated. The hospital enrols half of its pictures of a mass once more, with the patch and
the other label.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from privacy_attacks.reconstruction import SIDE, Target, pictures

from poisoning_cases.rules import Rules, all_rules
from poisoning_cases.tables import Line, means
from proofward.data.reading.records import Records
from proofward.report.comparing.baselines import fixed_scores, pooled
from proofward.report.comparing.evaluation import evaluate

PATCH = 4
HOSPITALS, PICTURES, HELD_OUT = 5, 90, 200


def patched(records: Records, target: Target) -> Records:
    """The pictures with a white patch in a corner."""
    features = records.features.reshape(-1, SIDE, SIDE).copy()
    features[:, 1 : 1 + PATCH, 1 : 1 + PATCH] = 1 << target.setup.scales.activation_bits
    return Records(features.reshape(records.features.shape), records.labels)


def backdoor(records: Records, target: Target) -> Records:
    """Half of the pictures of a mass once more, with the patch and the label 0."""
    chosen = patched(records.select(np.flatnonzero(records.labels == 1)[::2]), target)
    return pooled([records, Records(chosen.features, np.zeros_like(chosen.labels))])


def trial(target: Target, rules: Rules, poisons: bool, rounds: int, seed: int) -> Line:
    """One federation: AUC, and how many pictures of a mass the patch makes pass for none."""
    order = np.random.default_rng(seed).permutation(len(target.records))
    own = [target.records.select(np.sort(part)) for part in np.split(order[HELD_OUT:], HOSPITALS)]
    held_out = target.records.select(np.sort(order[:HELD_OUT]))
    if poisons:
        own[-1] = backdoor(own[-1], target)
    model = rules.run(target.setup, own, rounds, seed).models[-1]
    found = evaluate(fixed_scores(target.setup, model, held_out), held_out.labels)
    masses = held_out.select(np.flatnonzero(held_out.labels == 1))
    missed = fixed_scores(target.setup, model, masses) <= 0
    fooled = fixed_scores(target.setup, model, patched(masses, target)) <= 0
    return {
        "auc": found.auc, "accuracy": found.accuracy, "masses_missed": float(missed.mean()),
        "masses_missed_with_patch": float(fooled.mean()),
    }  # fmt: skip


def of_pictures(rounds: int, seeds: int, few: bool) -> Iterator[Line]:
    """One line for each network, kind of rules, and with and without poison; means over the seeds."""
    for hidden in ((),) if few else ((), (16,)):
        target = pictures(hidden, HELD_OUT + HOSPITALS * PICTURES, 1)
        for rules in all_rules(target.setup.model.parameters, few):
            for poisons in (False, True):
                trials = [trial(target, rules, poisons, rounds, seed) for seed in range(seeds)]
                poison = f"patch of {PATCH} x {PATCH}" if poisons else "none"
                about = {"network": target.kind, "rules": rules.name, "poison": poison}
                yield {"pictures": SIDE, **about, **means(trials)}
