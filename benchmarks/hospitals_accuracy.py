"""Held-out AUC and accuracy against the number of hospitals, as JSON: alone, float FedAvg, ours, with privacy.

python benchmarks/hospitals_accuracy.py [--wisconsin 3,4,6,9,14,20,28] [--drawn 10,30,100,300,1000]
    [--epsilons 8,3,1] [--divisions 10] [--tables 12] [--draws 3] [--charts DIR] [--smallest]

Logistic regression 30-2, 20 rounds, ROWS records at each hospital, whatever their number. --wisconsin: so
many hospitals have the Wisconsin breast cancer records, 28 at most. --drawn: so many have tables of the same
30 columns that are drawn and nobody's (proofward.privacy.drawn_tables). Records are divided as the product's
demonstration does it; those hospitals that take part are chosen at random, and a larger number of them has
the smaller one's in it.

alone: a hospital by itself in float32, no privacy, mean over hospitals. float: FedAvg in float32. exact: the
preset's rules. record/E: each record is protected with epsilon E, one step a round. hospital/E: whole
hospitals are. delta is 1e-5; threshold, smallest sum, clip and rates are those that `proofward consortium
init` chooses. Nothing is tuned on held-out records.

No proof is made at these sizes. Updates, noise and models are computed in the product's integers for all
hospitals at once (_hospitals_twin.py), and each run first compares every way's updates with those that
hospitals prove, and the model of three hospitals with that of a federation with proofs, bit for bit.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from _hospitals_charts import charts
from _hospitals_twin import Numbers, Rules, Sites, flat, joined, local_steps, name_of
from _machine import print_result, progress
from _private_twin import INVERSE_DELTA, RELEASES

from proofward.charts.chart import write_charts
from proofward.data.records import Records, to_fixed_point
from proofward.data.splits import held_out_split, hospital_split
from proofward.data.wdbc import load_wdbc
from proofward.engines.in_process import InProcessFederation
from proofward.federation.messages.beacon import first_model
from proofward.federation.messages.usual import usual_threshold, usual_updates
from proofward.federation.messages.values import integers_from_bytes
from proofward.layers.errors import ConfigurationError
from proofward.layers.float_twin import real_weights
from proofward.layers.model import Int64Array
from proofward.layers.privacy import HOSPITAL, RECORD, Privacy
from proofward.layers.weighting import ALL_ALIKE, BY_RECORDS
from proofward.models import preset
from proofward.models.presets import preset_file
from proofward.privacy.accountant import Accountant
from proofward.privacy.choice import least_noise
from proofward.privacy.drawn_tables import drawn_table
from proofward.relations.config import RoundConfig
from proofward.report.baselines import first_weights, fixed_scores, round_beacon
from proofward.report.evaluation import Evaluation, evaluate
from proofward.report.scenario import demonstration_plan

NAME, ROWS, HELD_OUT, MOST_ALONE = "logistic", 16, 1000, 100
ALONE, FLOAT, EXACT = "alone", "float", "exact"


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
    return Sites(
        np.stack([parts[at].features for at in mixed]), np.stack([parts[at].labels for at in mixed])
    )


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


@lru_cache(maxsize=256)
def rules(granularity: str, epsilon: float, hospitals: int) -> Rules | None:
    """Of so many hospitals, without privacy for no granularity; None where the most noise is not enough."""
    setup, first = preset(NAME), np.zeros(preset(NAME).model.parameters, dtype=np.int64)
    about = setup.model, setup.scales
    if not granularity:
        config = RoundConfig(*about, setup.training, setup.clip_bound, 2, 1)
        return Rules(setup, config, ROWS, first)
    threshold = usual_threshold(hospitals)
    minimum = usual_updates(hospitals, threshold)
    asked = Privacy(0, 41, RELEASES, 1, threshold, INVERSE_DELTA, granularity)
    try:
        privacy = least_noise(asked, epsilon, setup.model.parameters, minimum)
    except ConfigurationError:
        return None
    training, weighting = setup.training, ALL_ALIKE
    if granularity == RECORD:
        file, weighting = preset_file(NAME), BY_RECORDS
        proposed = file.proposed_rate(epsilon)
        assert proposed is not None
        settings = replace(file.settings_for(True), learning_rate=proposed)
        training = settings.preset(file.name, file.summary, file.inputs).training
    config = RoundConfig(*about, training, privacy.clip_bound, 2, 1, weighting=weighting, privacy=privacy)
    return Rules(setup, config, ROWS, first)


def exact_rules(seed: int) -> Rules:
    """Without privacy, from drawn weights."""
    found = rules("", 0.0, 0)
    assert found is not None
    return replace(found, first=first_weights(found.setup, seed))


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


def noises(epsilons: Sequence[float], count: int) -> dict[str, dict[str, float]]:
    """The noise of each way: a hospital's and that of a whole sum, in clip bounds, and what is promised."""
    found = {}
    for granularity in (RECORD, HOSPITAL):
        for epsilon in epsilons:
            private = rules(granularity, epsilon, count)
            if private is None:
                continue
            threshold = usual_threshold(count)
            privacy, parameters = private.config.privacy, private.config.model.parameters
            assert privacy is not None
            kept = Accountant(privacy, parameters, usual_updates(count, threshold))
            one = kept.deviation / kept.clip_units
            found[f"{granularity}/{epsilon:g}"] = {
                "of_one": round(one, 3), "of_sum": round(one * count**0.5, 3),
                "promised": round(kept.promised, 3),
            }  # fmt: skip
    return found


