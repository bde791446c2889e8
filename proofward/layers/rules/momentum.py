"""Momentum within a round: a public linear combination of the gradients of the steps.

SGD with momentum m, from V = 0 at the beginning of every round, is
    V_t = m V_(t-1) + G_t,   W_(t+1) = W_t - rate V_t,
hence W_t = W_0 - sum over tau < t of c_(t-1-tau) G_tau with c_j = rate (1 + m + .. + m^j). The weights are
exact integers, so the coefficients are: the one place where anything is rounded is
    s_0 = 2^32 rate,   s_j = 2^32 rate + floor(m s_(j-1)),   r_j = floor(s_j / 2^32 + 1/2).
W_t is the sum with r_j in the place of c_j, exactly. r_0 is the rate, r_j does not fall, it stays below
rate / (1 - m) + 1, and it is within 1/2 + 2^-32 / (1 - m) of c_j. With m = 0 every r_j is the rate.

W_(t+1) = W_t - sum over j of e_j G_(t-j), with e_j = r_j - r_(j-1) >= 0 and e_0 = rate. The trainer keeps as
many gradients as there are e_j up to the last one that is not 0, as the deltas and inputs that make them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

from proofward.layers.basics.plain import MILLION

_BITS = 32
LARGEST_MOMENTUM = 990_000


@dataclass(frozen=True)
class Rates:
    """e_0, e_1, .. up to the last one that is not 0; e_j is 0 from there on."""

    increments: tuple[int, ...]

    @property
    def rate(self) -> int:
        """e_0 = r_0."""
        return self.increments[0]

    @cached_property
    def sums(self) -> tuple[int, ...]:
        """r_0, r_1, .. of as many as there are increments; the last one stays."""
        found, total = [], 0
        for increment in self.increments:
            total += increment
            found.append(total)
        return tuple(found)

    def after(self, steps: int) -> int:
        """r_j for j = steps: how much a gradient counts so many steps after it has first counted."""
        return self.sums[min(steps, len(self.sums) - 1)]

    def total(self, steps: int) -> int:
        """r_0 + .. + r_(steps-1): what the weights of so many steps are bounded by."""
        return sum(self.sums[:steps]) + max(0, steps - len(self.sums)) * self.sums[-1]

    def growths(self, steps: int) -> int:
        """How often a gradient is subtracted from weights in so many steps: once in each without momentum."""
        return sum(max(0, steps - earlier) for earlier, own in enumerate(self.increments) if own)


@lru_cache(maxsize=256)
def rates_of(rate: int, momentum: int, steps: int) -> Rates:
    """The rates of a round of so many steps; momentum in millionths."""
    unit = rate << _BITS
    found, scaled, before = [rate], unit, rate
    for _ in range(steps - 1):
        following = unit + momentum * scaled // MILLION
        if following == scaled:
            break
        scaled = following
        rounded = (scaled + (1 << (_BITS - 1))) >> _BITS
        found.append(rounded - before)
        before = rounded
    while len(found) > 1 and found[-1] == 0:
        found.pop()
    return Rates(tuple(found))
