"""Held-out AUC against epsilon on the Wisconsin breast cancer data, as JSON: a twin in real numbers.

python benchmarks/dp_utility.py [--models logistic,mlp] [--epsilons 8,3,1] [--hospitals 5,10,20]
    [--splits 20] [--draws 3] [--drawn] [--charts DIR] [--smallest]
python benchmarks/dp_utility.py --choose [--epsilons 8,3,1] [--draws 3]
python benchmarks/dp_utility.py --images PATH [--choose] [--epsilons 8,3,1] [--splits 20] [--draws 3]

The records are divided among so many hospitals, so more of them have fewer each. Every round is one step on
all records: the gradient of each is clipped to C = 1, every hospital adds Gaussian noise of the deviation
that proofward.privacy chooses, and the server takes a step along the mean by the rate that `proofward
consortium init` proposes for the epsilon: 1.5, and below epsilon 3 in proportion less. Nothing is tuned on
held-out records: --choose has logistic regression at several rates on drawn tables (_drawn_tables.py).
"usual" are the rules that `proofward consortium init` chooses; with "all" every hospital is in every sum, and
the noise of all but the threshold counts, so that each adds less.

With --images five hospitals train logistic regression on public features of pictures (_public_features.py):
the first class against the others, divided as the product does it, in steps of PICTURE_STEP. The last choice
of settings was by one part of the pictures, which --choose shows and which is taken out of every other
held-out part; ranges of settings had been narrowed on other divisions before. "long" is without noise and
clipping, 300 rounds on the same features; "unlimited" the same on all 1,472 of which they are made.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import numpy as np
from _drawn_tables import KINDS, RECORDS, drawn_table
from _machine import print_result
from _private_twin import ALL, RELEASES, STEP, USUAL, Hospital, deviation_of, trained
from _public_features import heads_features, read_pictures
from numpy.typing import NDArray

from proofward.charts.chart import Chart, write_charts
from proofward.charts.lines import Line, draw_lines
from proofward.data.images.patient_split import deal_by_patient, patient_split
from proofward.data.splits import held_out_split, hospital_split
from proofward.data.wdbc import load_wdbc
from proofward.models import preset
from proofward.models.presets import preset_file
from proofward.privacy.twin import Real, auc
from proofward.report.comparing.baselines import first_weights

MODELS = {"logistic": "logistic", "mlp": "wdbc"}
STEPS = (0.125, 0.25, 0.5, 1.0, STEP)
"""Of which --choose shows each."""
SITES, PICTURE_STEP, EXACT_STEP, LONG, CHOICE = 5, 10.0, 3.0, 300, 99
"""Of pictures: CHOICE is the division whose held-out part the settings were chosen by."""


@dataclass
class Cell:
    """AUCs of one model with so many hospitals: by method, one for each division of the records."""

    model: str
    hospitals: int
    values: dict[str, list[float]]

    def mean(self, method: str) -> float:
        return float(np.mean(self.values[method]))


def measure(
    model: str, count: int, epsilons: list[float], splits: int, draws: int, drawn: bool
) -> tuple[Cell, dict[str, float]]:
    """AUC of all methods over the divisions, and the deviations of the noise."""
    setup = preset(MODELS[model])
    records, unit = load_wdbc(setup.scales), 1 << setup.scales.activation_bits
    shapes = {
        f"{epsilon:g}/{rules}": deviation_of(setup.model.parameters, count, rules, epsilon)[0]
        for epsilon in epsilons
        for rules in (USUAL, ALL)
    }
    cell = Cell(model, count, {})
    for split in range(splits):
        training, held_out = held_out_split(records, split)
        hospitals = [Hospital.of(own, unit) for own in hospital_split(training, count, split)]
        shown = Hospital.of(held_out, unit)
        fine = float(1 << setup.scales.weight_bits)
        zeros = len(setup.model.layers) == 1 and not drawn  # as rules with privacy start
        parts = setup.model.unflatten(first_weights(setup, split) * (not zeros))
        first = [(matrix.T / fine, bias / fine) for matrix, bias in parts]
        rng = np.random.default_rng([split, count])
        found = {
            "exact": auc(trained(first, hospitals, 0.0, 0.0, rng), shown),
            "clipped": auc(trained(first, hospitals, 1.0, 0.0, rng), shown),
            "alone": float(np.mean([auc(trained(first, [own], 0.0, 0.0, rng), shown) for own in hospitals])),
        }
        for name, deviation in shapes.items():
            step = proposed_step(model, float(name.split("/")[0]))
            runs = [auc(trained(first, hospitals, 1.0, deviation, rng, step), shown) for _ in range(draws)]
            found[name] = float(np.mean(runs))
        for name, value in found.items():
            cell.values.setdefault(name, []).append(value)
    return cell, shapes


def proposed_step(model: str, epsilon: float) -> float:
    """The rate that `proofward consortium init` proposes; C is 1."""
    rate = preset_file(MODELS[model]).proposed_rate(epsilon)
    assert rate is not None
    return rate


def choose(epsilons: list[float], draws: int) -> None:
    """AUC of logistic regression on drawn tables at five hospitals, by rate and epsilon; a line a rate."""
    parameters = preset(MODELS["logistic"]).model.parameters
    deviations = {epsilon: deviation_of(parameters, SITES, USUAL, epsilon)[0] for epsilon in epsilons}
    tables = [drawn_table(seed) for seed in range(2 * len(KINDS))]
    for step in STEPS:
        values: dict[str, list[float]] = {}
        for seed, (features, labels) in enumerate(tables):
            parts = np.array_split(np.arange(RECORDS), SITES)
            hospitals = [Hospital(features[part], labels[part]) for part in parts]
            shown = Hospital(features[RECORDS:], labels[RECORDS:])
            zeros, rng = [(np.zeros((features.shape[1], 2)), np.zeros(2))], np.random.default_rng(seed)
            for epsilon, deviation in {**deviations, 0.0: 0.0}.items():
                models = [trained(zeros, hospitals, 1.0, deviation, rng, step) for _ in range(draws)]
                runs = [auc(weights, shown) for weights in models]
                name = f"epsilon {epsilon:g}" if epsilon else "clipped, no noise"
                values.setdefault(name, []).append(float(np.mean(runs)))
        means = {name: round(float(np.mean(own)), 4) for name, own in values.items()}
        print_result("dp_utility", tables="drawn", step=step, auc=means)


def measure_images(
    path: Path, epsilons: list[float], splits: int, draws: int, choose: bool
) -> tuple[Cell, dict[str, float]]:
    """The same of a private head on public features of pictures, which starts from zeros."""
    pictures, labels, inspection = read_pictures(path)
    features, many = heads_features(pictures)
    shapes = {
        f"{epsilon:g}/{rules}": deviation_of(2 * features.shape[1] + 2, SITES, rules, epsilon)[0]
        for epsilon in epsilons
        for rules in (USUAL, ALL)
    }
    chosen_by, cell = patient_split(inspection, CHOICE)[1], Cell("head on public features", SITES, {})
    for split in [CHOICE] if choose else range(splits):
        training, held = patient_split(inspection, split)
        held = held if choose else np.setdiff1d(held, chosen_by)
        dealt = deal_by_patient(inspection, training, SITES, split)
        rng = np.random.default_rng([split, SITES])

        def found(
            data: Real, bound: float, deviation: float, step: float, rounds: int = RELEASES,
            parts: list[NDArray[np.int64]] = dealt, shown: NDArray[np.int64] = held,
            rng: np.random.Generator = rng,
        ) -> float:  # fmt: skip
            own = [Hospital(data[part], labels[part]) for part in parts]
            zeros = [(np.zeros((data.shape[1], 2)), np.zeros(2))]
            model = trained(zeros, own, bound, deviation, rng, step, rounds)
            return auc(model, Hospital(data[shown], labels[shown]))

        values = {
            "exact": found(features, 0.0, 0.0, EXACT_STEP),
            "clipped": found(features, 1.0, 0.0, PICTURE_STEP),
            "long": found(features, 0.0, 0.0, EXACT_STEP, LONG),
            "unlimited": found(many, 0.0, 0.0, 1.0, LONG),
            "alone": float(np.mean([found(features, 1.0, 0.0, PICTURE_STEP, parts=[own]) for own in dealt])),
        }
        for name, deviation in shapes.items():
            runs = [found(features, 1.0, deviation, PICTURE_STEP) for _ in range(draws)]
            values[name] = float(np.mean(runs))
        for name, value in values.items():
            cell.values.setdefault(name, []).append(value)
    return cell, shapes


def described(cell: Cell, shapes: dict[str, float]) -> dict[str, object]:
    """Means, and for each epsilon the paired difference to a lone hospital without privacy."""
    alone, found = np.array(cell.values["alone"]), {}
    for name in shapes:
        gain = np.array(cell.values[name]) - alone
        error = float(gain.std(ddof=1) / sqrt(len(gain))) if len(gain) > 1 else 0.0
        found[name] = {
            "auc": round(cell.mean(name), 4), "gain_over_alone": round(float(gain.mean()), 4),
            "standard_error": round(error, 4), "better_in": int((gain > 0).sum()),
            "deviation_of_noise": round(shapes[name], 3),
        }  # fmt: skip
    others = {name: round(cell.mean(name), 4) for name in cell.values if name not in shapes}
    return {"model": cell.model, "hospitals": cell.hospitals, "auc": others, "epsilon": found}


def charts(cells: list[Cell], epsilons: list[float], counts: list[int]) -> Iterator[Chart]:
    """For each model: AUC by number of hospitals, a line for each epsilon, and lone hospitals."""
    for model in dict.fromkeys(cell.model for cell in cells):
        own = [cell for cell in cells if cell.model == model]
        names = {f"epsilon {epsilon:g}": f"{epsilon:g}/{ALL}" for epsilon in epsilons[:3]}
        names["a lone hospital, no privacy"] = "alone"
        lines = [Line(title, [cell.mean(name) for cell in own]) for title, name in names.items()]
        title = f"Held-out AUC of {model} with differential privacy"
        shown = list(names.values())
        rows = [[str(cell.hospitals), *(f"{cell.mean(name):.4f}" for name in shown)] for cell in own]
        yield Chart(
            f"dp-utility-{model}", title,
            "The same records are divided among more hospitals, all of which are in every sum. "
            "Means over divisions of the records; python benchmarks/dp_utility.py --charts DIR",
            {"hospitals": counts, **{title: line.values for title, line in zip(names, lines, strict=True)}},
            [["hospitals", *names], *rows],
            lambda lines=lines, title=title: draw_lines(
                lines, counts, title=title, across="hospitals that share the records", up="AUC"
            ),
        )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--models", default="logistic,mlp")
    parser.add_argument("--epsilons", default="8,3,1")
    parser.add_argument("--hospitals", default="5,10,20")
    parser.add_argument("--splits", type=int, default=20, help="divisions of the records")
    parser.add_argument("--draws", type=int, default=3, help="of the noise, for each division")
    parser.add_argument("--drawn", action="store_true", help="one layer, too, starts from drawn weights")
    parser.add_argument("--images", type=Path, help="pictures, in place of the tables")
    parser.add_argument("--choose", action="store_true", help="what settings are chosen by: drawn tables, or "
                        "with --images a part that is held out of everything else")  # fmt: skip
    parser.add_argument("--charts", type=Path, help="folder of charts and their page")
    parser.add_argument("--smallest", action="store_true", help="logistic, five hospitals, two divisions")
    options = parser.parse_args()
    if options.smallest:
        options.models, options.hospitals, options.splits, options.draws = "logistic", "5", 2, 1
    models, epsilons = options.models.split(","), [float(own) for own in options.epsilons.split(",")]
    if options.images:
        started = time.process_time()
        cell, shapes = measure_images(options.images, epsilons, options.splits, options.draws, options.choose)
        settings = {"splits": options.splits, "draws": options.draws, "chosen_by": options.choose}
        settings |= {"releases": RELEASES, "step": PICTURE_STEP, "long": LONG}
        seconds = round(time.process_time() - started, 2)
        print_result("dp_utility", **settings, **described(cell, shapes), processor_seconds=seconds)
        return
    if options.choose:
        choose(epsilons, options.draws)
        return
    counts = [int(own) for own in options.hospitals.split(",")]
    cells = []
    for model in models:
        for count in counts:
            started = time.process_time()
            numbers = options.splits, options.draws, options.drawn
            cell, shapes = measure(model, count, epsilons, *numbers)
            cells.append(cell)
            settings = {"splits": options.splits, "draws": options.draws, "drawn": options.drawn}
            settings |= {"releases": RELEASES, "steps": {own: proposed_step(model, own) for own in epsilons}}
            seconds = round(time.process_time() - started, 2)
            print_result("dp_utility", **settings, **described(cell, shapes), processor_seconds=seconds)
    if options.charts:
        write_charts(options.charts, "Utility of differential privacy", list(charts(cells, epsilons, counts)))


if __name__ == "__main__":
    main()
