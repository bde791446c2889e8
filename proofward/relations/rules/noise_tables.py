"""Tables of the noise's inverse distribution function, and how far what they give is from discrete Gaussians.

A draw is u, uniform in [0, P). With C_z the number of u that give less than z, it gives the z with
    C_z <= u < C_(z+1),   z in [-E, E].
Noise has two levels, Z = z_0 + 128 z_1, with one table each: variances 200^2 and `coarse_variance`.

How a table is made. Weights w_z = exp(-z^2 / 2v), rounded down to multiples of 10^-60. E is the largest z
with w_z P >= w, w the sum of all. With the sum w' up to E, C_z = floor(P (w_(-E) + .. + w_(z-1)) / w'), so
none of the intervals is empty, and none is longer than 2^60, which the proof rests on. All of it is integers,
but for the exponential function, which the decimal module rounds correctly: so every machine has the same
table. A table's digest is bound by every statement that uses it.

How far it is. Total variation distances, bounded from above by fractions:
    of a table to the discrete Gaussian of its variance v: the exact sum over the table, what lies beyond E,
        and what the rounding of the weights can change;
    of Z to the discrete Gaussian of variance s^2 = v_0 + 128^2 v_1: both tables' distances, and e / (1 - e).
The last is for exact draws. P(Z = n) is exp(-n^2 / 2s^2) times the sum over k of exp(-(k - c_n)^2 / 2t), with
t = v_0 v_1 / s^2, and by Poisson summation that sum is the same number for all n but for a factor in
[1 - e, 1 + e], e = 2 sum_(j >= 1) exp(-2 pi^2 t j^2).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from functools import cached_property, lru_cache
from math import ceil, isqrt

import numpy as np
import numpy.typing as npt

from proofward.field.goldilocks import to_signed
from proofward.field.scalar import P
from proofward.layers.rules.privacy import COARSE_STEP, FINE_DEVIATION, Privacy
from proofward.proof.tables import Table

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]

_DIGITS = 60
_DOMAIN = b"proofward/noise-table/v1"
_TWO_PI_SQUARED = Fraction(197392088021787, 10**13)
"""Slightly less than 2 pi^2."""

FINE, COARSE = 70, 71  #: the tables' tags, see `layers.arithmetic.ranges` for others
LEVELS = (1, COARSE_STEP)
"""What a draw of each level counts."""
LONGEST_INTERVAL = 1 << 60


@dataclass(frozen=True)
class NoiseTable:
    """One level's table.

    Attributes:
        variance: v, that of the discrete Gaussian that is drawn.
        weights: w_0 .. w_E in units of 10^-60.
        beyond: At least what the exact weights behind E sum to on both sides, in the same units.
    """

    variance: int
    weights: tuple[int, ...]
    beyond: int

    @property
    def end(self) -> int:
        """E, the largest draw."""
        return len(self.weights) - 1

    @cached_property
    def bounds(self) -> tuple[int, ...]:
        """C_(-E) .. C_(E+1): from 0 to P."""
        found, before, total = [0], 0, self._total
        for z in range(-self.end, self.end + 1):
            before += self.weights[abs(z)]
            found.append(before * P // total)
        return tuple(found)

    @property
    def _total(self) -> int:
        return 2 * sum(self.weights) - self.weights[0]

    @cached_property
    def starts(self) -> Array:
        """C_(-E) .. C_E, ascending."""
        return np.array(self.bounds[:-1], dtype=np.uint64)

    @cached_property
    def interval_bits(self) -> int:
        """Every interval has at most 2 to this numbers."""
        pairs = zip(self.bounds, self.bounds[1:], strict=False)
        return (max(stop - start for start, stop in pairs) - 1).bit_length()

    @property
    def middle(self) -> int:
        """A u that gives 0."""
        return self.bounds[self.end]

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of variance, E and all bounds."""
        words = b"".join(bound.to_bytes(9, "little") for bound in (self.variance, self.end, *self.bounds))
        return hashlib.sha256(_DOMAIN + words).digest()

    def places(self, words: Array) -> Signed:
        """z + E for uniform words, F-array."""
        return np.searchsorted(self.starts, words, side="right") - 1

    def lookup_table(self, tag: int) -> Table:
        """The pairs (z, C_z) of z in [-E, E + 1], where C_(E+1) = P is 0 in F."""
        size = 1 << (2 * self.end + 1).bit_length()

        def entries() -> tuple[Signed, Signed]:
            first = np.full(size, self.end + 1, dtype=np.int64)
            first[: 2 * self.end + 2] = np.arange(-self.end, self.end + 2)
            second = np.zeros(size, dtype=np.int64)
            second[: 2 * self.end + 1] = to_signed(self.starts)
            return first, second

        return Table(f"noise of variance {self.variance}", tag, size.bit_length() - 1, entries)

    @cached_property
    def distance(self) -> Fraction:
        """At least the total variation distance to the discrete Gaussian of this variance on all integers."""
        total, doubled = self._total, 0
        for z, (start, stop) in enumerate(zip(self.bounds, self.bounds[1:], strict=False), -self.end):
            doubled += abs((stop - start) * total - self.weights[abs(z)] * P)
        rounded = 2 * self.end + 1  # each weight is too small by less than one unit
        return Fraction(doubled, 2 * P * total) + Fraction(rounded + self.beyond, total)


