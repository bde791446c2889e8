"""Bounds of drawn committees beside a Monte Carlo, as pictures and as JSON; and how long a draw takes.

python benchmarks/committee_bounds.py [--hospitals 5000] [--verifiers 200] [--corrupt 20] [--absent 10]
                                      [--draws 1000000] [--own 20000] [--out runs/committees] [--smallest]

The bounds are exact. --draws committees are drawn member by member by numpy's generator, and --own of them by
the protocol's own function, whose shares have to be within five standard deviations of the bounds wherever
these expect a hundred committees or more: of all hospitals, and of those that are left where somebody keeps
honest ones away, who the rules then draw fewer holders of. Exit code 1 where one is not.
"""

from __future__ import annotations

import argparse
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
from _machine import print_result, progress

from proofward.charts.chart import PAGE_NAME, write_charts
from proofward.charts.committee_failures import (
    Drawn,
    drawn_by_beacons,
    drawn_by_steps,
    holders_chart,
    populations_chart,
    verifiers_chart,
)
from proofward.federation.committees.bounds import Population, bits, more_corrupt, none_honest, too_few
from proofward.federation.committees.choice import Holding, least_holding, least_sample
from proofward.federation.committees.populations import Draw, Sampling

DEVIATIONS, LEAST_EXPECTED = 5, 100
SHARES = ((5, 5), (10, 10), (20, 10), (30, 10))
SIZES = (500, 5000, 50000)
JUDGES, CORRUPT_JUDGES = (50, 200, 1000), (10, 20, 33, 50)


def strange(population: Population, holding: Holding, drawn: Drawn) -> list[str]:
    """Where drawn committees are not as the bounds say."""
    draws, found = len(drawn.corrupt), []
    for t in range(holding.size):
        for name, exact, happened in (
            ("more corrupt", more_corrupt(population, holding.size, t), drawn.corrupt > t),
            ("too few", too_few(population, holding.size, t + 1), drawn.present < t + 1),
        ):
            expected, deviation = float(exact) * draws, (float(exact * (1 - exact)) * draws) ** 0.5
            off = abs(int(np.sum(happened)) - expected)
            if min(expected, draws - expected) >= LEAST_EXPECTED and off > DEVIATIONS * deviation:
                found.append(f"{name} than {t}: {int(np.sum(happened))} of {draws}, {expected:.0f} expected")
    return found


def table() -> list[dict[str, object]]:
    """The least committees of consortia of several sizes."""
    rows: list[dict[str, object]] = []
    for corrupt, absent in SHARES:
        for members in SIZES:
            population = Population.of_shares(members, corrupt, absent)
            holding = least_holding(population)
            assert holding is not None
            secrecy = more_corrupt(population, holding.size, holding.threshold)
            liveness = too_few(population, holding.size, holding.threshold + 1)
            draw = Draw(population, holding.size, holding.threshold)
            left = [members, members - population.absent, population.honest_present, draw.fewest]
            rows.append({
                "hospitals": members, "corrupt_percent": corrupt, "absent_percent": absent,
                "size": holding.size, "threshold": holding.threshold,
                "secrecy_bits": _bits(secrecy), "liveness_bits": _bits(liveness),
                "secrecy_bits_of_64_withheld": _bits(min(secrecy * 65, Fraction(1))),
                "worst_secrecy_bits": _bits(draw.secrecy), "worst_liveness_bits": _bits(draw.liveness),
                "can_be_drawn": left, "drawn": [draw.holders(there) for there in left],
                "secrecy_bits_if_as_many_were_drawn": [
                    _bits(draw.failing(there, min(there, holding.size))) for there in left
                ],
            })  # fmt: skip
    return rows


