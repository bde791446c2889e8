"""What a drawn committee fails at: the exact bounds beside committees that were drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import log2, nan

import numpy as np
from numpy.typing import NDArray

from proofward.charts.chart import Chart
from proofward.charts.lines import Line, draw_lines
from proofward.federation.committees.bounds import Population, bits, more_corrupt, none_honest, too_few
from proofward.federation.committees.choice import LIVENESS_BITS, Holding
from proofward.federation.committees.drawing import HOLDERS, committee
from proofward.federation.committees.populations import SECRECY_BITS, Draw

Counts = NDArray[np.int64]
STEPS = 12
"""Places of a chart, at most."""


@dataclass(frozen=True)
class Drawn:
    """Of each committee that was drawn: how many are corrupt, and how many honest and present."""

    corrupt: Counts
    present: Counts

    def log2_share(self, happened: NDArray[np.bool_]) -> float | None:
        """log2 of the share of committees to which something happened; None where it happened to none."""
        share = float(np.mean(happened))
        return log2(share) if share else None


def drawn_by_steps(population: Population, size: int, draws: int, rng: np.random.Generator) -> Drawn:
    """Committees drawn one member after another, each uniformly among those who are left."""
    corrupt, present = np.zeros(draws, dtype=np.int64), np.zeros(draws, dtype=np.int64)
    for taken in range(size):
        place = rng.integers(0, population.members - taken, draws)
        bad = population.corrupt - corrupt
        good = bad + population.honest_present - present
        corrupt += place < bad
        present += (place >= bad) & (place < good)
    return Drawn(corrupt, present)


def drawn_by_beacons(population: Population, size: int, draws: int) -> Drawn:
    """Committees as the protocol draws them, by its own function; the first names are the corrupt."""
    names = [f"{index:06}" for index in range(population.members)]
    kinds = {name: index for index, name in enumerate(names)}
    corrupt, present, first = [], [], population.members - population.honest_present
    for number in range(draws):
        places = [kinds[name] for name in committee(bytes(32), HOLDERS, number, names, size, able=names)]
        corrupt.append(sum(place < population.corrupt for place in places))
        present.append(sum(place >= first for place in places))
    return Drawn(np.array(corrupt, dtype=np.int64), np.array(present, dtype=np.int64))


def _places(low: int, high: int) -> list[int]:
    step = -(-(high - low) // STEPS) or 1
    return sorted({*range(low, high, step), high})


def holders_chart(population: Population, holding: Holding, drawn: Drawn) -> Chart:
    """Against t: more than t corrupt, and fewer than t + 1 honest and present."""
    size = holding.size
    mean = size * population.corrupt // population.members
    places = _places(mean, size * population.honest_present // population.members)
    columns: dict[str, list[float | None]] = {
        "more than t corrupt": [-bits(more_corrupt(population, size, t)) for t in places],
        "fewer than t + 1 honest and present": [-bits(too_few(population, size, t + 1)) for t in places],
        "drawn: more than t corrupt": [drawn.log2_share(drawn.corrupt > t) for t in places],
        "drawn: fewer than t + 1": [drawn.log2_share(drawn.present < t + 1) for t in places],
    }
    title = f"A committee of {size} of {population.members:,} hospitals"
    words = (
        f"Exact probabilities as powers of two, for {population.corrupt:,} corrupt and {population.absent:,} "
        f"absent hospitals, beside the shares of {len(drawn.corrupt):,} committees that were drawn member by "
        f"member; no point where none of them failed. With t = {holding.threshold} the first is below "
        f"2^-{SECRECY_BITS} and the second below 2^-{LIVENESS_BITS}."
    )
    return _chart("committee-holders", title, words, "t", places, columns)


def populations_chart(draw: Draw) -> Chart:
    """Against how many hospitals can be drawn: of how many holders, and with what the draw fails."""
    everybody, present = draw.population.members, draw.population.honest_present
    places = _places(draw.fewest, everybody)
    sizes = [draw.holders(there) for there in places]
    drawn = list(zip(places, sizes, strict=True))
    columns: dict[str, list[float | None]] = {
        "more than t corrupt": [_log2(draw.failing(*own)) for own in drawn],
        f"more than t of {draw.size} corrupt": [
            _log2(draw.failing(there, min(draw.size, there))) for there in places
        ],
        "fewer than t + 1 honest and present": [
            _log2(too_few(Population(there, there - present), size, draw.threshold + 1))
            if there >= present
            else None
            for there, size in drawn
        ],
    }
    title = f"Hospitals kept away before a draw of {everybody:,}"
    words = (
        f"Exact probabilities as powers of two. All {draw.population.corrupt:,} corrupt hospitals can be "
        f"drawn, and honest ones are kept away: {sizes[-1]} holders are drawn of all hospitals and "
        f"{sizes[0]} of {places[0]:,}, with t = {draw.threshold}. The second line is for a "
        f"committee that would stay as it is. The third is for {present:,} honest and present hospitals."
    )
    chart = _chart("committee-populations", title, words, "hospitals that can be drawn", places, columns)
    head, *rows = chart.table
    table = [(head[0], "holders", *head[1:])]
    table += [(row[0], str(size), *row[1:]) for row, size in zip(rows, sizes, strict=True)]
    return replace(chart, numbers={**chart.numbers, "holders": sizes}, table=table)


def _log2(probability: Fraction) -> float | None:
    return -bits(probability) if probability else None


def verifiers_chart(population: Population, sample: int, draws: int, rng: np.random.Generator) -> Chart:
    """Against s: all s verifiers of a proof are corrupt."""
    places = _places(1, sample)
    found = [drawn_by_steps(population, size, draws, rng) for size in places]
    columns: dict[str, list[float | None]] = {
        "all s are corrupt": [-bits(none_honest(population, size)) for size in places],
        "drawn: all s are corrupt": [
            own.log2_share(own.corrupt == size) for own, size in zip(found, places, strict=True)
        ],
    }
    title = f"Verifiers of a proof, drawn of {population.members}"
    words = (
        f"One honest verifier is enough. Exact probabilities that there is none, for {population.corrupt} "
        f"corrupt ones, beside {draws:,} draws for each s. With s = {sample} it is below 2^-{SECRECY_BITS}."
    )
    return _chart("committee-verifiers", title, words, "s", places, columns)


def _chart(
    name: str,
    title: str,
    words: str,
    across: str,
    places: Sequence[int],
    columns: dict[str, list[float | None]],
) -> Chart:
    lines = [
        Line(label, [nan if value is None else value for value in own]) for label, own in columns.items()
    ]
    table = [(across, *columns)]
    for index, place in enumerate(places):
        cells = (own[index] for own in columns.values())
        table.append((str(place), *("" if cell is None else f"{cell:.2f}" for cell in cells)))
    numbers = {across: list(places), **columns}
    up = "log2 of the probability"
    return Chart(
        name, title, words, numbers, table,
        lambda: draw_lines(lines, places, title=title, across=across, up=up),
    )  # fmt: skip
