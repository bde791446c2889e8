"""Draws from fewer than all: a smaller committee of holders, a larger sample of verifiers.

Whoever keeps honest members away makes the population of a draw smaller and the corrupt ones' share of it
larger. So the size of a draw follows from the number N of members that can be drawn, which is fixed before
the beacon can be known; all K corrupt members count as being among them. With p(N, i) the probability that
i members drawn of N fail their promise,

    holders     the most of c, of whom more than t are corrupt with less than 2^-40; no draw if t + 1 are not
    verifiers   the fewest, s at least, all of whom are corrupt with less than 2^-40; all N if no fewer do

p falls with N, rises with the number of holders and falls with that of verifiers, so both are searched for
by halving, and a size holds for an interval of populations: at its ends secrecy and liveness are worst.
Sizes that fail the policy for all members already, in rules that say `unsafe`, keep what they had there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from proofward.federation.committees.bounds import Population, below, more_corrupt, none_honest, too_few

SECRECY_BITS = 40


@dataclass(frozen=True)
class Draw:
    """What rules say of holders: c = size of all members are drawn, and t = threshold learn nothing."""

    population: Population
    size: int
    threshold: int
    redraws: int = 0

    def failing(self, there: int, size: int) -> Fraction:
        """P[more than t of `size` holders are corrupt] where `there` members can be drawn."""
        return more_corrupt(_among(self.population, there), size, self.threshold, self.redraws)

    def keeps(self, there: int, size: int) -> bool:
        """Whether so many drawn of so many keep the policy, or what the rules have for all members."""
        found = self.failing(there, size)
        return below(found, SECRECY_BITS) or found <= _of_all(self)

    def holders(self, there: int) -> int:
        """How many are drawn where `there` members can be; 0 where no t + 1 of them keep secrets."""
        least, most = self.threshold + 1, min(self.size, there)
        if most < least or not self.keeps(there, least):
            return 0
        return _last(least, most, lambda size: self.keeps(there, size))

    @property
    def fewest(self) -> int:
        """The smallest population of which holders are drawn."""
        return min((low for low, _, _ in _steps(self)), default=self.population.members + 1)

    @property
    def secrecy(self) -> Fraction:
        """P[more than t of the holders are corrupt], in the worst population of which they are drawn."""
        return _secrecy(self)

    @property
    def liveness(self) -> Fraction:
        """P[fewer than t + 1 are honest and present], in the worst population with as many as are present.

        Corrupt members, and the honest ones that are absent, are away before the draw or are drawn and
        silent, as whoever keeps them away likes.
        """
        return _liveness(self)


@dataclass(frozen=True)
class Sampling:
    """What rules say of verifiers: s = size of them judge a proof."""

    population: Population
    size: int
    redraws: int = 0

    def failing(self, there: int, size: int) -> Fraction:
        """P[all of `size` verifiers are corrupt] where `there` of them can be drawn."""
        return none_honest(_among(self.population, there), size, self.redraws)

    def keeps(self, there: int, size: int) -> bool:
        """Whether so many drawn of so many keep the policy, or what the rules have for all verifiers."""
        found = self.failing(there, size)
        return below(found, SECRECY_BITS) or found <= self.failing(self.population.members, self.size)

    def judges(self, there: int) -> int:
        """How many are drawn where `there` verifiers can be: all of them where no fewer do."""
        least = min(self.size, there)
        if self.keeps(there, least):
            return least
        return min(_last(least, there, lambda size: not self.keeps(there, size)) + 1, there)

    @property
    def soundness(self) -> Fraction:
        """P[all that are drawn are corrupt], in the worst population that is a majority of all verifiers."""
        return _soundness(self)


def _among(population: Population, there: int) -> Population:
    """So many of a population, all corrupt ones among them."""
    return Population(there, min(there, population.corrupt))


def _last(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The last number of low .. high for which something holds that holds for `low` and ends once."""
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


@lru_cache(maxsize=256)
def _of_all(draw: Draw) -> Fraction:
    return draw.failing(draw.population.members, draw.size)


@lru_cache(maxsize=256)
def _steps(draw: Draw) -> tuple[tuple[int, int, int], ...]:
    """(lowest, highest population, holders drawn of them), from all members downwards."""
    found, high, size = list[tuple[int, int, int]](), draw.population.members, draw.size
    while size > draw.threshold:
        if draw.keeps(high, size):
            low = _least_population(draw, size, high, size)
            found.append((low, high, size))
            high = low - 1
        size = min(size - 1, high)
    return tuple(found)


def _least_population(draw: Draw | Sampling, least: int, high: int, size: int) -> int:
    """The least population of `least` .. `high`, which does itself, of which so many keep the policy."""
    return high - _last(0, high - least, lambda gone: draw.keeps(high - gone, size))


@lru_cache(maxsize=256)
def _secrecy(draw: Draw) -> Fraction:
    return max((draw.failing(low, size) for low, _, size in _steps(draw)), default=Fraction(0))


@lru_cache(maxsize=256)
def _liveness(draw: Draw) -> Fraction:
    present, needed = draw.population.honest_present, draw.threshold + 1
    if present < draw.fewest:
        return Fraction(1)
    drawn = ((Population(high, high - present), size) for _, high, size in _steps(draw) if high >= present)
    return max(too_few(population, size, needed, draw.redraws) for population, size in drawn)


@lru_cache(maxsize=256)
def _soundness(draw: Sampling) -> Fraction:
    majority, high, worst = draw.population.members // 2 + 1, draw.population.members, Fraction(0)
    while high >= majority:
        size = draw.judges(high)
        least = max(size, majority)
        low = _least_population(draw, least, high, size) if draw.keeps(high, size) else high
        worst = max(worst, draw.failing(low, size))
        high = low - 1
    return worst
