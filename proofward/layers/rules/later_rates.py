"""Rates of later rounds: from which round on a federation trains with which rate.

A list of pairs (round, rate), the rounds ascending from 2 on. The rate of the rounds before the first pair is
that of the training itself. A rate is an integer as there, so a schedule is exact and has one form: no pair
repeats the rate before it. Bounds of a training are those of the largest rate, so that they hold in every
round and no proof's size depends on the round.
"""

from __future__ import annotations

from bisect import bisect_right

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.plain import integer

LaterRates = tuple[tuple[int, int], ...]
LARGEST_RATE = 1 << 16
LAST_ROUND = 1 << 20
MOST_LATER_RATES = 2048


def later_rates(first: int, given: object) -> LaterRates:
    """The pairs, checked; first: the rate before them. Raises ConfigurationError."""
    if not isinstance(given, list | tuple) or len(given) > MOST_LATER_RATES:
        raise ConfigurationError("later_rates", f"a list of at most {MOST_LATER_RATES} pairs", given)
    found: list[tuple[int, int]] = []
    before = (1, first)
    for pair in given:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise ConfigurationError("later_rates", "pairs of a round and its rate", pair)
        number = integer("later_rates: a round", pair[0], before[0] + 1, LAST_ROUND)
        rate = integer("later_rates: a rate", pair[1], 1, LARGEST_RATE)
        if rate == before[1]:
            raise ConfigurationError("later_rates", f"another rate than before round {number}", rate)
        before = (number, rate)
        found.append(before)
    return tuple(found)


def rate_in(number: int, first: int, later: LaterRates) -> int:
    """The rate of a round, counted from 1."""
    place = bisect_right(later, number, key=lambda pair: pair[0])
    return later[place - 1][1] if place else first
