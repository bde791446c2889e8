"""The tables of the noise: their sums in other arithmetic, their distances, and what is drawn of them."""

from __future__ import annotations

import bisect
import math
from fractions import Fraction

import numpy as np
import pytest

from proofward.field.goldilocks import random_field
from proofward.field.scalar import P
from proofward.lattice.parameters import LARGEST_BOUND
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.privacy import LEAST_COARSE_VARIANCE, MOST_COARSE_VARIANCE, Privacy
from proofward.relations.rules.noise_levels import largest_noise, message_bound, tables_digest
from proofward.relations.rules.noise_tables import LEVELS, distance, noise_table, noise_tables
from proofward.relations.uploads.noise_seed import drawn_noise, public_words
from tests.proof.toy import seeded
from tests.relations.noise_cases import PRIVACY

VARIANCES = (LEAST_COARSE_VARIANCE, 200**2, MOST_COARSE_VARIANCE)


def gaussian(variance: int, reach: int, units: int) -> list[int]:
    """exp(-z^2 / 2v) for z = 0 .. reach in units of 1 / `units`, by the series and a recurrence in integers.

    w_(z+1) = w_z q_z with q_z = exp(-(2z + 1) / 2v) = q_0 r^z, r = exp(-1 / v).
    """

    def exp(x: Fraction) -> Fraction:
        term, total = Fraction(1), Fraction(1)
        for k in range(1, 60):
            term = term * x / k
            total += term
        return Fraction(int(total * units), units)

    found, weight, ratio, step = [units], units, exp(Fraction(-1, 2 * variance)), exp(Fraction(-1, variance))
    for _ in range(reach):
        weight = int(weight * ratio)
        ratio = Fraction(int(ratio * step * units), units)
        found.append(weight)
    return found


