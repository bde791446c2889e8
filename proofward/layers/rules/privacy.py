"""Differential privacy as a rule of the consortium: what is clipped, what noise is added, how often.

Of a record (or a patient): every round takes one step on all records of a hospital. The gradient of each
record is clipped to the norm C = 2^clip_bits, and the sum of them is rounded to multiples of C / 2^10, the
lattice. Of a hospital: rounds train as without privacy, and the update of each hospital is clipped to the
norm C as a whole. All weigh the same, and the lattice is that of updates, multiples of 2^-10. In either case
each hospital adds noise of its own to every entry: a discrete Gaussian of the variance below, in units of the
lattice.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

import numpy as np
import numpy.typing as npt

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.plain import exactly, integer

CLIP_UNITS_BITS = 10
"""The clip bound C is 2^10 units of the lattice on which updates are summed."""

FINE_DEVIATION, COARSE_STEP = 200, 128
"""Noise is z_0 + 128 z_1; z_0 has the deviation 200."""

LEAST_COARSE_VARIANCE, MOST_COARSE_VARIANCE = 41, 220**2
MOST_RELEASES = 1 << 20
RECORD, HOSPITAL = "record", "hospital"
GRANULARITIES = (RECORD, HOSPITAL)
"""What is protected: a record or a patient of a hospital, or all that a hospital has."""
LAST = "granularity"


@dataclass(frozen=True, slots=True)
class Privacy:
    """The mechanism of one consortium, for each record, each patient of several records, or each hospital.

    Attributes:
        clip_bits: C = 2^clip_bits bounds the L2 norm of a record's gradient, or of an update; -6 to 6.
        coarse_variance: The variance of z_1, from 41 to 220^2.
        releases: R, the most sums that a hospital consents to.
        records_a_patient: k, the most records that one patient has at a hospital. Each hospital looks that it
            is so of its own; what ids say is nobody else's to see.
        colluders: c, how many hospitals of a sum may tell their noise to the reader.
        inverse_delta: 1 / delta, an integer.
        granularity: RECORD, or HOSPITAL; then k is 1. The plain form names it where it is HOSPITAL.
    """

    clip_bits: int
    coarse_variance: int
    releases: int
    records_a_patient: int
    colluders: int
    inverse_delta: int
    granularity: str = RECORD

    def __post_init__(self) -> None:
        if self.granularity not in GRANULARITIES:
            expected = f"one of {', '.join(GRANULARITIES)}"
            raise ConfigurationError("privacy.granularity", expected, self.granularity)
        for name, low, high in (
            ("clip_bits", -6, 6),
            ("coarse_variance", LEAST_COARSE_VARIANCE, MOST_COARSE_VARIANCE),
            ("releases", 1, MOST_RELEASES),
            ("records_a_patient", 1, 1 << 16),
            ("colluders", 0, 3000),
            ("inverse_delta", 2, 1 << 60),
        ):
            integer(f"privacy.{name}", getattr(self, name), low, high)
        if self.of_hospitals and self.records_a_patient != 1:
            expected = "1 where hospitals are protected, each with all its records"
            raise ConfigurationError("privacy.records_a_patient", expected, self.records_a_patient)

    @property
    def of_hospitals(self) -> bool:
        """Whether all records of a hospital are protected together."""
        return self.granularity == HOSPITAL

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
        if self.of_hospitals or patients is None or not patients.size:
            return
        most = int(np.unique(patients, return_counts=True)[1].max())
        if most > self.records_a_patient:
            expected = f"at most {self.records_a_patient} of one patient, for which noise is measured"
            raise ConfigurationError("records_a_patient", expected, most)

    def to_dict(self) -> dict[str, object]:
        """Canonical plain form."""
        plain = asdict(self)
        return plain if self.of_hospitals else {name: own for name, own in plain.items() if name != LAST}

    @classmethod
    def from_dict(cls, values: object) -> Privacy:
        """Inverse of `to_dict`; raises ConfigurationError on anything else."""
        named = isinstance(values, dict) and LAST in values
        names = tuple(field.name for field in fields(cls) if named or field.name != LAST)
        plain = exactly("privacy", values, names)
        if named and plain[LAST] == RECORD:
            raise ConfigurationError("privacy.granularity", f"nothing for {RECORD}", RECORD)
        return cls(**plain)  # type: ignore[arg-type]
