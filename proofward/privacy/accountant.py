"""The (epsilon, delta) of a consortium's rules: for a record, a patient, an update that is opened alone.

What is promised. Let D and D' be two data sets of one honest hospital that differ in one record, replaced by
another one. Whatever all others see of the whole federation under D and under D', up to c hospitals of every
accepted set among them with their noise and their records, is (epsilon, delta)-indistinguishable: the
probability of anything that they may conclude is under D at most e^epsilon times that under D', plus delta.
Others compute in bounded time, since updates are encrypted and noise comes from seeds.

A release is the sum of at least m updates, of which m - c carry noise that no reader knows. Its L2
sensitivity, in units of the lattice, is 2 C + sqrt(d): one clipped gradient is replaced by another, and each
of d entries is rounded once. For a patient of k records it is 2 k C + sqrt(d). Where hospitals are protected,
D and D' are any two data sets of it with as many rows, and the sensitivity is 2 C, since the rounded update
of a hospital is proved to have a norm of at most C. The tables from which noise is drawn are finite; their
exact total variation, over all draws that count, is part of delta. Sums of counts with noise spend as many
releases as they are worth, see `counts`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from functools import cached_property
from math import inf, sqrt

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.privacy import CLIP_UNITS_BITS, Privacy
from proofward.privacy.zcdp import added_delta, epsilon_of, rho_of_release
from proofward.relations.rules.noise_tables import distance

LARGEST_ADDED_SHARE = 10
"""The tables' part of delta is at most one tenth of it."""
MOST_EPSILON = 50.0
"""Above, nothing is promised that is worth a number."""
_EXACT = Context(prec=40)


