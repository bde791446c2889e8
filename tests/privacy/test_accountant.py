"""What rules promise: the review's figures, monotone in everything, and refused where it does not hold."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.privacy import LEAST_COARSE_VARIANCE, MOST_COARSE_VARIANCE, Privacy
from proofward.privacy.accountant import Accountant, for_patients
from proofward.privacy.choice import BOUND, least_noise
from proofward.privacy.words import in_words, large_delta, shown
from proofward.relations.rules.noise_tables import distance

OWN = Privacy(clip_bits=0, coarse_variance=5750, releases=20, records_a_patient=1, colluders=2, inverse_delta=100_000)
LOGISTIC = 62
"""Parameters of logistic regression on 30 features."""


def accountant(minimum=4, parameters=LOGISTIC, **changes):
    return Accountant(replace(OWN, **changes), parameters, minimum)


def test_the_figures_of_the_usual_rules():
    found = accountant()
    assert found.promised == pytest.approx(3.0, abs=1e-3)
    assert found.opened_alone == pytest.approx(4.44, abs=5e-3)
    assert found.without_colluders == pytest.approx(2.04, abs=5e-3)
    assert dict(for_patients(found))[2] == pytest.approx(6.62, abs=5e-3)
    assert found.sensitivity(1) == 2048 + LOGISTIC**0.5


def test_more_releases_colluders_records_and_parameters_cost_more():
    for name, values in {
        "releases": (1, 2, 20, 21, 60),
        "colluders": (0, 1, 2, 3),
        "records_a_patient": (1, 2, 3),
        "inverse_delta": (10**3, 10**5, 10**6),
    }.items():
        found = [accountant(**{name: value}).promised for value in values]
        assert found == sorted(set(found)), name
    assert accountant().promised < accountant(parameters=10_000).promised
    assert accountant(minimum=5).promised < accountant().promised
    assert accountant(coarse_variance=5751).promised < accountant().promised


def test_what_is_spent_grows_to_what_is_promised():
    found = accountant()
    spent = [found.spent(releases) for releases in range(21)]
    assert spent[0] == 0 and spent == sorted(set(spent)) and spent[-1] == found.promised


def test_the_clip_bound_is_the_unit_of_the_lattice():
    assert accountant(clip_bits=3).promised == accountant(clip_bits=-3).promised


def test_where_the_tables_take_all_of_delta_nothing_is_promised():
    assert accountant(coarse_variance=41, records_a_patient=40).promised == inf


@pytest.mark.parametrize("epsilon", [8.0, 3.0, 1.0])
def test_the_least_noise_is_the_least(epsilon):
    found = least_noise(OWN, epsilon, LOGISTIC, 4)
    assert accountant(coarse_variance=found.coarse_variance).promised <= epsilon
    assert accountant(coarse_variance=found.coarse_variance - 1).promised > epsilon


@pytest.mark.parametrize("variance", [LEAST_COARSE_VARIANCE, 5750, MOST_COARSE_VARIANCE])
def test_the_bound_with_which_noise_is_looked_for_is_one(variance):
    assert 0 < distance(replace(OWN, coarse_variance=variance)) < BOUND


def test_noise_that_no_table_holds_is_refused():
    least = accountant(coarse_variance=MOST_COARSE_VARIANCE).promised
    with pytest.raises(ConfigurationError, match=f"at least {least:.3g}"):
        least_noise(OWN, 0.5, LOGISTIC, 4)
    with pytest.raises(ConfigurationError, match="colluders"):
        least_noise(OWN, 3.0, LOGISTIC, 2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colluders": 4}, "privacy.colluders"),
        ({"releases": 14}, "privacy.releases"),
        ({"inverse_delta": 1 << 50}, "privacy.inverse_delta"),
        ({"coarse_variance": LEAST_COARSE_VARIANCE}, "more noise"),
        ({"coarse_variance": LEAST_COARSE_VARIANCE - 1}, "privacy.coarse_variance: expected an integer in"),
    ],
)
def test_rules_that_do_not_keep_their_promise_are_refused(changes, words):
    accountant().check(15)
    with pytest.raises(ConfigurationError, match=words):
        accountant(**changes).check(15)


@pytest.mark.parametrize(("epsilon", "inverse_delta"), [(30, 10), (50, 10**5), (8, 10**9)])
def test_where_the_tables_would_take_too_much_of_delta_there_is_more_noise(epsilon, inverse_delta):
    found = accountant(coarse_variance=5750, inverse_delta=inverse_delta)
    found = replace(found, privacy=least_noise(found.privacy, epsilon, LOGISTIC, 4))
    found.check(15)
    assert found.promised < epsilon
    less = replace(found, privacy=replace(found.privacy, coarse_variance=found.privacy.coarse_variance - 1))
    with pytest.raises(ConfigurationError, match="more noise"):
        less.check(15)


def test_a_delta_that_no_table_allows_is_refused():
    with pytest.raises(ConfigurationError, match=r"privacy.delta: expected a larger one"):
        least_noise(replace(OWN, inverse_delta=10**15), 3, LOGISTIC, 4)
    with pytest.raises(ConfigurationError, match="a head behind a frozen public network"):
        least_noise(OWN, 8, 16 * 10**6, 4)


@pytest.mark.parametrize(("epsilon", "parameters"), [(8, 10**6), (8, 9 * 10**6), (3, 10**5)])
def test_noise_for_many_parameters_is_found_with_few_tables(epsilon, parameters, monkeypatch):
    """Where the tables' part decides, the variance is far from the one that epsilon alone would ask for."""
    made = []
    monkeypatch.setattr("proofward.privacy.accountant.distance", lambda own: made.append(own) or distance(own))
    found = Accountant(least_noise(OWN, epsilon, parameters, 4), parameters, 4)
    found.check(15)
    assert found.promised <= epsilon and len(made) < 100


def test_hospitals_are_protected_with_a_small_clip_and_many_parameters_too():
    """Nothing is rounded there, so the parameters are no part of what moves."""
    own = replace(OWN, clip_bits=-6, granularity="hospital")
    found = Accountant(least_noise(own, 3, 10**6, 4), 10**6, 4)
    assert found.promised < 1
    found.check(15)


def test_the_bound_of_the_tables_part_is_above_what_is_reckoned():
    for coarse in (600, 5750, 42_000):
        found = accountant(coarse_variance=coarse)
        reckoned = (1 + 2.718281828459045**found.promised) * found.distance(20)
        assert reckoned < float(found._added_at_most) < 1e4 * reckoned


def test_a_delta_that_is_not_below_one_in_all_is_named():
    assert large_delta(None, [10**9]) == [] == large_delta(accountant(inverse_delta=455), [91] * 4)
    (line,) = large_delta(accountant(inverse_delta=455), [91] * 5)
    assert line.startswith("delta 0.0022 is not below one in all 455 records")
    assert "fewer than 455 records" in "\n".join(in_words(accountant(inverse_delta=455)))
    hospitals = accountant(inverse_delta=5, granularity="hospital")
    assert large_delta(hospitals, [10**6] * 4) == []
    assert "one in all 5 hospitals" in large_delta(hospitals, [1] * 5)[0]


@pytest.mark.parametrize(
    ("epsilon", "text"),
    [(3.0, "3"), (2.9991, "3"), (3.002, "3.01"), (0.0504, "0.0504"), (0.05041, "0.0505"), (44.61, "44.7"), (0, "0")],
)  # fmt: skip
def test_an_epsilon_is_never_shown_as_less_than_it_is(epsilon, text):
    assert shown(epsilon) == text and float(text) >= epsilon
