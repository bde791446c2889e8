"""When a hospital's upload leaves: at a multiple of the slot since it learned that uploads were wanted.

Training, clipping and proving take a time that may depend on the records, if only by a little. Whoever sees
the network would read it from the moment of the upload. It leaves

    learned + k * slot,  with the least integer k that is not in the past,

so that nobody sees more than how many slots the work took. Nothing else of the hospital is on the wire
meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class UploadSlots:
    """Moments of one hospital. seconds: of a slot; with 0 an upload leaves at once."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._heard = clock()
        self._learned: dict[tuple[int, int], float] = {}

    def heard(self) -> None:
        """The host has just answered."""
        self._heard = self._clock()

    def wanted(self, place: tuple[int, int]) -> None:
        """By the host's last answer, if not before, uploads of this (round, attempt) are wanted."""
        self._learned = {place: self._learned.get(place, self._heard)}

    def delay(self, place: tuple[int, int]) -> float:
        """Seconds that an upload of this (round, attempt), which is made, has to wait yet."""
        self.wanted(place)
        return (self._learned[place] - self._clock()) % self.seconds if self.seconds else 0.0
