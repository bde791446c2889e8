"""How far the noise of its counts moves the AUC of an evaluation, by records and epsilon, as JSON.

python benchmarks/dp_counts.py [--records 100,500,2000,10000] [--epsilons 8,3,1] [--bins 8,32] [--hospitals 5]
    [--draws 200] [--smallest]

So many records in all, half of them of each class, have scores of two normal distributions, SHIFT deviations
apart. Their counts get the noise of --hospitals hospitals, as much as counts need that spend one of RELEASES
releases, and are read as the product reads them. `off` is the mean distance of their AUC from that of the
same counts without noise, over --draws draws of both. The noise is normal and rounded.
"""

from __future__ import annotations

import argparse
from math import sqrt

import numpy as np
from _machine import print_result
from _private_twin import RELEASES, USUAL, deviation_of

from proofward.models.presets import PRESETS
from proofward.privacy.counts import least_noise_of_counts
from proofward.relations.scores.noisy_scores import nearest
from proofward.relations.scores.score_counting import counting_of
from proofward.relations.scores.score_counts import counts_of_probabilities
from proofward.relations.scores.score_layout import ScoreLayout
from proofward.report.histograms.histogram import Histogram
from proofward.report.histograms.ranking import roc_area

SHIFT = 2.0
"""Between the two means, in deviations: an AUC of 0.92."""


def main() -> None:
    """Prints one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", default="100,500,2000,10000")
    parser.add_argument("--epsilons", default="8,3,1")
    parser.add_argument("--bins", default="8,32")
    parser.add_argument("--hospitals", type=int, default=5)
    parser.add_argument("--draws", type=int, default=200, help="of records and of noise")
    parser.add_argument("--smallest", action="store_true", help="one case, of few draws")
    asked = parser.parse_args()
    if asked.smallest:
        asked.records, asked.epsilons, asked.bins, asked.draws = "100", "3", "8", 5
    lines = []
    for epsilon in map(float, asked.epsilons.split(",")):
        for bins in map(int, asked.bins.split(",")):
            layout = ScoreLayout(2, bins, 1)
            noise = deviation(layout, asked.hospitals, epsilon)
            off = {
                records: moved(layout, records, noise * sqrt(asked.hospitals), asked.draws)
                for records in map(int, asked.records.split(","))
            }
            lines.append({"epsilon": epsilon, "bins": bins, "deviation_of_a_hospital": noise, "off": off})
    print_result("dp_counts", hospitals=asked.hospitals, draws=asked.draws, releases=RELEASES, cases=lines)


def deviation(layout: ScoreLayout, hospitals: int, epsilon: float) -> float:
    """Of the noise that each hospital adds to a count, beside updates of logistic regression."""
    parameters = PRESETS["logistic"].model.parameters
    _, accountant = deviation_of(parameters, hospitals, USUAL, epsilon)
    return sqrt(least_noise_of_counts(accountant.privacy, parameters, counting_of(layout, (1,)), 1))


def moved(layout: ScoreLayout, records: int, noise: float, draws: int) -> float:
    """The mean distance of the AUC with noise of this deviation in a sum from that without."""
    rng, found = np.random.default_rng(records), []
    for _ in range(draws):
        labels = np.arange(records) % 2
        inside = 1 / (1 + np.exp(-(rng.normal(size=records) + SHIFT * (labels - 0.5))))
        counts = counts_of_probabilities(layout, np.stack([1 - inside, inside], axis=1), labels, [])
        noisy = counts + np.rint(rng.normal(0, noise, layout.length)).astype(np.int64)
        found.append(abs(area(layout, nearest(layout, noisy)) - area(layout, counts)))
    return float(np.mean(found))


def area(layout: ScoreLayout, counts: np.ndarray) -> float:
    """The AUC of the counts; 1/2 where a class has no record."""
    own = Histogram(*layout.blocks(counts)[0].histograms[0])
    return roc_area(own).value if own.inside.any() and own.others.any() else 0.5


if __name__ == "__main__":
    main()