def samples() -> list[dict[str, int]]:
    """The fewest verifiers of a proof, for several numbers of them."""
    return [
        {
            "verifiers": judges, "corrupt_percent": corrupt,
            "sample": (size := least_sample(population := Population.of_shares(judges, corrupt, 0))),
            "sample_of_nine_tenths": Sampling(population, size).judges(judges - judges // 10),
            "sample_of_a_majority": Sampling(population, size).judges(judges // 2 + 1),
        }
        for judges in JUDGES
        for corrupt in CORRUPT_JUDGES
    ]  # fmt: skip


def kept_away(draw: Draw, draws: int, own: int, rng: np.random.Generator) -> list[str]:
    """Where committees are not as the bounds say that are drawn of fewer, all corrupt ones among them."""
    found, present = list[str](), draw.population.honest_present
    for there in (draw.fewest, present, draw.population.members - draw.population.absent):
        holding = Holding(draw.holders(there), draw.threshold)
        left = Population(there, draw.population.corrupt)
        progress({"doing": f"drawing committees of {holding.size} of {there:,} that are left"})
        stepwise = drawn_by_steps(left, holding.size, draws, rng)
        for drawn in (stepwise, drawn_by_beacons(left, holding.size, own)):
            found += [f"of {there}: {words}" for words in strange(left, holding, drawn)]
    return found


def _bits(probability: Fraction) -> float:
    return round(bits(probability), 2)


def main() -> None:
    """Writes pictures and page, and prints one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hospitals", type=int, default=5000)
    parser.add_argument("--verifiers", type=int, default=200)
    parser.add_argument("--corrupt", type=int, default=20, help="per cent")
    parser.add_argument("--absent", type=int, default=10, help="per cent")
    parser.add_argument("--draws", type=int, default=1_000_000, help="committees that are drawn by numpy")
    parser.add_argument(
        "--own", type=int, default=20_000, help="committees that the protocol's function draws"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("runs/committees"), help="folder of pictures and page"
    )
    parser.add_argument("--smallest", action="store_true", help="500 hospitals, few draws")
    options = parser.parse_args()
    if options.smallest:
        options.hospitals, options.draws, options.own = 500, 20_000, 300
    population = Population.of_shares(options.hospitals, options.corrupt, options.absent)
    judges = Population.of_shares(options.verifiers, options.corrupt, 0)
    holding = least_holding(population)
    if holding is None:
        parser.error("no committee keeps the policy with these shares")
    sample, rng = least_sample(judges), np.random.default_rng(1)
    progress({"doing": f"drawing {options.draws:,} committees of {holding.size}"})
    drawn = drawn_by_steps(population, holding.size, options.draws, rng)
    progress({"doing": f"drawing {options.own:,} committees by beacons"})
    began = time.process_time()
    own = drawn_by_beacons(population, holding.size, options.own)
    each = (time.process_time() - began) / options.own
    problems = [*strange(population, holding, drawn), *strange(population, holding, own)]
    draw = Draw(population, holding.size, holding.threshold)
    problems += kept_away(draw, options.draws // 10, options.own // 10, rng)
    charts = [
        holders_chart(population, holding, drawn), populations_chart(draw),
        verifiers_chart(judges, sample, options.draws, rng),
    ]  # fmt: skip
    options.out.mkdir(parents=True, exist_ok=True)
    missing = write_charts(options.out, "Committees", charts)
    print_result(
        "committee_bounds",
        hospitals=options.hospitals, verifiers=options.verifiers, draws=options.draws, own_draws=options.own,
        corrupt_percent=options.corrupt, absent_percent=options.absent,
        size=holding.size, threshold=holding.threshold, sample=sample,
        none_honest_bits=_bits(none_honest(judges, sample)), table=table(), samples=samples(),
        milliseconds_of_a_draw=round(1000 * each, 3), strange=problems,
        charts={chart.name: chart.numbers for chart in charts}, no_pictures=missing,
        page=str(options.out / PAGE_NAME),
    )  # fmt: skip
    raise SystemExit(1 if problems else 0)


if __name__ == "__main__":
    main()
