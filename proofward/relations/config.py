"""What a consortium fixes before anyone acts.

Model, scales, hyper-parameters, clipping, thresholds, the numbers of rows that may enrol, and the security.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from functools import lru_cache

from proofward.layers.aggregation import WEIGHT_BITS
from proofward.layers.bounds import weight_limit
from proofward.layers.errors import ConfigurationError, TrainingError, WraparoundPossible
from proofward.layers.model import FixedPoint, Mlp, Training, padded
from proofward.proof.soundness import CodeParameters, SoundnessBelowPolicy, choose_code
from proofward.relations.limits import MOST_COMMITTED_VALUES, MOST_ROWS, check_sizes
from proofward.relations.update_rule import LARGEST_SHIFT, UpdateRule, update_rule

PROTOCOL_VERSION = 2
OPENINGS = 4  # proofs that may open one commitment to a dataset


@dataclass(frozen=True, slots=True)
class RoundConfig:
    """Public rules of every round.

    clip_bound: bounds the L2 norm of an unweighted update at scale 2^10
    threshold: the degree t of key sharing; any t + 1 of the `holders` recover the summed key, t learn nothing
    security_bits: proven bits that every proof must have
    least_rows, most_rows: rows that a hospital may enrol with; 0 asks for the widest range there is

    Rules are refused here, not in the rounds: at both ends of the range all bounds hold, a code reaches the
    security, and no statement is too large. `check_rows` says the same of one number of rows.
    """

    model: Mlp
    scales: FixedPoint
    training: Training
    clip_bound: int
    holders: int
    threshold: int
    security_bits: int = 100
    least_rows: int = 0
    most_rows: int = 0

    def __post_init__(self) -> None:
        for name, low, high in (
            ("clip_bound", 1, 1 << 30),
            ("holders", 2, 3000),
            ("threshold", 1, self.holders - 1),
            ("security_bits", 20, 128),
            ("least_rows", 0, 1 << 24),
            ("most_rows", 0, 1 << 24),
        ):
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise ConfigurationError(name, f"an integer in [{low}, {high}]", value)
        if self.scales.weight_bits < WEIGHT_BITS:
            raise ConfigurationError("weight_bits", f"at least {WEIGHT_BITS}", self.scales.weight_bits)
        if not self.most_rows:
            object.__setattr__(self, "most_rows", self._largest_rows(MOST_ROWS))
        if not self.least_rows:
            object.__setattr__(self, "least_rows", self._least_rows())
        if self.least_rows > self.most_rows:
            raise ConfigurationError("least_rows", f"at most most_rows = {self.most_rows}", self.least_rows)
        for rows in (self.least_rows, self.most_rows):
            self.check_rows(rows)

    def to_dict(self) -> dict[str, object]:
        """Canonical plain form."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        for name in ("model", "scales", "training"):
            plain[name] = getattr(self, name).to_dict()
        return {"version": PROTOCOL_VERSION, **plain}

    @classmethod
    def from_dict(cls, values: object) -> RoundConfig:
        """Inverse of `to_dict`; raises ConfigurationError on anything else."""
        names = {"version", *(field.name for field in fields(cls))}
        if not isinstance(values, dict) or set(values) != names:
            raise ConfigurationError("config", f"a mapping with exactly the keys {sorted(names)}", values)
        if values["version"] != PROTOCOL_VERSION:
            raise ConfigurationError("version", str(PROTOCOL_VERSION), values["version"])
        for name in ("least_rows", "most_rows"):
            if values[name] == 0:
                raise ConfigurationError(name, "a number of rows", values[name])
        plain = {name: value for name, value in values.items() if name != "version"}
        plain["model"] = Mlp.from_dict(values["model"])
        plain["scales"] = FixedPoint.from_dict(values["scales"])
        plain["training"] = Training.from_dict(values["training"])
        return cls(**plain)

    def digest(self) -> bytes:
        """SHA-256 of the canonical JSON of the rules."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(b"proofward/round-config/v2" + text.encode()).digest()

    def check_rows(self, rows: int) -> None:
        """Raises a TrainingError unless whoever enrols with `rows` rows can prove every round.

        Whichever other hospitals of the range take part: the weight shift of a round is between that of its
        own rows and that of `most_rows`, and the bounds must hold for each.
        """
        if type(rows) is not int or not self.least_rows <= rows <= self.most_rows:
            raise ConfigurationError("rows", f"{self.least_rows} to {self.most_rows} by the rules", rows)
        self._check_bounds(rows, self.weight_shift(self.most_rows))
        self.code(rows)

    def _check_bounds(self, rows: int, largest_shift: int) -> None:
        check_sizes(self.model, self.training, rows)
        values = self.committed_values(rows)
        if values > MOST_COMMITTED_VALUES:
            raise ConfigurationError("committed values", f"at most {MOST_COMMITTED_VALUES}", values)
        for shift in range(self.weight_shift(rows), largest_shift + 1):
            self.update_rule(rows, shift)

    def _largest_rows(self, most: int) -> int:
        """The largest number of rows, at most `most`, whose bounds hold by themselves."""
        low = most
        while not self._holds(low):
            low //= 2
            if not low:
                self._check_bounds(most, 0)
        high = min(2 * low, most + 1)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._holds(middle) else (low, middle)
        return low

    def _least_rows(self) -> int:
        """The least number of rows whose bounds hold beside a hospital of `most_rows`."""
        shift, high = self.weight_shift(self.most_rows), self.most_rows
        low = 0
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._holds(middle, shift) else (middle, high)
        return high

    def _holds(self, rows: int, largest_shift: int | None = None) -> bool:
        try:
            shift = self.weight_shift(rows) if largest_shift is None else largest_shift
            self._check_bounds(rows, shift)
        except TrainingError:
            return False
        return True

    def code(self, rows: int) -> CodeParameters:
        """The code of the proofs of a hospital with `rows` rows; raises ConfigurationError."""
        try:
            return _code(self.committed_values(rows), self.security_bits)
        except SoundnessBelowPolicy as error:
            raise ConfigurationError(
                "security_bits", f"a level that a code reaches: {error}", rows
            ) from error

    def update_rule(self, rows: int, weight_shift: int) -> UpdateRule:
        """Weight and bounds of a hospital with `rows` rows; see `relations.update_rule`."""
        return update_rule(
            model=self.model,
            scales=self.scales,
            training=self.training,
            clip_bound=self.clip_bound,
            rows=rows,
            weight_shift=weight_shift,
        )

    def weight_shift(self, most_rows: int) -> int:
        """The least weight shift of a round whose largest hospital has `most_rows` rows.

        Raises a TrainingError where there is none.
        """
        for shift in range(LARGEST_SHIFT):
            try:
                self.update_rule(most_rows, shift)
            except WraparoundPossible:
                continue
            return shift
        self.update_rule(most_rows, LARGEST_SHIFT)
        return LARGEST_SHIFT

    @property
    def weight_limit(self) -> int:
        """L: the weights of every model are in [-L, L]."""
        return weight_limit(self.model, self.scales, self.training, self.most_rows)

    def committed_values(self, rows: int) -> int:
        """About how many values a round with `rows` records commits to; it decides on the code."""
        samples = self.training.padded_steps(rows) * self.training.batch
        limbs = -(-self.scales.weight_bits // self.scales.table_bits)
        hidden = sum(padded(width) for width in self.model.widths[1:-1])
        message_bits = ((rows * self.clip_bound).bit_length()) + 1
        per_parameter = 1 + limbs + -(-message_bits // self.scales.table_bits)
        parameters = sum(padded(d_out) * (padded(d_in) + 1) for d_out, d_in in self.model.shapes)
        return (
            samples * hidden * (5 + 2 * limbs)
            + samples * (3 + limbs)
            + parameters * per_parameter
            + (2 + self.threshold) * 4096
            + (4 << self.scales.table_bits)
            + padded(rows) * padded(self.model.widths[0])
        )


@lru_cache(maxsize=256)
def _code(values: int, security_bits: int) -> CodeParameters:
    return choose_code(values, security_bits, OPENINGS)
