"""What a record changes in counts, and the noise that makes a sum of them worth so many releases."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import isqrt

import numpy as np
import pytest

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.privacy import Privacy
from proofward.layers.rules.subgroup import Subgroup
from proofward.privacy.accountant import Accountant
from proofward.privacy.counts import (
    check_noise_of_counts,
    distance_of_counts,
    least_noise_of_counts,
    most_distance,
    squared_sensitivity,
)
from proofward.privacy.zcdp import rho_of_release, tau
from proofward.relations.rules.counting import LEAST_NOISE, MOST_NOISE, Counting
from proofward.relations.rules.noise_tables import noise_table
from proofward.relations.scores.score_counting import counting_of
from proofward.relations.scores.score_counts import counts_of_probabilities
from proofward.relations.scores.score_layout import ScoreLayout

PRIVACY = Privacy(0, 5750, releases=20, records_a_patient=1, colluders=1, inverse_delta=10**5)
LAYOUTS = [
    ScoreLayout(2, 8, 1),
    ScoreLayout(2, 8, 1, (Subgroup("sex", ("f", "m"), 0), Subgroup("age", ("old",), 2))),
    ScoreLayout(4, 5, 1, (Subgroup("sex", ("f", "m"), 0),)),
]
PARAMETERS = 62


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("records", [1, 3])
def test_no_exchange_of_records_moves_an_evaluation_by_more(layout: ScoreLayout, records: int) -> None:
    """Random records and such as differ in every part of the vector; the bound is met by some."""
    bound, most = squared_sensitivity(counting_of(layout, (1,)), records), 0
    rng = np.random.default_rng(records)

    def some(count: int) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        corners = np.eye(layout.classes)[rng.integers(0, layout.classes, count)]
        chosen = rng.integers(0, layout.classes, count)
        return corners, chosen, [rng.integers(-1, len(own.levels), count) for own in layout.subgroups]

    for trial in range(300):
        same, first, second = some(4), some(records), some(records)
        if trial % 2:  # all records of the patient alike
            first, second = (tuple(_alike(part) for part in own) for own in (first, second))  # type: ignore[assignment]
        vectors = [counts_of_probabilities(layout, *_joined(same, own)) for own in (first, second)]
        most = max(most, int(((vectors[0] - vectors[1]) ** 2).sum()))
    assert bound // 4 <= most <= bound


def _alike(part):  # type: ignore[no-untyped-def]
    return [_alike(own) for own in part] if isinstance(part, list) else np.repeat(part[:1], len(part), axis=0)


def _joined(one, two):  # type: ignore[no-untyped-def]
    levels = [np.concatenate(pair) for pair in zip(one[2], two[2], strict=True)]
    return np.concatenate([one[0], two[0]]), np.concatenate([one[1], two[1]]), levels


def test_other_counts_have_a_record_once_in_each_group() -> None:
    one = Counting("ages", "decades", 6, 10, (1,), (2, 4))
    assert squared_sensitivity(one, 1) == 4 and squared_sensitivity(one, 5) == 100
    assert squared_sensitivity(replace(one, groups=()), 1) == 2


@pytest.mark.parametrize("records", [1, 2, 7])
@pytest.mark.parametrize("spends", [1, 4])
def test_a_sum_with_the_least_noise_costs_no_more_than_its_releases(records: int, spends: int) -> None:
    """And with one unit of variance less it would, but for the rounding of a root to an integer."""
    own = replace(PRIVACY, records_a_patient=records, coarse_variance=40_000)
    counting = counting_of(LAYOUTS[1], (2,))
    noise = least_noise_of_counts(own, PARAMETERS, counting, spends)
    accountant = Accountant(own, PARAMETERS, 4)
    for shares in (1, 3, 40):
        moved = squared_sensitivity(counting, records) ** 0.5
        costs = rho_of_release(moved, noise, shares, counting.length)
        assert costs <= spends * accountant.rho(1, shares=shares)
        assert rho_of_release(moved, 0.99 * (noise - 1), shares, counting.length) > spends * accountant.rho(1, shares=shares)
    noisy = replace(counting, noise=noise, spends=spends)
    check_noise_of_counts(own, PARAMETERS, noisy)
    with pytest.raises(ConfigurationError, match=f"a variance of at least {noise}"):
        check_noise_of_counts(own, PARAMETERS, replace(noisy, noise=noise - 1))


def test_the_exact_condition_leaves_room_for_sums_of_draws() -> None:
    assert tau(LEAST_NOISE, 3000) * isqrt(1 << 20) < 2.0**-500


def test_noise_is_refused_where_it_promises_nothing() -> None:
    noisy = replace(counting_of(LAYOUTS[0], (1,)), noise=100, spends=1)
    check_noise_of_counts(PRIVACY, PARAMETERS, noisy)
    check_noise_of_counts(None, PARAMETERS, counting_of(LAYOUTS[0], (1,)))
    with pytest.raises(ConfigurationError, match="0 without differential privacy"):
        check_noise_of_counts(None, PARAMETERS, noisy)
    withheld = counting_of(replace(LAYOUTS[0], least_count=2), (1,))
    with pytest.raises(ConfigurationError, match=r"counting.least_count: expected 1 beside noise"):
        check_noise_of_counts(PRIVACY, PARAMETERS, replace(withheld, noise=100, spends=1))
    many = replace(noisy, description="others", groups=(2,) * 18, length=36)
    with pytest.raises(ConfigurationError, match="counts of which one record changes fewer"):
        least_noise_of_counts(replace(PRIVACY, coarse_variance=220**2), 1, replace(many, groups=(2,) * 8000, length=16000), 1)


@pytest.mark.parametrize("variance", [LEAST_NOISE, 90, 40_000, MOST_NOISE])
def test_the_bound_on_the_distance_is_one(variance: int) -> None:
    noisy = replace(counting_of(LAYOUTS[0], (1,)), noise=variance, spends=4)
    exact = noise_table(variance).distance * noisy.length / 4
    assert exact <= distance_of_counts([noisy]) <= most_distance(noisy.length, 4)
    assert distance_of_counts([counting_of(LAYOUTS[0], (1,))]) == Fraction(0)


def test_draws_of_counts_are_part_of_delta() -> None:
    plain = Accountant(PRIVACY, PARAMETERS, 4)
    counted = replace(plain, counted=Fraction(1, 1 << 30))
    assert counted.distance(20) == 60 / 2**30 > plain.distance(20)
    assert counted.promised > plain.promised
    with pytest.raises(ConfigurationError, match="inverse_delta"):
        replace(plain, counted=Fraction(1, 1 << 20)).check(1)
    with pytest.raises(ConfigurationError, match="at least 21, one for each round of training and those"):
        plain.check(21)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"noise": 40, "spends": 1}, "counting.noise"), ({"noise": MOST_NOISE + 1, "spends": 1}, "counting.noise"),
        ({"noise": 100}, "counting.spends"), ({"spends": 1}, "counting.spends"), ({"noise": True}, "counting.noise"),
        ({"noise": 100, "spends": 1, "least_count": 2}, "counting.least_count: expected 1 beside noise"),
    ],
)  # fmt: skip
def test_a_counting_with_noise_is_refused_by_name(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        replace(counting_of(LAYOUTS[0], (1,)), **changes)  # type: ignore[arg-type]


def test_noise_stands_in_the_plain_form_where_there_is_some() -> None:
    exact = counting_of(LAYOUTS[0], (1,))
    noisy = replace(exact, noise=100, spends=2)
    assert "noise" not in exact.to_dict() and Counting.from_dict(noisy.to_dict()) == noisy
    assert noisy.digest() != exact.digest() and "noise is proved to be drawn" in noisy.promise
    with pytest.raises(ConfigurationError, match="nothing for exact counts"):
        Counting.from_dict({**exact.to_dict(), "noise": 0, "spends": 0})
    with pytest.raises(ConfigurationError):
        Counting.from_dict({**exact.to_dict(), "spends": 1})
