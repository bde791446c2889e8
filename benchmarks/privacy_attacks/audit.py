"""Audit of the mechanism: what 1,000 runs show of epsilon, and whether the sampler draws what it should.

L1 is a canary. A hospital trains on records of which one is made up and has either label: two neighbouring
data sets. Each run is a whole series of releases. An attacker who knows all else but the noise of those that
keep it to themselves guesses by the likelihood ratio of what it has seen. As TPR <= e^epsilon FPR + delta,
the runs bound epsilon from below, with the bounds of Clopper and Pearson:
    epsilon >= ln((lower bound of TPR - delta) / upper bound of FPR).
The threshold is chosen by the first half of the runs and used on the second. A lower bound above what is
promised would show an error in the mechanism, its noise or its accountant. A control with an eighth of the
noise shows that the audit finds such an error. Source: Jagielski, Ullman, Oprea 2020.

N1 draws noise and compares it with the discrete Gaussian: chi-square over cells of equal probability, and how
many draws lie beyond 3, 4 and 5 deviations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import log, sqrt

import numpy as np
from scipy.stats import binom, chi2, norm

from privacy_attacks.mechanism import RELEASES, Mechanism, Real
from privacy_attacks.rates import clopper_pearson
from proofward.data.reading.records import Records
from proofward.layers.rules.model import Int64Array
from proofward.models.settings import Preset
from proofward.report.comparing.baselines import first_weights

Line = dict[str, object]
LEVEL = 0.95
LEAST_CHANCE = 1e-4
"""A chi-square or a tail less likely than this is taken for an error of the sampler."""


def canary(setup: Preset, records: Records) -> tuple[Records, Records]:
    """Two data sets that differ in one record, with label 0 and with label 1.

    Its features are one deviation above and below the mean, in turns, so that no model is sure of its label:
    the gradients of both are clipped and point to opposite sides. No record moves a sum more.
    """
    one = 1 << setup.scales.activation_bits
    features = records.features.copy()
    features[0] = np.where(np.arange(features.shape[1]) % 2, -one, one)
    benign, malignant = (Records(features, np.append(label, records.labels[1:])) for label in (0, 1))
    return benign, malignant


def likelihood(
    setup: Preset,
    sets: tuple[Records, Records],
    inside: int,
    told: Mechanism,
    noises: int,
    seed: tuple[int, ...],
) -> float:
    """Log of the likelihood ratio of one series of releases, of which data set `inside` was trained on.

    The model follows what was released, so that the series is adaptive as in a federation.
    """
    rng = np.random.default_rng(seed)
    weights, ratio = first_weights(setup, 1), 0.0
    for _ in range(RELEASES):
        updates = [told.update(setup, weights, own) for own in sets]
        noise = np.sum([told.noise(rng) for _ in range(noises)], axis=0)
        seen = updates[inside] + noise
        apart = (updates[1] - updates[0]).astype(np.float64)
        ratio += float(apart @ (seen - (updates[0] + updates[1]) / 2)) / (noises * told.privacy.variance)
        weights = told.following(setup, weights, seen, len(sets[0]))
    return ratio


def lower_bound(inside: Real, outside: Real, delta: float) -> tuple[float, float]:
    """What scores show at least of epsilon, and the most that as many of them could have shown."""
    half = len(inside) // 2

    def shown(threshold: float, first: Real, second: Real) -> float:
        found = 0.0
        for own, other in ((first > threshold, second > threshold), (second < threshold, first < threshold)):
            true = clopper_pearson(int(own.sum()), len(own), LEVEL)[0]
            false = clopper_pearson(int(other.sum()), len(other), LEVEL)[1]
            found = max(found, log((true - delta) / false) if true > delta else 0.0)
        return found

    cuts = np.quantile(np.concatenate([inside[:half], outside[:half]]), np.linspace(0.01, 0.99, 99))
    best = max(cuts.tolist(), key=lambda cut: shown(cut, inside[:half], outside[:half]))
    rest = len(inside) - half
    most = log((clopper_pearson(rest, rest)[0] - delta) / clopper_pearson(0, rest)[1])
    return shown(best, inside[half:], outside[half:]), most


class TooLittle(Mechanism):
    """With an eighth of the noise: the error that an audit has to find."""

    def noise(self, rng: np.random.Generator) -> Int64Array:
        """See Mechanism."""
        return super().noise(rng) // 8


def canaries(
    setup: Preset, records: Records, private: Mechanism, noises: int, runs: int, seed: int
) -> Iterator[Line]:
    """L1 for one mechanism, and for it with an eighth of its noise."""
    sets, promised = canary(setup, records), private.epsilon(noises, RELEASES)
    assert promised is not None
    weak = TooLittle(f"{private.name}, an eighth of the noise", private.privacy, private.parameters)
    for told in (private, weak):
        inside, outside = (
            np.array([
                likelihood(setup, sets, own, told, noises, (seed, own, run)) for run in range(runs // 2)
            ])
            for own in (1, 0)
        )  # fmt: skip
        found, most = lower_bound(inside, outside, private.delta)
        yield {
            "attack": "L1", "what": "canary: a lower bound of epsilon", "rules": told.name,
            "sees": f"{RELEASES} sums with the noise of {noises} hospitals, and all other records",
            "control": told is weak, "runs": runs, "epsilon_at_least": round(found, 3),
            "most_that_so_many_runs_show": round(most, 3),
            "limit": None if told is weak else {"epsilon": round(promised, 3)},
            "exceeded": told is private and found > promised,
        }  # fmt: skip


def drawn(private: Mechanism, draws: int, cells: int, seed: int) -> Line:
    """N1."""
    noise = replace(private, parameters=draws).noise(np.random.default_rng(seed)).astype(np.float64)
    deviation = sqrt(private.privacy.variance)
    edges = np.ceil(norm.ppf(np.arange(1, cells) / cells) * deviation)
    chances = np.diff(norm.cdf((edges - 0.5) / deviation), prepend=0, append=1)
    counts = np.bincount(np.searchsorted(edges, noise, side="right"), minlength=cells)
    square = float(((counts - draws * chances) ** 2 / (draws * chances)).sum())
    tails, likely = {}, [float(chi2.sf(square, cells - 1)), float(chi2.cdf(square, cells - 1))]
    for away in (3, 4, 5):
        chance = 2 * float(norm.sf((np.ceil(away * deviation) - 0.5) / deviation))
        found = int((np.abs(noise) >= away * deviation).sum())
        tails[f"beyond_{away}"] = {"found": found, "expected": round(draws * chance, 2)}
        likely += [float(binom.sf(found - 1, draws, chance)), float(binom.cdf(found, draws, chance))]
    return {
        "attack": "N1", "what": "draws of noise against the discrete Gaussian", "rules": private.name,
        "sees": "noise of one hospital", "draws": draws, "deviation": round(deviation, 1),
        "deviation_found": round(float(noise.std()), 1), "mean_found": round(float(noise.mean()), 2),
        "cells": cells, "chi_square": round(square, 1), "least_likely": round(min(likely), 5), **tails,
        "limit": {"least_likely": LEAST_CHANCE}, "exceeded": min(likely) < LEAST_CHANCE,
    }  # fmt: skip
