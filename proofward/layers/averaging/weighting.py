"""How much a hospital's update weighs in the mean, by its number of records: a public rule of the consortium.

By records every patient counts alike and large hospitals prevail. A cap, or the square root, gives small
hospitals more of a say, and bounds what one hospital with many poisoned records can do. The weight is a
public function of the number of records, so verifiers and auditors compute it for themselves, and the proof
of a round binds the update to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.plain import exactly, integer

WEIGHT_BITS = 10
"""One record weighs 2^10, less the bits by which a round divides all weights."""

RECORDS, CAPPED, ROOT = "records", "capped", "root"
RULES = (RECORDS, CAPPED, ROOT)
MOST_CAP = 1 << 24


@dataclass(frozen=True, slots=True)
class Weighting:
    """rule: one of RULES. cap: beyond it records do not count, where the rule is `capped`; else 0."""

    rule: str = RECORDS
    cap: int = 0

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ConfigurationError("weighting", f"one of {', '.join(RULES)}", self.rule)
        if self.rule == CAPPED:
            integer("weighting.cap", self.cap, 1, MOST_CAP)
        elif type(self.cap) is not int or self.cap:
            raise ConfigurationError("weighting.cap", f"none where the rule is {self.rule}", self.cap)

    def units(self, rows: int) -> int:
        """The weight of `rows` records in units of 2^-10; it never falls as records are added."""
        if self.rule == ROOT:
            return isqrt(rows << (2 * WEIGHT_BITS))
        return (min(rows, self.cap) if self.rule == CAPPED else rows) << WEIGHT_BITS

    def weight(self, rows: int, weight_shift: int) -> int:
        """M, the public weight in a round: `units` divided by 2^weight_shift, at least 1."""
        return max(1, self.units(rows) >> weight_shift)

    @property
    def words(self) -> str:
        """What an update weighs, for people."""
        if self.rule == ROOT:
            return "the square root of its number of records"
        if self == ALL_ALIKE:
            return "as much as any other"
        most = f", of {self.cap} at most" if self.rule == CAPPED else ""
        return f"its number of records{most}"

    def to_dict(self) -> dict[str, object]:
        """Canonical plain form: the cap stands where there is one."""
        return {"rule": self.rule, **({"cap": self.cap} if self.cap else {})}

    @classmethod
    def from_dict(cls, values: object) -> Weighting:
        """Inverse of `to_dict`; raises ConfigurationError on anything else."""
        capped = isinstance(values, dict) and values.get("rule") == CAPPED
        plain = exactly("weighting", values, ("rule", "cap") if capped else ("rule",))
        return cls(**plain)  # type: ignore[arg-type]


BY_RECORDS = Weighting()
"""That of rules which name none."""
ALL_ALIKE = Weighting(CAPPED, 1)
"""By which all hospitals weigh the same."""
