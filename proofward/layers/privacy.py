"""Differential privacy as a rule of the consortium: what is clipped, what noise is added, how often.

Every round takes one step on all records of a hospital. The gradient of each record is clipped to the norm
C = 2^clip_bits, the sum of them is rounded to multiples of C / 2^10 (the lattice), and each hospital adds
noise of its own to every entry: a discrete Gaussian of the variance below, in units of the lattice.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

import numpy as np
import numpy.typing as npt

from proofward.layers.errors import ConfigurationError
from proofward.layers.plain import exactly, integer

CLIP_UNITS_BITS = 10
"""The clip bound C is 2^10 units of the lattice on which updates are summed."""

FINE_DEVIATION, COARSE_STEP = 200, 128
"""Noise is z_0 + 128 z_1; z_0 has the deviation 200."""

LEAST_COARSE_VARIANCE, MOST_COARSE_VARIANCE = 41, 220**2
MOST_RELEASES = 1 << 20


@dataclass(frozen=True, slots=True)
class Privacy:
    """The mechanism of one consortium, for each record (or each patient of several records).

    Attributes:
        clip_bits: C = 2^clip_bits bounds the L2 norm of a record's gradient; -6 to 6.
        coarse_variance: The variance of z_1, from 41 to 220^2.
        releases: R, the most sums that a hospital consents to.
        records_a_patient: k, the most records that one patient has at a hospital. Each hospital looks that it
            is so of its own; what ids say is nobody else's to see.
        colluders: c, how many hospitals of a sum may tell their noise to the reader.
        inverse_delta: 1 / delta, an integer.
    """

    clip_bits: int
    coarse_variance: int
    releases: int
    records_a_patient: int
    colluders: int
    inverse_delta: int

    def __post_init__(self) -> None:
        for name, low, high in (
            ("clip_bits", -6, 6),
            ("coarse_variance", LEAST_COARSE_VARIANCE, MOST_COARSE_VARIANCE),
            ("releases", 1, MOST_RELEASES),
            ("records_a_patient", 1, 1 << 16),
            ("colluders", 0, 3000),
            ("inverse_delta", 2, 1 << 60),
        ):
            integer(f"privacy.{name}", getattr(self, name), low, high)

    @property
    def variance(self) -> int:
        """sigma_i^2, the variance of one hospital's noise in an entry, in squared units of the lattice."""
        return FINE_DEVIATION**2 + COARSE_STEP**2 * self.coarse_variance

    @property
    def clip_bound(self) -> int:
        """C at scale 2^10."""
        return 1 << (self.clip_bits + CLIP_UNITS_BITS)

    def check_patients(self, patients: npt.NDArray[np.int64] | None) -> None:
        """Raises ConfigurationError where a patient has more records than noise is measured for.

        patients: of each record the number of its patient; None where nobody knows, and each is one.
        """
        if patients is None or not patients.size:
            return
        most = int(np.unique(patients, return_counts=True)[1].max())
        if most > self.records_a_patient:
            expected = f"at most {self.records_a_patient} of one patient, for which noise is measured"
            raise ConfigurationError("records_a_patient", expected, most)

    def to_dict(self) -> dict[str, object]:
        """Canonical plain form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: object) -> Privacy:
        """Inverse of `to_dict`; raises ConfigurationError on anything else."""
        names = tuple(field.name for field in fields(cls))
        return cls(**exactly("privacy", values, names))  # type: ignore[arg-type]
