"""What a uniform draw without replacement fails at: exact probabilities, as fractions of integers.

Of n members K are corrupt, A others are absent, and c are drawn. The number of a kind among them is
hypergeometric:

    P[i of c] = C(K, i) C(n - K, c - i) / C(n, c)

Nothing is approximated. Where an adversary can choose among q + 1 draws, each of them has this probability,
and by the union bound it succeeds with q + 1 times it: that costs log2(q + 1) bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import comb, inf, log2


@dataclass(frozen=True)
class Population:
    """How many there are, how many of them are corrupt, and how many of the honest ones are absent."""

    members: int
    corrupt: int
    absent: int = 0

    def __post_init__(self) -> None:
        if min(self.members - 1, self.corrupt, self.absent) < 0 or self.honest_present < 0:
            raise ValueError(f"population: expected parts of {self.members} members, found {self}")

    @property
    def honest_present(self) -> int:
        """Who is neither corrupt nor absent."""
        return self.members - self.corrupt - self.absent

    @staticmethod
    def of_shares(members: int, corrupt: int, absent: int) -> Population:
        """With at most so many per cent corrupt and absent."""
        return Population(members, members * corrupt // 100, members * absent // 100)


def terms(members: int, special: int, size: int, start: int = 0) -> Iterator[int]:
    """C(special, i) C(members - special, size - i) for i = start .. size; all add up to C(members, size)."""
    others = members - special
    first = max(start, size - others)
    yield from (0 for _ in range(start, first))
    term = comb(special, first) * comb(others, size - first) if first <= size else 0
    for i in range(first, size + 1):
        yield term
        term = term * (special - i) * (size - i) // ((i + 1) * (others - size + i + 1))


def more_corrupt(population: Population, size: int, threshold: int, redraws: int = 0) -> Fraction:
    """P[more than `threshold` corrupt members of `size`], after the best of `redraws` + 1 draws."""
    found = sum(terms(population.members, population.corrupt, size, threshold + 1))
    share = Fraction(found, comb(population.members, size))
    return min(share * (redraws + 1), Fraction(1))


def too_few(population: Population, size: int, needed: int, redraws: int = 0) -> Fraction:
    """P[fewer than `needed` honest and present members of `size`], after the worst of `redraws` + 1 draws."""
    found = list(terms(population.members, population.honest_present, size))
    share = Fraction(sum(found[:needed]), comb(population.members, size))
    return min(share * (redraws + 1), Fraction(1))


def none_honest(population: Population, size: int, redraws: int = 0) -> Fraction:
    """P[all of `size` members are corrupt], after the best of `redraws` + 1 draws."""
    share = Fraction(comb(population.corrupt, size), comb(population.members, size))
    return min(share * (redraws + 1), Fraction(1))


def bits(probability: Fraction) -> float:
    """-log2 of a probability, infinite for 0."""
    if not probability:
        return inf
    return log2(probability.denominator) - log2(probability.numerator)


def below(probability: Fraction, wanted: int) -> bool:
    """Whether it is below 2^-wanted, exactly."""
    return probability.numerator << wanted < probability.denominator