@pytest.mark.parametrize("variance", VARIANCES)
def test_a_table_is_the_distribution_function(variance: int) -> None:
    table = noise_table(variance)
    units = 10**90
    weights = gaussian(variance, 12 * math.isqrt(variance) + 20, units)
    total = 2 * sum(weights) - weights[0]
    assert weights[table.end] * P >= total > weights[table.end + 1] * P
    kept = 2 * sum(weights[: table.end + 1]) - weights[0]
    before, off, doubled = 0, [], Fraction(0)
    for z in range(-table.end, table.end + 1):
        start, stop = table.bounds[z + table.end : z + table.end + 2]
        off.append(abs(start - before * P // kept))
        doubled += abs(Fraction(stop - start, P) - Fraction(weights[abs(z)], total))
        before += weights[abs(z)]
        assert start < stop <= start + (1 << table.interval_bits) <= start + (1 << 60)
    assert max(off) == 0 and table.bounds[0] == 0 and table.bounds[-1] == P
    exact = doubled / 2 + Fraction(total - kept, 2 * total)
    assert exact <= table.distance <= exact * Fraction(11, 10) and table.distance < Fraction(1, 2**53)


def test_the_sum_of_both_levels_is_close_to_one_gaussian() -> None:
    """At the least coarse variance, where it is farthest: the distance summed up over all values."""
    privacy = Privacy(0, LEAST_COARSE_VARIANCE, 20, 1, 1, 10**5)
    units = 10**40
    first, second = (
        gaussian(table.variance, 12 * math.isqrt(table.variance), units) for table in noise_tables(privacy)
    )
    wide = gaussian(privacy.variance, 128 * (len(second) - 1) + len(first), units)
    totals = [2 * sum(own) - own[0] for own in (first, second, wide)]
    doubled = Fraction(0)
    for n in range(0, 6000, 7):  # every seventh value of the middle, which has nearly all of the mass
        near = [k for k in range(-72, 73) if abs(n - 128 * k) < len(first)]
        joint = sum(second[abs(k)] * first[abs(n - 128 * k)] for k in near)
        doubled += abs(Fraction(joint, totals[0] * totals[1]) - Fraction(wide[n], totals[2]))
    tables = sum(table.distance for table in noise_tables(privacy))
    smoothing = distance(privacy) - tables
    assert 0 < 7 * doubled < 2 * smoothing < Fraction(1, 2**60)


@pytest.mark.parametrize(
    ("variance", "digest"),
    [
        (LEAST_COARSE_VARIANCE, "e79e0f709158c8daf0456c470fdf4df8"),
        (PRIVACY.coarse_variance, "5684549506d0db19cfd0ca3ae3b3e73d"),
        (MOST_COARSE_VARIANCE, "043bd8471386d559e97710eeebecbe56"),
    ],
)
def test_every_machine_has_these_tables(variance: int, digest: str) -> None:
    assert tables_digest(Privacy(0, variance, 1, 1, 0, 2)).hex()[:32] == digest


def test_a_lookup_table_has_every_start_once_and_ends_at_0() -> None:
    table = noise_tables(PRIVACY)[1]
    made = table.lookup_table(5)
    pairs = dict(zip(made.first.tolist(), made.second.tolist(), strict=True))
    assert made.second is not None and made.first.size == 1 << made.log_size
    assert pairs == {
        z: table.bounds[z + table.end] - (P if table.bounds[z + table.end] > P // 2 else 0)
        for z in range(-table.end, table.end + 2)
    }


def test_draws_are_those_of_a_search_through_the_table() -> None:
    rng = seeded(5)
    words, public = (random_field(2 * 400, rng).reshape(2, 400) for _ in range(2))
    words[0, :4], public[0, :4] = (0, 0, 1, P - 1), (0, P - 1, P - 1, P - 1)
    for index, table in enumerate(noise_tables(PRIVACY)):  # u at both ends of an interval
        words[index, 8], words[index, 9] = table.bounds[50], table.bounds[50] - 1
        public[index, 8:10] = 0
    expected = [0] * 400
    for index, (step, table) in enumerate(zip(LEVELS, noise_tables(PRIVACY), strict=True)):
        for i in range(400):
            u = (int(words[index, i]) + int(public[index, i])) % P
            expected[i] += step * (bisect.bisect_right(table.bounds, u) - 1 - table.end)
    assert drawn_noise(PRIVACY, words, public).tolist() == expected
    assert max(map(abs, expected)) <= largest_noise(PRIVACY)


def test_a_million_draws_are_a_discrete_gaussian() -> None:
    """Chi-square over 200 bins of equal probability, and the counts beyond 4 and 4.5 deviations."""
    count, deviation = 1_000_000, math.sqrt(PRIVACY.variance)
    words = np.random.default_rng(11).integers(0, P, (2, count), dtype=np.uint64)
    public = public_words(b"c" * 32, 1, 0, "h1", b"b" * 32, count)
    found = drawn_noise(PRIVACY, words, public)
    reach = 8 * int(deviation)
    values = np.arange(-reach, reach + 1)
    mass = np.exp(-(values**2) / (2 * PRIVACY.variance))
    below = np.cumsum(mass / mass.sum())
    edges = values[np.searchsorted(below, np.arange(1, 200) / 200)]
    bins = np.diff(np.concatenate([[0], below[edges + reach], [1]]))
    counts = np.bincount(np.searchsorted(edges, found), minlength=200)
    chi_square = float(((counts - count * bins) ** 2 / (count * bins)).sum())
    assert 199 - 5 * math.sqrt(398) < chi_square < 199 + 5 * math.sqrt(398)
    for times in (4.0, 4.5):
        expected = count * math.erfc(times / math.sqrt(2))
        beyond = int((abs(found) > times * deviation).sum())
        assert abs(beyond - expected) < 5 * math.sqrt(expected) + 1
    assert abs(float(found.mean())) < 5 * deviation / 1000
    assert abs(found.var() / PRIVACY.variance - 1) < 5 * math.sqrt(2) / 1000


def test_messages_are_bounded_with_their_noise() -> None:
    most = LARGEST_BOUND - largest_noise(PRIVACY) - 1
    assert message_bound(PRIVACY, most) == LARGEST_BOUND - 1 and message_bound(None, most) == most
    with pytest.raises(ConfigurationError, match="noise included"):
        message_bound(PRIVACY, most + 1)
    for variance in VARIANCES:
        privacy = Privacy(0, min(variance, MOST_COARSE_VARIANCE), 1, 1, 0, 2)
        assert 8.7 * math.sqrt(privacy.variance) < largest_noise(privacy) < 11 * math.sqrt(privacy.variance)