@dataclass(frozen=True)
class Accountant:
    """Reckons the privacy of rules.

    Attributes:
        privacy: The mechanism.
        parameters: d, the entries of an update.
        minimum_updates: m, the fewest hospitals in a sum.
        bound: Of the tables' distance, in place of the distance itself, which takes longer to compute.
        counted: A bound of the same for counts, of all draws of a hospital for each release that they spend.
    """

    privacy: Privacy
    parameters: int
    minimum_updates: int
    bound: Fraction | None = None
    counted: Fraction = Fraction(0)

    @property
    def delta(self) -> float:
        """What is promised with probability 1 - delta, so to speak."""
        return 1 / self.privacy.inverse_delta

    @property
    def shares(self) -> int:
        """m - c: the hospitals of a sum whose noise no reader knows."""
        return self.minimum_updates - self.privacy.colluders

    @property
    def deviation(self) -> float:
        """Of one hospital's noise in an entry, in units of the lattice."""
        return sqrt(self.privacy.variance)

    @property
    def deviation_of_sum(self) -> float:
        """Of the noise in a sum that no reader knows, as a multiple of the clip bound C."""
        return sqrt(self.shares * self.privacy.variance) / self.clip_units

    @property
    def clip_units(self) -> int:
        """C in units of the lattice."""
        return self.privacy.clip_bound if self.privacy.of_hospitals else 1 << CLIP_UNITS_BITS

    def sensitivity(self, records: int) -> float:
        """By how much the replacement of so many records of one hospital moves its update, in L2."""
        if self.privacy.of_hospitals:  # all of them: either update is within the bound, rounded as it is
            return 2 * self.privacy.clip_bound
        return 2 * records * (1 << CLIP_UNITS_BITS) + sqrt(self.parameters)

    def rho(self, releases: int, records: int = 0, shares: int = 0) -> float:
        """zCDP of so many releases; for k records and by m - c shares, where nothing else is given."""
        moved = self.sensitivity(records or self.privacy.records_a_patient)
        one = rho_of_release(moved, self.privacy.variance, shares or self.shares, self.parameters)
        return releases * one

    def distance(self, releases: int, shares: int = 0) -> float:
        """Total variation between the noise of all draws that count and the discrete Gaussians meant."""
        return float(self._distance(releases, shares or self.shares))

    def _distance(self, releases: int, shares: int) -> Fraction:
        one = distance(self.privacy) if self.bound is None else self.bound
        return max(one * self.parameters, self.counted) * releases * shares

    def epsilon(self, releases: int, records: int = 0, shares: int = 0) -> float:
        """epsilon at the delta of the rules, of which the tables' part is taken first; inf for no promise."""
        rho, far = self.rho(releases, records, shares), self.distance(releases, shares)
        found = epsilon_of(rho, self.delta)
        for _ in range(3):
            left = self.delta - added_delta(found + 1e-3, far)
            if found > MOST_EPSILON or left <= 0:
                return inf
            found = epsilon_of(rho, left)
        return found

    @cached_property
    def promised(self) -> float:
        """epsilon of all R releases, for a patient of as many records as the rules say."""
        return self.epsilon(self.privacy.releases)

    @property
    def without_colluders(self) -> float:
        """epsilon against who knows nobody's noise, such as a reader of the ledger."""
        return self.epsilon(self.privacy.releases, shares=self.minimum_updates)

    @property
    def opened_alone(self) -> float:
        """epsilon where every update of a hospital is opened by itself: its own noise is left."""
        return self.epsilon(self.privacy.releases, shares=1)

    def spent(self, releases: int) -> float:
        """epsilon after so many releases; 0 before the first."""
        return self.epsilon(releases) if releases else 0.0

    def check(self, planned: int) -> None:
        """Raises ConfigurationError for rules whose promise does not hold, or cannot last for all rounds."""
        own = self.privacy
        if self.shares < 1:
            expected = f"fewer than minimum_updates = {self.minimum_updates}: somebody's noise has to be left"
            raise ConfigurationError("privacy.colluders", expected, own.colluders)
        if own.releases < planned:
            expected = f"at least {planned}, one for each round of training and those that counts spend"
            raise ConfigurationError("privacy.releases", expected, own.releases)
        if not self.tables_fit:
            expected = f"a delta of which the noise tables take at most 1 / {LARGEST_ADDED_SHARE}"
            expected += ": more noise, fewer releases or a larger delta"
            raise ConfigurationError("privacy.inverse_delta", expected, own.inverse_delta)

    @property
    def tables_fit(self) -> bool:
        """Whether the tables' part of delta is small: it is not where there is too little noise."""
        return self._added_at_most * LARGEST_ADDED_SHARE * self.privacy.inverse_delta <= 1

    @property
    def _added_at_most(self) -> Decimal:
        """A bound of the tables' part of delta, alike on every machine: decimals, and the simple conversion.

        rho-zCDP implies epsilon = rho + 2 sqrt(rho ln(1 / delta)).
        """
        epsilon = min(self._epsilon_at_most, Decimal(1000))
        far = self._distance(self.privacy.releases, self.shares)
        return (1 + epsilon.exp(_EXACT)) * Decimal(far.numerator) / Decimal(far.denominator)

    @property
    def _epsilon_at_most(self) -> Decimal:
        """A bound of what is promised, likewise, without the tables' part of delta."""
        own = self.privacy
        rounded = 0 if own.of_hospitals else own.releases * self.parameters
        moved = _EXACT.multiply(Decimal(own.releases).sqrt(_EXACT), self._clipped)
        moved += Decimal(rounded).sqrt(_EXACT)
        rho = _EXACT.divide(moved * moved, Decimal(2 * self.shares * own.variance))
        return rho + 2 * (rho * Decimal(own.inverse_delta).ln(_EXACT)).sqrt(_EXACT)

    @property
    def _clipped(self) -> Decimal:
        return Decimal(2 * self.privacy.records_a_patient * self.clip_units)


def for_patients(accountant: Accountant, most: int = 3) -> Iterator[tuple[int, float]]:
    """epsilon for patients of other numbers of records than the rules state, as the sensitivity grows."""
    for records in range(1, most + 1):
        if records != accountant.privacy.records_a_patient:
            yield records, accountant.epsilon(accountant.privacy.releases, records)
