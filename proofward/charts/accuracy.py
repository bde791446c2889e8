"""AUC on held-out records by round and by number of hospitals: ProofWard, plain averaging, lone hospitals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from proofward.charts.chart import Chart
from proofward.charts.lines import Line, draw_lines
from proofward.report.comparing.baselines import federated, federated_float, fixed_auc, float_auc
from proofward.report.comparing.comparison import ALONE, FEDERATED, PROOFWARD, MethodScores
from proofward.report.demonstrations.scenario import Scenario

BY_ROUND_NAME, BY_HOSPITALS_NAME = "auc-by-round", "auc-by-hospitals"
OURS, PLAIN, LONE = "ProofWard", "plain federated averaging, float", "a hospital alone, mean and range"
_UP = "AUC on held-out records"


def by_round(found: Mapping[str, MethodScores]) -> Chart:
    """Of a run's own models beside the baselines of the same batches, see `report.comparing.comparison`."""
    lone = [entry.auc for name, entry in found.items() if name.startswith(f"{ALONE}: ")]
    lines = [
        Line(OURS, found[PROOFWARD].auc),
        Line(PLAIN, found[FEDERATED].auc),
        _lone(zip(*lone, strict=True)),
    ]
    rounds = range(1, len(lines[0].values) + 1)
    title = f"AUC by round, {len(lone)} hospitals"
    words = (
        "The models of the ledger, beside float32 federated averaging and training alone with the same first "
        "model and the same batches. The band spans the hospitals."
    )
    return _chart(BY_ROUND_NAME, title, words, "round", rounds, lines)


def by_hospitals(scenarios: Sequence[Scenario], counts: Sequence[int], say: Callable[[str], None]) -> Chart:
    """Of trainings in the integers of a proved federation, whose proofs change no number, so none is made.

    The first hospitals of each scenario train together, as many as each count says. scenarios: of one preset
    and equally many hospitals and rounds, with different divisions; values are means over them. say: is told
    what is trained next.
    """
    ours: list[float] = []
    plain: list[float] = []
    lone: list[list[float]] = []
    rounds, divisions = scenarios[0].plan.rounds, len(scenarios)
    say(f"training {max(counts)} hospitals alone")
    alone = [_alone(scenario, seed, max(counts)) for seed, scenario in enumerate(scenarios)]
    for count in counts:
        say(f"training {count} hospitals together")
        fixed = together = 0.0
        for seed, scenario in enumerate(scenarios):
            setup, members = scenario.setup, list(scenario.hospitals.values())[:count]
            result = federated(setup, members, rounds, seed)
            fixed += fixed_auc(setup, result.weights, scenario.held_out) / divisions
            weights = federated_float(setup, members, rounds, seed)
            together += float_auc(setup, weights, scenario.held_out) / divisions
        ours.append(fixed)
        plain.append(together)
        lone.append([value for values in alone for value in values[:count]])
    lines = [Line(OURS, ours), Line(PLAIN, plain), _lone(lone)]
    sizes = [len(records) for scenario in scenarios for records in scenario.hospitals.values()]
    title = f"AUC by number of hospitals, after {rounds} rounds"
    words = (
        f"Every hospital has {f'{min(sizes)} to ' if min(sizes) < max(sizes) else ''}{max(sizes)} records, "
        "whatever the number of hospitals that train together. ProofWard's values are those of its integer "
        "arithmetic, which proofs do not change."
    )
    words += f" Values are means over {divisions} divisions of the records." if divisions > 1 else ""
    return _chart(BY_HOSPITALS_NAME, title, words, "hospitals", counts, lines)


def _alone(scenario: Scenario, seed: int, most: int) -> list[float]:
    setup, rounds = scenario.setup, scenario.plan.rounds
    members = list(scenario.hospitals.values())[:most]
    trained = (federated_float(setup, [records], rounds, seed) for records in members)
    return [float_auc(setup, weights, scenario.held_out) for weights in trained]


def _lone(columns: Iterable[Sequence[float]]) -> Line:
    kept = list(columns)
    means = [sum(values) / len(values) for values in kept]
    return Line(LONE, means, [min(values) for values in kept], [max(values) for values in kept])


def _chart(
    name: str, title: str, words: str, across: str, places: Sequence[int], lines: Sequence[Line]
) -> Chart:
    ours, plain, lone = lines
    numbers = {
        across: list(places),
        "proofward": list(ours.values),
        "federated_float": list(plain.values),
        "alone": {"mean": list(lone.values), "least": list(lone.low), "largest": list(lone.high)},
    }
    columns = (ours.values, plain.values, lone.values, lone.low, lone.high)
    rows = zip(places, zip(*columns, strict=True), strict=True)
    head = (across, OURS, "plain averaging", "alone: mean", "least", "largest")
    table = [head, *((str(place), *(f"{value:.4f}" for value in values)) for place, values in rows)]
    return Chart(
        name, title, words, numbers, table,
        lambda: draw_lines(lines, places, title=title, across=across, up=_UP),
    )  # fmt: skip
