"""Draws of fewer than all: their sizes by search, and an adversary that keeps honest members away."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.federation.committees.bounds import Population, bits, more_corrupt, none_honest, too_few
from proofward.federation.committees.choice import LIVENESS_BITS, least_holding, least_sample
from proofward.federation.committees.drawing import HOLDERS, committee
from proofward.federation.committees.populations import SECRECY_BITS, Draw, Sampling


@pytest.mark.parametrize(
    ("corrupt", "absent", "members", "left"),
    [
        (5, 5, 500, (24, 23, 22, 15)),
        (10, 10, 5000, (52, 50, 46, 33)),
        (20, 10, 500, (96, 89, 74, 58)),
        (20, 10, 5000, (120, 111, 92, 73)),
        (30, 10, 500, (208, 191, 137, 120)),
    ],
)
def test_the_table_of_smaller_committees(corrupt, absent, members, left):
    """Of all, without the absent, of the honest ones that are present, and of just more than half."""
    population = Population.of_shares(members, corrupt, absent)
    holding = least_holding(population)
    draw = Draw(population, holding.size, holding.threshold)
    populations = members, members - population.absent, population.honest_present, (members + 3) // 2
    assert tuple(draw.holders(there) for there in populations) == left
    assert bits(draw.secrecy) > SECRECY_BITS and bits(draw.liveness) > LIVENESS_BITS
    assert draw.fewest < populations[-1], "rules have no smaller sums, so it is always possible to draw"
    assert bits(draw.failing(members // 2 + 1, holding.size)) < SECRECY_BITS - 10, "as it was"


@pytest.mark.parametrize(
    ("members", "corrupt", "judges"), [(200, 20, (16, 17, 24)), (200, 33, (23, 25, 45)), (50, 50, (24, 25, 26))]
)
def test_the_table_of_larger_samples(members, corrupt, judges):
    population = Population.of_shares(members, corrupt, 0)
    sampling = Sampling(population, least_sample(population))
    populations = members, members - members // 10, members // 2 + 1
    assert tuple(sampling.judges(there) for there in populations) == judges
    assert bits(sampling.soundness) > SECRECY_BITS


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_sizes_and_worst_cases_are_those_of_a_search(data):
    """Few members keep no policy, so what they had of all of them is kept of fewer."""
    members = data.draw(st.integers(2, 40))
    corrupt = data.draw(st.integers(0, members - 1))
    absent = data.draw(st.integers(0, members - corrupt - 1))
    size = data.draw(st.integers(1, members))
    threshold = data.draw(st.integers(1, size))
    draw, sampling = Draw(Population(members, corrupt, absent), size, threshold), Sampling(Population(members, corrupt), size)
    all_had, present = more_corrupt(draw.population, size, threshold), draw.population.honest_present
    lied, holders, judges = none_honest(sampling.population, size), {}, {}
    for there in range(1, members + 1):
        left = Population(there, min(there, corrupt))
        fitting = [
            i for i in range(threshold + 1, min(size, there) + 1)
            if more_corrupt(left, i, threshold) <= max(all_had, Fraction(1, (1 << 40) + 1))
        ]  # fmt: skip
        holders[there] = max(fitting, default=0)
        most = (i for i in range(min(size, there), there) if none_honest(left, i) <= max(lied, Fraction(1, (1 << 40) + 1)))
        judges[there] = next(most, there)
    assert {there: draw.holders(there) for there in holders} == holders
    assert {there: sampling.judges(there) for there in judges} == judges
    drawable = [there for there, found in holders.items() if found]
    assert drawable == list(range(draw.fewest, members + 1))
    assert draw.secrecy == max((draw.failing(there, holders[there]) for there in drawable), default=0)
    worst = [
        too_few(Population(there, there - present), holders[there], threshold + 1) if holders[there] else Fraction(1)
        for there in range(present, members + 1)
    ]
    assert draw.liveness == max(worst)
    majority = range(members // 2 + 1, members + 1)
    assert sampling.soundness == max(sampling.failing(there, judges[there]) for there in majority)


def test_whoever_keeps_honest_members_away_before_a_draw_gains_nothing_and_after_it_would_have():
    """Honest members kept away before a draw, and removed from the head of an order that is known already."""
    members, corrupt, away, draws, rng = 24, 6, 6, 4_000, Random(1)
    names = [f"h{index:02}" for index in range(members)]
    bad, kept = set(names[:corrupt]), names[: members - away]
    draw = Draw(Population(members, corrupt, away), 10, 5)
    size = draw.holders(len(kept))
    assert size < draw.size and draw.failing(len(kept), size) <= draw.failing(members, draw.size)
    happened = removed = 0
    for number in range(draws):
        drawn = committee(b"beacon", HOLDERS, number, names, size, able=kept)
        happened += len(bad & set(drawn)) > draw.threshold
        order = rng.sample(names, members)
        honest = [name for name in order if name not in bad][:away]
        removed += len(bad & set([name for name in order if name not in honest][: draw.size])) > draw.threshold
    for found, exact in (
        (happened, draw.failing(len(kept), size)),
        (removed, more_corrupt(draw.population, draw.size + away, draw.threshold)),
    ):
        deviation = (float(exact * (1 - exact)) / draws) ** 0.5
        assert abs(found / draws - float(exact)) < 5 * deviation
    assert removed > 5 * happened
