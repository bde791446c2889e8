"""Poison at the largest of five hospitals that differ in size and patients, under each kind of rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from poisoning_cases.poisons import POISONS, Poison, triggered
from poisoning_cases.rules import Rules, all_rules
from proofward.data.reading.records import Records
from proofward.data.splits import held_out_split
from proofward.layers.references.float_twin import real_features, scores
from proofward.models.settings import Preset
from proofward.report.comparing.baselines import centralised_float, fixed_scores, pooled
from proofward.report.comparing.evaluation import evaluate

Line = dict[str, object]
FEW = ("none", "labels turned", "trigger")
SHARES = (0.08, 0.12, 0.16, 0.24, 0.40)


def divided(records: Records) -> list[Records]:
    """Parts of different sizes, by the first feature for four records of five and by chance for the fifth."""
    order = np.argsort(records.features[:, 0], kind="stable")
    order = np.where(np.arange(len(order)) % 5 == 4, np.roll(order, len(order) // 2), order)
    order = order[np.sort(np.unique(order, return_index=True)[1])]
    missing = np.setdiff1d(np.arange(len(records.labels)), order)
    order = np.concatenate([order, missing])
    ends = np.rint(np.cumsum((0.0, *SHARES)) * len(order)).astype(int)
    return [records.select(np.sort(order[first:last])) for first, last in pairwise(ends)]


def parts(records: Records, seed: int) -> tuple[list[Records], list[Records]]:
    """Of every hospital the records on which it trains, and a fifth of its own that nobody trains on."""
    pairs = [held_out_split(own, seed) for own in divided(records)]
    return [kept for kept, _ in pairs], [held for _, held in pairs]


def accuracies(setup: Preset, model: np.ndarray, held_out: Sequence[Records]) -> list[float]:
    """Of a model at each hospital, on its own records that nobody trains on."""
    return [evaluate(fixed_scores(setup, model, own), own.labels).accuracy for own in held_out]


def trial(setup: Preset, records: Records, rules: Rules, poison: Poison, rounds: int, seed: int) -> Line:
    """One federation, whose last and largest hospital poisons its records: figures on true records."""
    honest, held_out = parts(records, seed)
    seen = rules.run(setup, [*honest[:-1], poison(honest[-1], setup)], rounds, seed)
    model, together = seen.models[-1], pooled(held_out)
    found = evaluate(fixed_scores(setup, model, together), together.labels)
    sick = together.select(np.flatnonzero(together.labels == 1))
    fooled = fixed_scores(setup, model, triggered(sick, setup)) <= 0
    return {
        "auc": found.auc, "accuracy": found.accuracy, "trigger": float(fooled.mean()),
        "of_clip_bound": max(own[-1] for own in seen.of_bound) if seen.of_bound else None,
        "by_hospital": accuracies(setup, model, held_out),
    }  # fmt: skip


def means(trials: Sequence[Line]) -> Line:
    """Of each figure, over the trials."""
    found: Line = {}
    for key in trials[0]:
        values = [own[key] for own in trials]
        if values[0] is None:
            found[key] = None
        else:
            averages = np.mean(np.array(values, dtype=np.float64), axis=0)
            found[key] = np.round(averages, 4).tolist()
    return found


def of_tables(setup: Preset, records: Records, rounds: int, seeds: int, few: bool) -> Iterator[Line]:
    """One line for each kind of rules and poison, means over the seeds."""
    for rules in all_rules(setup.model.parameters, few):
        for poison in FEW if few else POISONS:
            altered = POISONS[poison]
            trials = [trial(setup, records, rules, altered, rounds, seed) for seed in range(seeds)]
            rows = [len(own) for own in parts(records, 0)[0]]
            rows[-1] = len(altered(parts(records, 0)[0][-1], setup))
            yield {"rules": rules.name, "poison": poison, "rows": rows, **means(trials)}


def alone(setup: Preset, records: Records, rounds: int, seeds: int) -> Iterator[Line]:
    """What every hospital reaches by training alone, in float32, on its own records that nobody trains on."""
    found = []
    for seed in range(seeds):
        own = []
        for kept, held in zip(*parts(records, seed), strict=True):
            weights = centralised_float(setup, [kept], rounds, seed)
            values = scores(setup.model, setup.scales, weights, real_features(held.features, setup.scales))
            own.append(evaluate(values, held.labels).accuracy)
        found.append(own)
    yield {"rules": "alone", "poison": "none", "by_hospital": np.round(np.mean(found, axis=0), 4).tolist()}
