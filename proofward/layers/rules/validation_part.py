"""The rows of a hospital on which it never trains: an arc of the ring of its rows, which a beacon draws.

A hospital commits to all its rows before the beacon can be known. The rows of one patient stand side by
side, and patients in an order that the hospital draws at random (`arranged`). The arc is a public function of
beacon, hospital, rows and share, so trainer, prover and verifier compute the same rows.

A patient with rows on both sides of an end of the arc is in both parts. Its rows outside are trained on, so
`Arc.counted` leaves out those inside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.plain import MILLION

Int64Array = NDArray[np.int64]

_DOMAIN = b"proofward/validation-arc/v1"
_KEY_BYTES = 16
LARGEST_SHARE = MILLION // 2
"""At least half of the rows are trained on."""


def validation_rows(rows: int, share: int) -> int:
    """Rows of the part: the share (in millionths) of `rows`, rounded up; none where the share is 0."""
    return -(-rows * share // MILLION)


@dataclass(frozen=True, slots=True)
class Arc:
    """`length` rows from row `start` on, where row 0 follows the last of the `rows`."""

    rows: int
    start: int
    length: int

    @property
    def held_out(self) -> Int64Array:
        """The rows of the arc, in the order of the ring."""
        return self._from(self.start, self.length)

    @property
    def trained(self) -> Int64Array:
        """All others, in the order of the ring."""
        return self._from(self.start + self.length, self.rows - self.length)

    def _from(self, start: int, count: int) -> Int64Array:
        return (start + np.arange(count, dtype=np.int64)) % self.rows

    def counted(self, groups: Int64Array) -> Int64Array:
        """The rows of the arc whose patient has no row outside it; `groups` has each row's patient."""
        if groups.shape != (self.rows,):
            expected = f"a patient's number for each of {self.rows} rows"
            raise ConfigurationError("groups", expected, groups.shape)
        held_out = self.held_out
        return held_out[~np.isin(groups[held_out], groups[self.trained])]

    def straddling(self, groups: Int64Array) -> tuple[int, int]:
        """How many rows at its start and at its end are of patients with rows outside it."""
        outside = np.isin(groups[self.held_out], groups[self.trained])
        first = _leading(outside)
        return first, _leading(outside[first:][::-1])


def _leading(marked: NDArray[np.bool_]) -> int:
    """How many are marked before the first that is not."""
    return len(marked) if marked.all() else int(marked.argmin())


def arc_of(beacon: bytes, hospital: str, rows: int, share: int) -> Arc:
    """The part that a beacon draws.

    Its start is SHA-256(domain, |beacon|, beacon, |hospital|, hospital, rows) mod rows.
    """
    if type(beacon) is not bytes or not beacon:
        raise ConfigurationError("validation beacon", "non-empty bytes", beacon)
    name = hospital.encode()
    drawn = hashlib.sha256(
        _DOMAIN
        + len(beacon).to_bytes(8, "little")
        + beacon
        + len(name).to_bytes(8, "little")
        + name
        + rows.to_bytes(8, "little")
    )
    return Arc(rows, int.from_bytes(drawn.digest(), "little") % rows, validation_rows(rows, share))


def arranged(groups: Int64Array, rng: Callable[[int], bytes]) -> Int64Array:
    """An order of the rows: patients as random 128-bit keys fall, the rows of each side by side."""
    _, patients = np.unique(groups, return_inverse=True)
    count = int(patients.max()) + 1
    keys = np.frombuffer(rng(_KEY_BYTES * count), dtype="<u8").reshape(count, 2)
    place = np.empty(count, dtype=np.int64)
    place[np.lexsort((keys[:, 0], keys[:, 1]))] = np.arange(count)
    return np.argsort(place[patients], kind="stable").astype(np.int64)
