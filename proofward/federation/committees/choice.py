"""The least committees that keep what is asked of them.

Holders. c members hold shares of each key, and any t + 1 of them open the sum. Two things may not happen, of
whatever population they are drawn (see `populations`):

    secrecy     more than t of the holders are corrupt
    liveness    fewer than t + 1 of them are honest and present

Verifiers. s members judge a proof, and one honest one suffices: it may not happen that all s are corrupt.
"""

from __future__ import annotations

from dataclasses import dataclass

from proofward.federation.committees.bounds import Population, below, more_corrupt, none_honest, too_few
from proofward.federation.committees.populations import SECRECY_BITS, Draw

LIVENESS_BITS = 20
STEP = 4
"""Committees of holders are multiples of it, or all members: so a few members more change no rules."""


@dataclass(frozen=True)
class Holding:
    """c = size members hold shares, and t = threshold of them learn nothing."""

    size: int
    threshold: int


def least_holding(population: Population, redraws: int = 0) -> Holding | None:
    """The least committee, with the least threshold, that keeps both bounds; None where there is none."""
    members = population.members
    for size in sorted({*range(STEP, members + 1, STEP), members}):
        threshold = least_threshold(population, size, redraws)
        if threshold < size and below(too_few(population, size, threshold + 1, redraws), LIVENESS_BITS):
            drawn = Draw(population, size, threshold, redraws)
            if below(drawn.liveness, LIVENESS_BITS):
                return Holding(size, threshold)
    return None


def least_threshold(population: Population, size: int, redraws: int = 0) -> int:
    """The least t, and 1 at least, with which a committee of this size keeps secrets."""
    low, high = 1, max(size, 1)
    while low < high:
        middle = (low + high) // 2
        kept = below(more_corrupt(population, size, middle, redraws), SECRECY_BITS)
        low, high = (low, middle) if kept else (middle + 1, high)
    return low


def least_sample(population: Population, redraws: int = 0) -> int:
    """The fewest verifiers of whom one is honest; all of them where no fewer are enough."""
    sizes = range(1, population.members)
    kept = (size for size in sizes if below(none_honest(population, size, redraws), SECRECY_BITS))
    return next(kept, population.members)
