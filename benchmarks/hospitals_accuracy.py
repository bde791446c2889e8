"""Held-out AUC and accuracy by number of hospitals: alone, float FedAvg, ours, with privacy; as JSON.

python benchmarks/hospitals_accuracy.py [--wisconsin 3,4,6,9,14,20,28] [--drawn 10,30,100,300,1000]
    [--epsilons 8,3,1] [--divisions 10] [--tables 12] [--draws 3] [--charts DIR] [--smallest]

Logistic regression 30-2, 20 rounds, ROWS records at each hospital, whatever their number. --wisconsin: so
many hospitals have the Wisconsin breast cancer records, 28 at most. --drawn: so many have tables of the same
30 columns that are drawn and nobody's (proofward.privacy.drawn_tables). Records are divided as the product's
demonstration does it; those hospitals that take part are chosen at random, and a larger number of them has
the smaller one's in it.

alone: a hospital by itself in float32, no privacy, mean over hospitals. float: FedAvg in float32. exact: the
preset's rules. record/E: each record is protected with epsilon E, one step a round. hospital/E: whole
hospitals are, whose updates are clipped to 1/2. delta is 1e-5; threshold, smallest sum, the clip of records
and rates are those that `proofward consortium init` chooses. Nothing is tuned on held-out records.

No proof is made at these sizes. Updates, noise and models are computed in the product's integers for all
hospitals at once (_hospitals_twin.py), and each run first compares every way's updates with those that
hospitals prove, and the model of three hospitals with that of a federation with proofs, bit for bit.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from _hospitals_charts import ALONE, DRAWN, EXACT, FLOAT, WISCONSIN, charts
from _hospitals_rules import NAME, ROWS, compared, exact_rules, noises, rules
from _hospitals_twin import Numbers, Rules, Sites, flat, joined, local_steps
from _machine import print_result, progress
from _private_twin import RELEASES

from proofward.charts.chart import write_charts
from proofward.data.reading.records import Records, to_fixed_point
from proofward.data.splits import held_out_split, hospital_split
from proofward.data.wdbc import load_wdbc
from proofward.layers.references.float_twin import real_weights
from proofward.layers.rules.model import Int64Array
from proofward.layers.rules.privacy import HOSPITAL, RECORD
from proofward.models import preset
from proofward.privacy.drawn_tables import drawn_table
from proofward.report.comparing.baselines import fixed_scores, round_beacon
from proofward.report.comparing.evaluation import Evaluation, evaluate

TITLE, HELD_OUT, MOST_ALONE = "Accuracy against the number of hospitals", 1000, 100
"""Held-out cases of a drawn table; of more hospitals so many train alone."""


@dataclass(frozen=True)
class Table:
    """Hospitals in the order in which they join, records that nobody trains on, and a number of their own."""

    sites: Sites
    held_out: Records
    seed: int


def dealt(training: Records, hospitals: int, seed: int) -> Sites:
    """Equally many records for each of so many hospitals, which are in random order."""
    order = np.random.default_rng([seed, hospitals]).permutation(len(training))
    parts = hospital_split(training.select(order[: hospitals * ROWS]), hospitals, seed)
    mixed = np.random.default_rng(seed).permutation(hospitals)
    return Sites(np.stack([parts[at].features for at in mixed]), np.stack([parts[at].labels for at in mixed]))


def wisconsin(division: int, most: int) -> Table:
    """The records in one division."""
    training, held_out = held_out_split(load_wdbc(preset(NAME).scales), division)
    if most * ROWS > len(training):
        raise SystemExit(f"--wisconsin: {len(training)} records are enough for {len(training) // ROWS}")
    return Table(dealt(training, len(training) // ROWS, division), held_out, division)


@lru_cache(maxsize=1)
def drawn(seed: int, most: int) -> Records:
    """Cases of a drawn table for the largest number of hospitals; those held out come first."""
    setup = preset(NAME)
    features, labels = drawn_table(seed, HELD_OUT + most * ROWS, setup.model.features)
    return Records(to_fixed_point(features, setup.scales), labels)


def drawn_part(seed: int, hospitals: int, most: int) -> Table:
    """The first cases of such a table, divided among so many hospitals."""
    every = drawn(seed, most)
    training = every.select(np.arange(HELD_OUT, HELD_OUT + hospitals * ROWS))
    return Table(dealt(training, hospitals, seed), every.select(np.arange(HELD_OUT)), seed)


def in_reals(own: Rules, table: Table, count: int, batches: Sequence[Int64Array]) -> Iterator[Numbers]:
    """Flat float32 models: that of FedAvg, and those of hospitals that train alone."""
    setup, scales = own.setup, own.setup.scales
    rate = setup.training.rate / (1 << scales.rate_shift)
    end = (1 << scales.logit_range_bits) / (1 << scales.activation_bits)
    gradients = partial(setup.model.head.real_gradients, end=end)
    start = joined(real_weights(own.first, scales)[None])
    for together, members in ((True, count), (False, min(count, MOST_ALONE))):
        sites = table.sites.first(members)
        inputs = sites.inputs(1, 1 << scales.activation_bits, np.float32)
        models = np.repeat(start, members, axis=0)
        for chosen in batches:
            models = local_steps(models, inputs, sites.labels, chosen[:members], rate, gradients)
            if together:
                models = np.repeat(models.mean(axis=0, keepdims=True), members, axis=0)
        yield flat(models[:1] if together else models)


def shown(model: Numbers, records: Records) -> Evaluation:
    """Of a model in real numbers."""
    matrix, unit = joined(model[None])[0], 1 << preset(NAME).scales.activation_bits
    logits = records.features / unit @ matrix[:, :-1].T + matrix[:, -1]
    return evaluate(logits[:, 1] - logits[:, 0], records.labels)


def measured(table: Table, count: int, epsilons: Sequence[float], draws: int, whole: bool) -> dict[str, list]:
    """By way: [AUC, accuracy] on held-out records. whole: with protection of whole hospitals, too."""
    own, sites = exact_rules(table.seed), table.sites.first(count)
    beacons = [round_beacon(table.seed, number) for number in range(RELEASES)]
    batches = [own.batches(beacon, count) for beacon in beacons]
    together, alone = in_reals(own, table, count, batches)
    lone = [shown(model, table.held_out) for model in alone]
    found: dict[str, list] = {
        ALONE: [float(np.mean([each.auc for each in lone])), float(np.mean([each.accuracy for each in lone]))]
    }

    def add(name: str, evaluations: Sequence[Evaluation]) -> None:
        values = [(each.auc, each.accuracy) for each in evaluations]
        found[name] = [float(value) for value in np.mean(values, axis=0)]

    def of(model: Int64Array) -> Evaluation:
        return evaluate(fixed_scores(own.setup, model, table.held_out), table.held_out.labels)

    add(FLOAT, [shown(together[0], table.held_out)])
    add(EXACT, [of(own.model(sites, beacons, batches))])
    for granularity in (RECORD, HOSPITAL)[: 1 + whole]:
        for epsilon in epsilons:
            private = rules(granularity, epsilon, count)
            if private is not None:
                steps = batches if granularity == HOSPITAL else [np.zeros((count, 1, 1), np.int64)] * RELEASES
                runs = [private.model(sites, beacons, steps, bytes([draw])) for draw in range(draws)]
                add(f"{granularity}/{epsilon:g}", [of(model) for model in runs])
    return found


def cell(
    kind: str, count: int, ways: dict[str, Numbers], noise: dict[str, dict[str, float]]
) -> dict[str, object]:
    """Means and standard deviations of [AUC, accuracy] by way, of one number of hospitals."""
    found: dict[str, object] = {"records": kind, "hospitals": count}
    for place, what in enumerate(("auc", "accuracy")):
        found[what] = {way: round(float(own[:, place].mean()), 4) for way, own in ways.items()}
        found[f"{what}_sd"] = {way: round(float(own[:, place].std()), 4) for way, own in ways.items()}
    gap = np.abs(ways[EXACT] - ways[FLOAT])[:, 0].max()
    return {**found, "largest_gap_of_exact_to_float": round(float(gap), 6), "noise": noise}


def numbers(text: str) -> list[int]:
    """A list of whole numbers with commas."""
    return [int(part) for part in text.split(",") if part]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--wisconsin", type=numbers, default=[3, 4, 6, 9, 14, 20, 28])
    parser.add_argument("--drawn", type=numbers, default=[10, 30, 100, 300, 1000])
    parser.add_argument("--epsilons", default="8,3,1")
    parser.add_argument("--divisions", type=int, default=10, help="of the Wisconsin records")
    parser.add_argument("--tables", type=int, default=12, help="drawn, one for each kind and then again")
    parser.add_argument("--draws", type=int, default=3, help="of the noise for a division; a table has one")
    parser.add_argument("--charts", type=Path, help="folder of charts and their page")
    parser.add_argument("--smallest", action="store_true", help="three hospitals, one division, one epsilon")
    options = parser.parse_args()
    if options.smallest:
        options.wisconsin, options.drawn, options.epsilons = [3], [10], "8"
        options.divisions = options.tables = options.draws = 1
    epsilons = [float(own) for own in options.epsilons.split(",")]
    begun, cells = time.process_time(), []
    equal = compared(wisconsin(0, 3).sites.first(3), 1 if options.smallest else 3)
    for kind, counts, seeds in (
        (WISCONSIN, options.wisconsin, options.divisions), (DRAWN, options.drawn, options.tables)
    ):  # fmt: skip
        values: dict[tuple[str, int], list] = {}
        for seed in range(seeds):
            for count in counts:
                own = kind == WISCONSIN
                table = wisconsin(seed, count) if own else drawn_part(seed, count, max(counts))
                found = measured(table, count, epsilons, options.draws if own else 1, not own)
                for way, value in found.items():
                    values.setdefault((way, count), []).append(value)
                progress({"records": kind, "number": seed, "hospitals": count})
        for count in counts:
            ways = {way: np.array(own) for (way, of), own in values.items() if of == count}
            cells.append(cell(kind, count, ways, noises(epsilons, count)))
    settings = {name: getattr(options, name) for name in ("divisions", "tables", "draws")}
    settings |= {"epsilons": epsilons, "rounds": RELEASES, "records_of_a_hospital": ROWS}
    seconds = round(time.process_time() - begun, 2)
    settings |= {"equal_to_what_is_proved": equal}
    print_result("hospitals_accuracy", **settings, cells=cells, processor_seconds=seconds)
    if options.charts:
        write_charts(options.charts, TITLE, list(charts(cells, epsilons)))


if __name__ == "__main__":
    main()
