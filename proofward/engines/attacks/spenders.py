"""A hospital that trains on when its privacy budget is spent, and others that make that possible.

All hospitals of a sum spend a release together. So one is spent before others only where it was in sums that
these missed. That takes two attempts of a first round, in each of which other hospitals are late. Any two
sums have more than `threshold` hospitals in common, so one that follows the rules is spent with it, and sends
no more.
"""

from __future__ import annotations

from collections.abc import Iterator

from proofward.federation.parties.hospital import Hospital

FIRST, SECOND = (1, 0), (1, 1)
"""Rounds and attempts."""


class GoesOnSpent(Hospital):
    """Sends an update when it has consented to as many sums as the privacy budget allows."""

    @property
    def has_spent_all(self) -> bool:
        """Never, it says."""
        return False


class _Misses(Hospital):
    """Honest, and late in one attempt."""

    late: tuple[int, int]

    def _upload(self) -> Iterator[bytes]:
        if self.history.position() != self.late:
            yield from super()._upload()


class MissesFirst(_Misses):
    """Sends no update in the first attempt of the first round."""

    late = FIRST


class MissesSecond(_Misses):
    """Sends no update in the second attempt of the first round."""

    late = SECOND


class ConsentsLate(Hospital):
    """Does not consent in the first attempt of the first round."""

    def _consent(self) -> Iterator[bytes]:
        if self.history.position() != FIRST:
            yield from super()._consent()


BESIDE: dict[str, type[Hospital]] = {
    "hospital-2": ConsentsLate,
    "hospital-3": MissesSecond,
    "hospital-4": MissesFirst,
    "hospital-5": MissesFirst,
}
"""Who is late, in a consortium of six in which `hospital-0` and `hospital-1` are spent before the others."""
HOSPITALS = 6
