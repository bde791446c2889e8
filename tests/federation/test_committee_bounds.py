"""Bounds of committees: the tables of docs/scale.md, counting by brute force, a Monte Carlo with the real draw."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from math import comb, inf, log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.federation.committees.bounds import (
    Population,
    below,
    bits,
    more_corrupt,
    none_honest,
    terms,
    too_few,
)
from proofward.federation.committees.choice import (
    LIVENESS_BITS,
    STEP,
    Holding,
    least_holding,
    least_sample,
    least_threshold,
)
from proofward.federation.committees.drawing import HOLDERS, committee
from proofward.federation.committees.populations import SECRECY_BITS


@pytest.mark.parametrize(
    ("corrupt", "absent", "members", "size", "threshold"),
    [
        (5, 5, 500, 24, 12),
        (5, 5, 5000, 28, 14),
        (5, 5, 50000, 28, 14),
        (10, 10, 500, 44, 21),
        (10, 10, 5000, 52, 25),
        (10, 10, 50000, 52, 25),
        (20, 10, 500, 96, 46),
        (20, 10, 5000, 120, 58),
        (20, 10, 50000, 120, 58),
        (30, 10, 500, 208, 98),
        (30, 10, 5000, 344, 163),
        (30, 10, 50000, 364, 173),
    ],
)
def test_the_table_of_holders(corrupt, absent, members, size, threshold):
    population = Population.of_shares(members, corrupt, absent)
    assert least_holding(population) == Holding(size, threshold)
    assert bits(more_corrupt(population, size, threshold)) > SECRECY_BITS
    assert bits(more_corrupt(population, size, threshold - 1)) <= SECRECY_BITS
    assert bits(too_few(population, size, threshold + 1)) > LIVENESS_BITS
    smaller = size - STEP
    least = least_threshold(population, smaller)
    assert bits(too_few(population, smaller, least + 1)) <= LIVENESS_BITS


@pytest.mark.parametrize(
    ("members", "samples"),
    [(50, (6, 11, 16, 24)), (200, (11, 16, 23, 35)), (1000, (12, 17, 25, 39))],
)
def test_the_table_of_verifiers(members, samples):
    shares = (10, 20, 33, 50)
    found = tuple(least_sample(Population.of_shares(members, share, 0)) for share in shares)
    assert found == samples
    for share, size in zip(shares, samples, strict=True):
        population = Population.of_shares(members, share, 0)
        assert below(none_honest(population, size), SECRECY_BITS)
        assert not below(none_honest(population, size - 1), SECRECY_BITS)


def test_few_members_are_all_drawn_or_have_no_committee():
    assert least_holding(Population(3, 1)) == Holding(3, 1)
    assert least_holding(Population(6, 1, 1)) == Holding(4, 1)
    assert least_holding(Population(4, 2)) is None
    assert least_sample(Population(3, 0)) == 1 and least_sample(Population(4, 1)) == 2
    assert least_sample(Population(3, 3)) == 3


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_bounds_are_what_counting_gives(data):
    members = data.draw(st.integers(1, 9))
    corrupt = data.draw(st.integers(0, members))
    absent = data.draw(st.integers(0, members - corrupt))
    size = data.draw(st.integers(0, members))
    threshold = data.draw(st.integers(0, members))
    population, kinds = Population(members, corrupt, absent), range(members)
    drawn = list(combinations(kinds, size))
    bad = sum(sum(kind < corrupt for kind in some) > threshold for some in drawn)
    few = sum(sum(kind >= corrupt + absent for kind in some) < threshold for some in drawn)
    assert more_corrupt(population, size, threshold) == Fraction(bad, len(drawn))
    assert too_few(population, size, threshold) == Fraction(few, len(drawn))
    assert sum(terms(members, corrupt, size)) == comb(members, size)


def test_bounds_are_what_draws_find():
    """2,000 draws of the protocol, at most five standard deviations off."""
    population, size, draws = Population(12, 3, 2), 5, 2_000
    names = [f"h{index:02}" for index in range(12)]
    corrupt, present = set(names[:3]), set(names[5:])
    bad = few = 0
    for number in range(draws):
        drawn = set(committee(b"beacon", HOLDERS, number, names, size, able=names))
        bad += len(drawn & corrupt) > 1
        few += len(drawn & present) < 3
    for found, exact in ((bad, more_corrupt(population, size, 1)), (few, too_few(population, size, 3))):
        deviation = (float(exact * (1 - exact)) / draws) ** 0.5
        assert abs(found / draws - float(exact)) < 5 * deviation


@pytest.mark.parametrize("redraws", [1, 63, 64])
def test_withheld_nonces_cost_the_logarithm_of_the_draws(redraws):
    population = Population.of_shares(5000, 20, 10)
    for once, again in (
        (more_corrupt(population, 120, 58), more_corrupt(population, 120, 58, redraws)),
        (too_few(population, 120, 59), too_few(population, 120, 59, redraws)),
        (none_honest(population, 16), none_honest(population, 16, redraws)),
    ):
        assert bits(once) - bits(again) == pytest.approx(log2(redraws + 1))
    plain, counted = least_holding(population), least_holding(population, redraws)
    assert counted.size >= plain.size and (redraws == 1 or counted.threshold > plain.threshold)


def test_probabilities_end_at_one_and_zero():
    assert more_corrupt(Population(5, 5), 3, 1, redraws=9) == 1
    assert bits(more_corrupt(Population(5, 1), 3, 1)) == inf
    assert not below(Fraction(1, 1 << 40), 40) and below(Fraction(1, (1 << 40) + 1), 40)
    with pytest.raises(ValueError, match="expected parts of 3 members"):
        Population(3, 2, 2)
