"""What noise costs in accuracy, forecast from the shape of a table alone: no record of anybody is looked at.

The twin trains on drawn tables of as many columns and records, with the noise of the rules and without, and
at one hospital alone without any. How well a model does depends on the records, so the figures are of the
tables drawn; what they are good for is the difference that noise makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from proofward.privacy.drawn_tables import KINDS, drawn_table
from proofward.privacy.twin import Hospital, Weights, auc, trained

HELD_OUT, MOST_RECORDS, MOST_WORK = 1000, 20_000, 10**10
"""MOST_WORK: products of one forecast; larger ones are not made."""


@dataclass(frozen=True)
class Forecast:
    """Mean AUCs over the drawn tables. records: at each hospital."""

    records: int
    without_noise: float
    with_noise: float
    alone: float


def forecast(
    widths: Sequence[int],
    hospitals: int,
    records: int,
    bound: float,
    deviation: float,
    step: float,
    rounds: int,
) -> Forecast | None:
    """Of a network of these widths, the inputs first and two outputs last; None where it would take too long.

    records: of a hospital; fewer are drawn where all together are more than MOST_RECORDS. bound: that a
    record's gradient is clipped to. deviation: of each hospital's noise in an entry, like the bound at
    the scale of gradients. step: what the mean of gradients is multiplied by.
    """
    records = max(1, min(records, MOST_RECORDS // hospitals))
    parameters = sum(inputs * outputs for inputs, outputs in pairwise(widths))
    if 6 * len(KINDS) * rounds * hospitals * records * parameters > MOST_WORK:
        return None
    found = []
    for seed in range(len(KINDS)):
        features, labels = drawn_table(seed, hospitals * records + HELD_OUT, widths[0])
        parts = np.array_split(np.arange(hospitals * records), hospitals)
        sites = [Hospital(features[part], labels[part]) for part in parts]
        shown = Hospital(features[-HELD_OUT:], labels[-HELD_OUT:])
        rng = np.random.default_rng(seed)
        first = _first(widths, rng)
        found.append([
            auc(trained(first, own, clip, noise, rng, step, rounds), shown)
            for own, clip, noise in ((sites, bound, 0.0), (sites, bound, deviation), (sites[:1], 0.0, 0.0))
        ])  # fmt: skip
    without, noisy, alone = np.mean(found, axis=0)
    return Forecast(records, float(without), float(noisy), float(alone))


def _first(widths: Sequence[int], rng: np.random.Generator) -> Weights:
    """Zeros for one layer, as rules with privacy start; else drawn."""
    pairs = list(pairwise(widths))
    size = [0.0] if len(pairs) == 1 else [np.sqrt(2 / inputs) for inputs, _ in pairs]
    return [(own * rng.normal(size=pair), np.zeros(pair[1])) for own, pair in zip(size, pairs, strict=True)]
