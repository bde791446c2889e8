"""A hospital's records: as they come, in the order of its commitment, and those that it never trains on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proofward.federation.messages.basics.values import integers_from_bytes
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.privacy import Privacy
from proofward.layers.rules.validation_part import Arc, arranged

Signed = NDArray[np.int64]

PATIENTS = "patients"
"""Name of the secret with the patient's number of each row, in the order of the commitment."""


@dataclass(frozen=True)
class OwnRecords:
    """features int64 (n, d) at scale fa, labels int64 (n,); groups int64 (n,): whose each is, or None."""

    features: Signed
    labels: Signed
    groups: Signed | None = None

    @property
    def patients(self) -> Signed:
        """The patient's number of each record; without groups each is of a patient of its own."""
        return np.arange(len(self.labels), dtype=np.int64) if self.groups is None else self.groups

    def check(self, privacy: Privacy | None) -> None:
        """Raises ConfigurationError where a patient has more records than privacy protects together."""
        if privacy is not None:
            privacy.check_patients(self.groups)

    def arranged(self, rng: Callable[[int], bytes]) -> OwnRecords:
        """The records of each patient side by side, patients in random order; raises ConfigurationError."""
        groups = self.patients
        if groups.dtype != np.int64 or groups.shape != self.labels.shape:
            expected = f"int64 array of shape {self.labels.shape}"
            raise ConfigurationError("groups", expected, (str(groups.dtype), groups.shape))
        order = arranged(groups, rng)
        parts = (np.ascontiguousarray(part[order]) for part in (self.features, self.labels, groups))
        return OwnRecords(*parts)


@dataclass(frozen=True)
class ValidationRecords:
    """Records of the validation part, and their rows in the commitment.

    features int64 (m, d), labels int64 (m,), rows int64 (m,).
    """

    features: Signed
    labels: Signed
    rows: Signed

    def __len__(self) -> int:
        return len(self.labels)


def counted_records(arc: Arc, features: Signed, labels: Signed, patients: bytes) -> ValidationRecords | None:
    """Those of the arc whose patients have no record outside it; None where `patients` are of others."""
    groups = integers_from_bytes(patients, arc.rows)
    if groups is None or len(labels) != arc.rows:
        return None
    rows = arc.counted(groups)
    return ValidationRecords(features[rows], labels[rows], rows)


def rows_left_out(arc: Arc, patients: bytes, most: int) -> tuple[int, int]:
    """How many rows at each end of the arc, at most `most`, are of patients with records outside it."""
    groups = integers_from_bytes(patients, arc.rows)
    if groups is None or not most:
        return 0, 0
    first, last = arc.straddling(groups)
    return min(first, most), min(last, most)