def compared(rounds: int) -> dict[str, int]:
    """How much was found equal, bit for bit, to what hospitals prove; ends the run where something is not."""
    table = wisconsin(0, 3)
    sites, beacon = table.sites.first(3), round_beacon(0, 0)
    exact, equal = exact_rules(0), 0
    later = exact.model(sites, [beacon])  # from whose weights others clip, too
    ways = [exact, *(rules(granularity, 3.0, 30) for granularity in (RECORD, HOSPITAL))]
    for own in ways:
        assert own is not None
        equal += sum(own.compared(weights, sites, beacon) for weights in (own.first, later))
    plan = demonstration_plan(exact.setup, 3, rounds, 1, "comparison")
    records = {name_of(at): (sites.features[at], sites.labels[at]) for at in range(3)}
    assert list(records) == plan.hospitals
    with tempfile.TemporaryDirectory() as folder:
        engine = InProcessFederation(Path(folder) / "run", plan, records, workers=1)
        result = engine.run()
        history = engine.aggregator.history
    if not result.finished or result.refusals:
        raise SystemExit(f"the federation did not finish: {result.stopped or result.refusals}")
    drawn_first = first_model(engine.rules, history.sharing.beacon)
    first = integers_from_bytes(drawn_first, exact.setup.model.parameters)
    twin = replace(exact, first=first).model(sites, [closed.beacon for closed in history.closed])
    assert np.array_equal(twin, result.weights), "the twin's model is not that of the federation"
    return {"updates": equal, "proved_rounds": len(history.closed)}


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
    parser.add_argument("--draws", type=int, default=3, help="of the noise, for each division; one for each table")
    parser.add_argument("--charts", type=Path, help="folder of charts and their page")
    parser.add_argument("--smallest", action="store_true", help="three hospitals, one division, one epsilon")
    options = parser.parse_args()
    if options.smallest:
        options.wisconsin, options.drawn, options.epsilons = [3], [10], "8"
        options.divisions = options.tables = options.draws = 1
    epsilons = [float(own) for own in options.epsilons.split(",")]
    begun, cells = time.process_time(), []
    equal = compared(1 if options.smallest else 3)
    for kind, counts, seeds in (
        ("wisconsin", options.wisconsin, options.divisions), ("drawn", options.drawn, options.tables)
    ):  # fmt: skip
        values: dict[tuple[str, int], list] = {}
        for seed in range(seeds):
            for count in counts:
                most = max(counts)
                table = wisconsin(seed, most) if kind == "wisconsin" else drawn_part(seed, count, most)
                draws = options.draws if kind == "wisconsin" else 1
                found = measured(table, count, epsilons, draws, kind == "drawn")
                for way, own in found.items():
                    values.setdefault((way, count), []).append(own)
                progress({"records": kind, "number": seed, "hospitals": count})
        for count in counts:
            ways = {way: np.array(own) for (way, of), own in values.items() if of == count}
            means = {way: [round(float(value), 4) for value in own.mean(axis=0)] for way, own in ways.items()}
            spread = {way: [round(float(value), 4) for value in own.std(axis=0)] for way, own in ways.items()}
            cells.append({
                "records": kind, "hospitals": count,
                "auc": {way: own[0] for way, own in means.items()},
                "auc_sd": {way: own[0] for way, own in spread.items()},
                "accuracy": {way: own[1] for way, own in means.items()},
                "accuracy_sd": {way: own[1] for way, own in spread.items()},
                "largest_gap_of_exact_to_float": float(np.abs(ways[EXACT] - ways[FLOAT])[:, 0].max().round(6)),
                "noise": noises(epsilons, count),
            })  # fmt: skip
    settings = {name: getattr(options, name) for name in ("divisions", "tables", "draws")}
    settings |= {"epsilons": epsilons, "rounds": RELEASES, "records_of_a_hospital": ROWS}
    seconds = round(time.process_time() - begun, 2)
    print_result(
        "hospitals_accuracy", **settings, equal_to_what_is_proved=equal, cells=cells, processor_seconds=seconds
    )
    if options.charts:
        write_charts(options.charts, "Accuracy against the number of hospitals", charts(cells, epsilons))


if __name__ == "__main__":
    main()
