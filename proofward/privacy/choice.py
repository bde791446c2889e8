"""The least noise that keeps a promise: the smallest variance with which epsilon is not exceeded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.privacy import LEAST_COARSE_VARIANCE, MOST_COARSE_VARIANCE, Privacy
from proofward.privacy.accountant import Accountant
from proofward.relations.rules.noise_tables import distance

BOUND = Fraction(1, 1 << 51)
"""Of the distance of one entry's noise, whatever its variance.

A level's table cuts the range of a uniform word, 2^64 - 2^32 + 1, at no more than 2^12 places, each less than
one word away from where the distribution has it, and what is beyond its ends is below 2^-58; there are two.
"""


def least_noise(
    privacy: Privacy,
    epsilon: float,
    parameters: int,
    minimum_updates: int,
    counted: Fraction = Fraction(0),
) -> Privacy:
    """The mechanism with the smallest `coarse_variance` that reaches epsilon; raises ConfigurationError.

    Where the tables would take too much of delta it is larger, and promises less than epsilon. What `privacy`
    says of the variance counts for nothing. epsilon falls where the variance grows. counted: a bound of the
    distance of what is counted, see `Accountant`.
    """

    def reaches(variance: int, bound: Fraction | None = BOUND) -> bool:
        own = replace(privacy, coarse_variance=variance)
        found = Accountant(own, parameters, minimum_updates, bound, counted)
        return found.promised <= epsilon and found.tables_fit

    if minimum_updates <= privacy.colluders:
        raise ConfigurationError("privacy.colluders", f"fewer than {minimum_updates}", privacy.colluders)
    most = MOST_COARSE_VARIANCE
    if not reaches(most) and not reaches(most, None):
        own = replace(privacy, coarse_variance=most)
        found = Accountant(own, parameters, minimum_updates, None, counted)
        least = found.promised
        if not found.tables_fit:
            expected = "a larger one, or fewer parameters, as of a head behind a frozen public network: the "
            expected += "noise tables, of 64 bits, take a tenth of it and more"
            raise ConfigurationError("privacy.delta", expected, f"1 / {privacy.inverse_delta:,}")
        expected = f"at least {least:.3g}, by the most noise; fewer releases, colluders or records help"
        raise ConfigurationError("privacy.epsilon", expected, epsilon)
    low = _first(lambda variance: variance == most or reaches(variance))
    near = distance(replace(privacy, coarse_variance=low))  # nearly the same for all variances about it
    low = _first(lambda variance: variance == most or reaches(variance, near))
    return replace(privacy, coarse_variance=_about(low, lambda variance: reaches(variance, None)))


def _first(
    holds: Callable[[int], bool], low: int = LEAST_COARSE_VARIANCE, high: int = MOST_COARSE_VARIANCE
) -> int:
    """The least variance that holds, if all from it on do and the last one does."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def _about(start: int, holds: Callable[[int], bool]) -> int:
    """The same, looked for from a variance that is near it, in steps that double: each takes a table."""
    low = high = start
    step = 1
    if holds(start):
        while (low := max(high - step, LEAST_COARSE_VARIANCE)) < high and holds(low):
            high, step = low, 2 * step
    else:
        while high < MOST_COARSE_VARIANCE and not holds(high):
            low, high, step = high + 1, min(high + step, MOST_COARSE_VARIANCE), 2 * step
    return _first(holds, low, high)
