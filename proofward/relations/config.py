"""What a consortium fixes before anyone acts: model, scales, hyper-parameters, clipping, thresholds,
security.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from math import isqrt

from proofward.layers.aggregation import UPDATE_BITS
from proofward.layers.errors import ConfigurationError
from proofward.layers.model import FixedPoint, Mlp, Training, padded
from proofward.proof.soundness import LEAST_POLICY_BITS

PROTOCOL_VERSION = 1
MESSAGE_BITS = 20  # updates are in [-2^19, 2^19)
OPENINGS = 4  # proofs that may open one commitment to a dataset


@dataclass(frozen=True, slots=True)
class RoundConfig:
    """Public rules of every round. `clip_bound` bounds the L2 norm of an unweighted update at scale 2^10;
    `threshold` is the degree t of key sharing:
    any t + 1 of the `holders` recover the summed key, t learn nothing."""

    model: Mlp
    scales: FixedPoint
    training: Training
    clip_bound: int
    holders: int
    threshold: int
    security_bits: int = 100
    weak_security_for_tests: bool = False

    def __post_init__(self) -> None:
        for name, low, high in (
            ("clip_bound", 1, 1 << 30),
            ("holders", 2, 3000),
            ("threshold", 1, self.holders - 1),
            ("security_bits", 20 if self.weak_security_for_tests else LEAST_POLICY_BITS, 128),
        ):
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise ConfigurationError(name, f"an integer in [{low}, {high}]", value)
        self._check_weakness()
        if self.scales.weight_bits < UPDATE_BITS:
            raise ConfigurationError("weight_bits", f"at least {UPDATE_BITS}", self.scales.weight_bits)

    def _check_weakness(self) -> None:
        """The flag says whether the policy is below LEAST_POLICY_BITS, where proofs can be forged."""
        weak = self.security_bits < LEAST_POLICY_BITS
        if self.weak_security_for_tests is not weak:
            raise ConfigurationError("weak_security_for_tests", str(weak), self.weak_security_for_tests)

    def to_dict(self) -> dict[str, object]:
        """Canonical plain form."""
        return {
            "version": PROTOCOL_VERSION,
            "model": self.model.to_dict(),
            "scales": self.scales.to_dict(),
            "training": self.training.to_dict(),
            "clip_bound": self.clip_bound,
            "holders": self.holders,
            "threshold": self.threshold,
            "security_bits": self.security_bits,
            "weak_security_for_tests": self.weak_security_for_tests,
        }

    @classmethod
    def from_dict(cls, values: object) -> RoundConfig:
        """Inverse of `to_dict`; raises ConfigurationError on anything else."""
        names = {
            "version",
            "model",
            "scales",
            "training",
            "clip_bound",
            "holders",
            "threshold",
            "security_bits",
            "weak_security_for_tests",
        }
        if not isinstance(values, dict) or set(values) != names:
            raise ConfigurationError("config", f"a mapping with exactly the keys {sorted(names)}", values)
        if values["version"] != PROTOCOL_VERSION:
            raise ConfigurationError("version", str(PROTOCOL_VERSION), values["version"])
        return cls(
            model=Mlp.from_dict(values["model"]),
            scales=FixedPoint.from_dict(values["scales"]),
            training=Training.from_dict(values["training"]),
            clip_bound=values["clip_bound"],
            holders=values["holders"],
            threshold=values["threshold"],
            security_bits=values["security_bits"],
            weak_security_for_tests=values["weak_security_for_tests"],
        )

    def digest(self) -> bytes:
        """SHA-256 of the canonical JSON of the rules."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(b"proofward/round-config/v1" + text.encode()).digest()

    def norm_bounds(self, rows: int) -> tuple[int, int]:
        """(B, B_low): squared norm of U at most B^2; a clipped U has at least B_low^2.

        One step of the multiplier changes U by at most ||Delta|| / 2^fw, and rounding by sqrt(parameters); 64
        allows ||Delta|| up to 64. Raises ConfigurationError where B_low would be below B / 2: with a bound so
        small beside the rounding of U, a hospital could shrink its share and call it clipping.
        """
        bound = rows * self.clip_bound
        low = bound - isqrt(self.model.parameters) - 1 - 64
        if 2 * low < bound:
            least = 2 * (isqrt(self.model.parameters) + 65)
            raise ConfigurationError("clip_bound", f"rows * clip_bound of at least {least}", bound)
        return bound, low

    def committed_values(self, rows: int) -> int:
        """About how many values a round with `rows` records commits to; it decides on the code."""
        samples = self.training.padded_steps(rows) * self.training.batch
        limbs = -(-self.scales.weight_bits // self.scales.table_bits)
        hidden = sum(padded(width) for width in self.model.widths[1:-1])
        per_parameter = 1 + limbs + -(-MESSAGE_BITS // self.scales.table_bits)
        parameters = sum(padded(d_out) * (padded(d_in) + 1) for d_out, d_in in self.model.shapes)
        return (
            samples * hidden * (5 + 2 * limbs)
            + samples * (3 + limbs)
            + parameters * per_parameter
            + (1 + self.threshold) * 4096
            + (4 << self.scales.table_bits)
            + padded(rows) * padded(self.model.widths[0])
        )
