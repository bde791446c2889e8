"""What one record changes in a vector of counts, and the noise that it takes.

Sensitivity. A record counts at most once in each group of a vector. Exchanged for another one it takes 1 from
one entry of a group and adds 1 to another one, so with g groups that it is in it moves the vector by at most
sqrt(2 g) in L2, and k records of one patient move it by at most S = k sqrt(2 g). Of an evaluation a record is
in the blocks of all records and, of each subgroup, of one level at most. Where it leaves one level for
another it takes from the one and adds to the other, which is no more. Nothing may be withheld that depends on
counts: so beside noise there is no least count (`Counting`), and every level is told.

Cost. With D = 2^11 k + sqrt(d) the sensitivity of an update and v that of its noise's variance, a sum of
counts with the variance w costs no more than s releases of updates if
    S^2 v < s (2^11 k + floor(sqrt(d)))^2 w.
All of it is integers, so everybody judges alike. The inequality is strict, hence a side is smaller by a
factor of 1 - 2^-100 at least; what the sum of several hospitals' draws adds, tau in `zcdp`, is below 2^-500
here. So a budget is a number of releases, whatever is summed, and a sum of counts takes s of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import isqrt

from proofward.field.scalar import P
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.privacy import CLIP_UNITS_BITS, Privacy
from proofward.relations.rules.counting import LEAST_NOISE, MOST_NOISE, Counting
from proofward.relations.scores.score_counting import layout_in


def squared_sensitivity(counting: Counting, records: int) -> int:
    """S^2 of a patient of so many records; raises ConfigurationError for a layout of scores that is none."""
    layout, groups = layout_in(counting), len(counting.spans)
    if layout is not None:
        groups = len(layout.parts) * (1 + len(layout.subgroups))
    return 2 * groups * records**2


def least_noise_of_counts(privacy: Privacy, parameters: int, counting: Counting, spends: int) -> int:
    """The least variance with which a sum of these counts spends so many releases; ConfigurationError."""
    moved, of_release = _both(privacy, parameters, counting)
    found = max(LEAST_NOISE, moved // (spends * of_release) + 1)
    if found > MOST_NOISE:
        expected = (
            f"counts of which one record changes fewer, or more than {spends} releases for a sum of them"
        )
        raise ConfigurationError("counting.noise", expected, f"a variance of {found}")
    return found


def _both(privacy: Privacy, parameters: int, counting: Counting) -> tuple[int, int]:
    """S^2 v, and the square of a bound from below on the sensitivity of an update."""
    records = privacy.records_a_patient
    update = (2 * records << CLIP_UNITS_BITS) + isqrt(parameters)
    return squared_sensitivity(counting, records) * privacy.variance, update**2


def check_noise_of_counts(privacy: Privacy | None, parameters: int, counting: Counting) -> None:
    """Raises ConfigurationError for noise that is not worth the releases that the counts spend."""
    if not counting.noise:
        return
    if privacy is None:
        raise ConfigurationError("counting.noise", "0 without differential privacy", counting.noise)
    if privacy.of_hospitals:
        expected = "0 where hospitals are protected: noise for all records of one would drown every count"
        raise ConfigurationError("counting.noise", expected, counting.noise)
    layout = layout_in(counting)
    if layout is not None and layout.least_count != 1:
        expected = "1 beside noise: what is withheld would depend on exact counts"
        raise ConfigurationError("counting.least_count", expected, layout.least_count)
    moved, of_release = _both(privacy, parameters, counting)
    if moved >= counting.spends * of_release * counting.noise:
        least = least_noise_of_counts(privacy, parameters, counting, counting.spends)
        expected = f"a variance of at least {least}, since a sum spends {counting.spends} releases"
        raise ConfigurationError("counting.noise", expected, counting.noise)


def distance_of_counts(countings: Iterable[Counting]) -> Fraction:
    """At least the total variation distance of one hospital's draws, for each release that a sum spends."""
    noisy = [own for own in countings if own.noise]
    return max((own.length * _distance(own.noise) / own.spends for own in noisy), default=Fraction(0))


def most_distance(entries: int, spends: int) -> Fraction:
    """`distance_of_counts` of a vector of so many entries, whatever its noise."""
    return entries * _distance(MOST_NOISE) / spends


def _distance(variance: int) -> Fraction:
    """At least that of one draw to the discrete Gaussian of this variance.

    A table has 2 E + 1 intervals, E at most 10 (floor(sqrt v) + 1), each less than one word too long or too
    short. What is beyond E has at most 2 E words: a weight there is below one word, and their sum is at most
    that of a geometric series which ends before E.
    """
    return Fraction(40 * (isqrt(variance) + 1) + 2, P)
