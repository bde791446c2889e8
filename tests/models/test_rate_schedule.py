"""Schedules of the learning rate: the exact rates that they mean, and what is refused."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.later_rates import MOST_LATER_RATES, later_rates, rate_in
from proofward.layers.rules.model import Training
from proofward.models.rate_schedule import cosine, later_rates_of, schedule_from_plain

UNIT = 1 / 64


def units(value: float) -> int:
    if value / UNIT != int(value / UNIT) or value < UNIT:
        raise ConfigurationError("training.learning_rate", "a multiple", value)
    return int(value / UNIT)


def rates(plain: dict, first: int, rounds: int) -> list[int]:
    """The rate of every round."""
    later = later_rates_of(schedule_from_plain(plain), first, rounds, units)
    assert later_rates(first, later) == later
    return [rate_in(number, first, later) for number in range(1, rounds + 1)]


def test_a_step_multiplies_by_a_factor():
    assert rates({"kind": "step", "every": 2, "factor": 0.5}, 12, 9) == [12, 12, 6, 6, 3, 3, 2, 2, 1]
    assert rates({"kind": "step", "every": 3, "factor": 0.999999}, 1, 7) == [1] * 7


@given(st.integers(1, 1 << 16), st.integers(1, 999_999), st.integers(1, 5), st.integers(1, 40))
def test_a_step_is_the_exact_product_rounded_to_the_nearest(first, factor, every, rounds):
    found = rates({"kind": "step", "every": every, "factor": factor / 1_000_000}, first, rounds)
    for number, rate in enumerate(found):
        exact = first * Fraction(factor, 1_000_000) ** (number // every)
        assert rate == max(1, math.floor(exact + Fraction(1, 2)))


def test_a_cosine_goes_from_the_rate_to_the_least():
    found = rates({"kind": "cosine", "least": 4 * UNIT}, 64, 11)
    expected = [4 + 60 * (1 + math.cos(math.pi * place / 10)) / 2 for place in range(11)]
    assert found == [round(value) for value in expected] and found[0] == 64 and found[-1] == 4
    assert rates({"kind": "cosine", "least": UNIT, "rounds": 3}, 9, 6) == [9, 5, 1, 1, 1, 1]


@given(st.integers(1, 500), st.integers(0, 500))
def test_the_cosine_is_that_of_the_reals(whole, part):
    part = min(part, whole)
    assert abs(cosine(part, whole) / 2**96 - math.cos(math.pi * part / whole)) < 1e-15


def test_a_list_says_from_which_round_on():
    plain = {"kind": "list", "rates": [[2, 0.5], [4, 0.25], [5, 0.25], [6, 1]]}
    assert rates(plain, 32, 7) == [32, 32, 32, 16, 16, 64, 64]
    assert schedule_from_plain(plain).to_plain() == {**plain, "rates": [[2, 0.5], [4, 0.25], [5, 0.25], [6, 1.0]]}


@pytest.mark.parametrize(("plain", "words"), [
    (0.5, "training.schedule: expected a table"),
    ({"kind": "linear"}, "training.schedule.kind: expected one of step, cosine, list"),
    ({"kind": "step", "every": 2, "factor": 1.0}, "training.schedule.factor: expected a multiple of 0.000001 in (0, 1)"),
    ({"kind": "step", "every": 0, "factor": 0.5}, "training.schedule.every: expected an integer in [1, "),
    ({"kind": "step", "factor": 0.5}, "training.schedule.every"),
    ({"kind": "cosine"}, "training.schedule.least: expected a learning rate"),
    ({"kind": "cosine", "least": 0.5, "factor": 1}, "training.schedule.factor: expected one of kind, least, rounds"),
    ({"kind": "cosine", "least": 0.5, "rounds": 1}, "training.schedule.rounds: expected an integer in [2, "),
    ({"kind": "list", "rates": []}, "training.schedule.rates: expected a list of pairs"),
    ({"kind": "list", "rates": [[1, 0.5]]}, "training.schedule.rates"),
    ({"kind": "list", "rates": [[4, 0.5], [4, 0.25]]}, "training.schedule.rates"),
    ({"kind": "list", "rates": [[4, 0.01]]}, "training.learning_rate: expected a multiple"),
    ({"kind": "list", "rates": [[99, 0.5]]}, "training.schedule: expected rounds up to 10"),
    ({"kind": "cosine", "least": 2.0}, "training.schedule.least: expected at most the learning rate"),
])  # fmt: skip
def test_refuses_what_makes_no_sense(plain, words):
    with pytest.raises(ConfigurationError) as refused:
        later_rates_of(schedule_from_plain(plain), 32, 10, units)
    assert words in str(refused.value)


def test_later_rates_have_one_form():
    training = Training(4, 4, 1, later_rates=((3, 2), (9, 1)))
    assert Training.from_dict(training.to_dict()) == training and "later_rates" not in Training(4, 4, 1).to_dict()
    assert [training.in_round(number).rate for number in (1, 2, 3, 8, 9, 1000)] == [4, 4, 2, 2, 1, 1]
    assert training.in_round(3) == Training(2, 4, 1) and training.largest == Training(4, 4, 1)
    assert Training(4, 4, 1, later_rates=((2, 9),)).largest.rate == 9
    for wrong in (((3, 4),), ((1, 2),), ((3, 2), (3, 1)), ((3, 2), (4, 2)), ((3, 0),), ((3, 1 << 17),), ((3,),), 7,
                  tuple((2 + place, 1 + place % 2) for place in range(MOST_LATER_RATES + 1))):  # fmt: skip
        with pytest.raises(ConfigurationError, match="later_rates"):
            Training(4, 4, 1, later_rates=wrong)
    with pytest.raises(ConfigurationError):
        Training.from_dict({**Training(4, 4, 1).to_dict(), "later_rates": []})
