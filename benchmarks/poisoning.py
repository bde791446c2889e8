"""What a hospital can do with poisoned records that it enrols properly, under each weighting: JSON lines.

python benchmarks/poisoning.py [--preset wdbc] [--rounds 15] [--seeds 5] [--smallest]

Proofs show that a hospital trained on the records that it enrolled, not that these are true. Five hospitals
of different sizes, divided by the first feature so that no two are alike. The largest one poisons its own
records. It turns all labels, or half of them. It enrols each record four times with its label turned. It
marks half of its malignant records with a trigger, the highest values of concave points, and calls these
benign. Each is tried under each weighting of updates, and without poison. Printed: AUC and accuracy on
held-out records, the lowest accuracy of an honest hospital on its own records, and the share of malignant
held-out records that the trigger makes benign.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from _machine import describe
from privacy_attacks.federation import follow

from proofward.data.reading.records import Records
from proofward.data.splits import held_out_split
from proofward.data.wdbc import load_wdbc
from proofward.layers.weighting import CAPPED, ROOT, Weighting
from proofward.models import PRESETS, preset
from proofward.models.settings import Preset
from proofward.report.comparing.baselines import fixed_scores, pooled
from proofward.report.comparing.evaluation import Evaluation, evaluate

SHARES = (0.08, 0.12, 0.16, 0.24, 0.40)
TRIGGER = (7, 27)  # mean and worst concave points, which the trigger sets to their highest value
WEIGHTINGS = {"records": Weighting(), "capped": Weighting(CAPPED, 60), "root": Weighting(ROOT)}
Poison = Callable[[Records, Preset], Records]


def divided(records: Records) -> list[Records]:
    """Parts of different sizes, by the first feature for four records of five and by chance for the fifth."""
    order = np.argsort(records.features[:, 0], kind="stable")
    order = np.where(np.arange(len(order)) % 5 == 4, np.roll(order, len(order) // 2), order)
    order = order[np.sort(np.unique(order, return_index=True)[1])]
    missing = np.setdiff1d(np.arange(len(records.labels)), order)
    order = np.concatenate([order, missing])
    ends = np.rint(np.cumsum((0.0, *SHARES)) * len(order)).astype(int)
    return [records.select(np.sort(order[first:last])) for first, last in pairwise(ends)]


def triggered(records: Records, setup: Preset) -> Records:
    """The records with the trigger."""
    features = records.features.copy()
    features[:, TRIGGER] = setup.scales.input_range[1]
    return Records(features, records.labels)


def half_turned(records: Records, setup: Preset) -> Records:
    """Every other label turned."""
    odd = np.arange(len(records.labels)) % 2 == 1
    return Records(records.features, np.where(odd, 1 - records.labels, records.labels))


def backdoor(records: Records, setup: Preset) -> Records:
    """Half of the malignant records once more, with the trigger and the label 0."""
    chosen = records.select(np.flatnonzero(records.labels == 1)[::2])
    marked = triggered(chosen, setup)
    return pooled([records, Records(marked.features, np.zeros_like(marked.labels))])


def turned(records: Records, setup: Preset) -> Records:
    """All labels turned."""
    return Records(records.features, 1 - records.labels)


def turned_four_times(records: Records, setup: Preset) -> Records:
    """All labels turned, and each record four times."""
    return pooled([turned(records, setup)] * 4)


POISONS: dict[str, Poison] = {
    "none": lambda records, setup: records,
    "labels turned": turned,
    "half of the labels turned": half_turned,
    "turned and four times": turned_four_times,
    "trigger": backdoor,
}


@dataclass(frozen=True)
class Trial:
    """Under a weighting, with poison: figures of one seed."""

    auc: float
    accuracy: float
    lowest_honest: float
    trigger: float
    rows: list[int]


def trial(
    setup: Preset, records: Records, weighting: Weighting, poison: Poison, rounds: int, seed: int
) -> Trial:
    """One federation, whose last and largest hospital poisons its records."""
    training, held_out = held_out_split(records, seed)
    honest = divided(training)
    hospitals = [*honest[:-1], poison(honest[-1], setup)]
    model = follow(setup, hospitals, rounds, seed, weighting=weighting).models[-1]

    def found(own: Records) -> Evaluation:
        return evaluate(fixed_scores(setup, model, own), own.labels)

    sick = held_out.select(np.flatnonzero(held_out.labels == 1))
    fooled = fixed_scores(setup, model, triggered(sick, setup)) <= 0
    return Trial(
        found(held_out).auc, found(held_out).accuracy, min(found(own).accuracy for own in honest[:-1]),
        float(fooled.mean()), [*map(len, hospitals)],
    )  # fmt: skip


def lines(setup: Preset, rounds: int, seeds: int) -> Iterator[dict[str, object]]:
    """One line for each weighting and poison, means over the seeds."""
    records = load_wdbc(setup.scales)
    for name, weighting in WEIGHTINGS.items():
        for poison, altered in POISONS.items():
            trials = [trial(setup, records, weighting, altered, rounds, seed) for seed in range(seeds)]
            means = {
                key: round(float(np.mean([getattr(own, key) for own in trials])), 4)
                for key in ("auc", "accuracy", "lowest_honest", "trigger")
            }
            line = {"weighting": name, "poison": poison, "rows": trials[0].rows, **means}
            yield {"benchmark": "poisoning", **line}


def main() -> None:
    """Prints the lines, and the machine."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    of_tables = [name for name, own in PRESETS.items() if own.model.features == 30]
    parser.add_argument("--preset", default="wdbc", choices=of_tables)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--smallest", action="store_true", help="one seed, one round")
    options = parser.parse_args()
    if options.smallest:
        options.rounds, options.seeds = 1, 1
    for line in lines(preset(options.preset), options.rounds, options.seeds):
        print(json.dumps(line), flush=True)
    print(json.dumps({"benchmark": "poisoning", "preset": options.preset, **describe()}))


if __name__ == "__main__":
    main()