@lru_cache(maxsize=64)
def noise_table(variance: int) -> NoiseTable:
    """The table of one level; `layers.rules.privacy` admits variances from 41 on, with which it is sound."""
    reach = 10 * (isqrt(variance) + 1)
    weights = [_weight(z, variance, ROUND_FLOOR) for z in range(reach + 1)]
    total = 2 * sum(weights) - weights[0]
    end = max(z for z, weight in enumerate(weights) if weight * P >= total)
    following = _weight(end + 1, variance, ROUND_CEILING)
    # behind E + 1 a weight is at most the one before it times this ratio
    ratio = Fraction(_exponential(Fraction(-(2 * end + 3), 2 * variance), ROUND_CEILING), 10**_DIGITS)
    table = NoiseTable(variance, tuple(weights[: end + 1]), ceil(2 * following / (1 - ratio)))
    if 1 << table.interval_bits > LONGEST_INTERVAL:
        raise ValueError(f"noise of variance {variance}: an interval of more than 2^60")
    return table


def _weight(z: int, variance: int, rounding: str) -> int:
    return _exponential(Fraction(-z * z, 2 * variance), rounding)


def _exponential(exponent: Fraction, rounding: str) -> int:
    """exp(exponent) in units of 10^-60, rounded: the quotient is rounded likewise, and exp to half a unit."""
    context = Context(prec=_DIGITS + 20, rounding=rounding, Emin=-(10**6), Emax=10**6)
    quotient = context.divide(Decimal(exponent.numerator), Decimal(exponent.denominator))
    exact = context.next_plus if rounding == ROUND_CEILING else context.next_minus
    scaled = context.scaleb(exact(context.exp(quotient)), Decimal(_DIGITS))
    return int(scaled.to_integral_value(rounding=rounding)) if exponent else 10**_DIGITS


def noise_tables(privacy: Privacy) -> tuple[NoiseTable, NoiseTable]:
    """The tables of both levels."""
    return noise_table(FINE_DEVIATION**2), noise_table(privacy.coarse_variance)


def distance(privacy: Privacy) -> Fraction:
    """At least the total variation distance of one entry's noise to the discrete Gaussian of its variance."""
    tables = noise_tables(privacy)
    t = Fraction(tables[0].variance * tables[1].variance, privacy.variance)
    first = Fraction(_exponential(-_TWO_PI_SQUARED * t, ROUND_CEILING), 10**_DIGITS)
    e = 2 * first / (1 - first)
    return tables[0].distance + tables[1].distance + e / (1 - e)
