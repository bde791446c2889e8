"""What a consortium fixes before anyone acts.

Model, scales, hyper-parameters, clipping, thresholds, the numbers of rows that may enrol, and the security.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from functools import lru_cache

from proofward.lattice.parameters import MAX_MEMBERS
from proofward.layers.averaging.weighting import BY_RECORDS, WEIGHT_BITS, Weighting
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.networks.bounds import weight_limit
from proofward.layers.networks.initial_weights import largest_first_weight
from proofward.layers.networks.network import Network
from proofward.layers.rules.model import FixedPoint, Training
from proofward.layers.rules.privacy import Privacy
from proofward.optimizers.contract import ServerOptimizer, largest_mean
from proofward.optimizers.next_model import ModelRule
from proofward.optimizers.registry import USUAL, optimizer_from_dict
from proofward.proof.commitment.contract import Scheme
from proofward.proof.commitment.registry import SCHEME
from proofward.proof.soundness import LEAST_POLICY_BITS, SoundnessBelowPolicy
from proofward.relations.rules.clipped_rule import ClippedRule, clipped_rule
from proofward.relations.rules.committed_values import committed_values
from proofward.relations.rules.limits import MOST_COMMITTED_VALUES, check_sizes
from proofward.relations.rules.noise_levels import message_bound
from proofward.relations.rules.private_rules import (
    check_private,
    check_several_steps,
    gradient_step,
    largest_noisy_mean,
)
from proofward.relations.rules.row_range import widest_range
from proofward.relations.rules.update_rule import UpdateRule, least_shift, update_rule

PROTOCOL_VERSION = 2
LEAST_WEIGHT = 4  # the limit of the weights is at least this, as a real number; first weights are below 2.5
OPENINGS = 4  # proofs that may open one commitment to a dataset


@dataclass(frozen=True, slots=True)
class RoundConfig:
    """Public rules of every round.

    Rules are refused here, not in the rounds: at both ends of the range all bounds hold, proofs reach the
    security, and no statement is too large. `check_rows` says the same of one number of rows.

    Attributes:
        model: The network.
        scales: Bits of the fixed-point numbers.
        training: A round's local training.
        clip_bound: Bounds the L2 norm of an unweighted update, at scale 2^10.
        holders: How many members hold shares of keys.
        threshold: The degree t of key sharing: any t + 1 holders recover the summed key, t learn nothing.
        security_bits: What every proof must have, with its work; see `proof.soundness`.
        weak_security_for_tests: Set exactly where these are fewer than LEAST_POLICY_BITS.
        least_rows: The fewest rows that a hospital may enrol with. 0 asks for the widest range there is.
        most_rows: The most rows, likewise.
        optimizer: Makes the next model from the mean update. The plain form names all but the usual one,
            FedAvg.
        weighting: What an update weighs in that mean. The plain form names all but that by records.
        privacy: Differential privacy; None where sums are exact. The plain form names it where it is one.
    """

    model: Network
    scales: FixedPoint
    training: Training
    clip_bound: int
    holders: int
    threshold: int
    security_bits: int = 100
    weak_security_for_tests: bool = False
    least_rows: int = 0
    most_rows: int = 0
    optimizer: ServerOptimizer = USUAL
    weighting: Weighting = BY_RECORDS
    privacy: Privacy | None = None

    def __post_init__(self) -> None:
        self._require("clip_bound", 1, 1 << 30)
        self._require("holders", 2, MAX_MEMBERS)
        self._require("threshold", 1, self.holders - 1)
        self._require("security_bits", 20 if self.weak_security_for_tests else LEAST_POLICY_BITS, 128)
        self._require("least_rows", 0, 1 << 24)
        self._require("most_rows", 0, 1 << 24)
        self._check_weakness()
        if self.scales.weight_bits < WEIGHT_BITS:
            raise ConfigurationError("weight_bits", f"at least {WEIGHT_BITS}", self.scales.weight_bits)
        check_private(self.privacy, self.model, self.training, self.clip_bound, self.weighting)
        if self.privacy is None:
            self.optimizer.check(self.clip_bound, self.scales.weight_bits)
        if not (self.least_rows and self.most_rows):
            least, most = widest_range(self.least_rows, self.most_rows, self._check_range)
            object.__setattr__(self, "least_rows", least)
            object.__setattr__(self, "most_rows", most)
        if self.least_rows > self.most_rows:
            raise ConfigurationError("least_rows", f"at most most_rows = {self.most_rows}", self.least_rows)
        for rows in (self.least_rows, self.most_rows):
            self.check_rows(rows)
        if self.privacy is not None:
            self.optimizer.check_mean(self.model_rule.mean, self.scales.weight_bits)
        else:
            self.check_steps(self.most_rows)

    def _require(self, name: str, low: int, high: int) -> None:
        value = getattr(self, name)
        if type(value) is not int or not low <= value <= high:
            raise ConfigurationError(name, f"an integer in [{low}, {high}]", value)

    def _check_weakness(self) -> None:
        """The flag says whether the policy is below LEAST_POLICY_BITS, where proofs can be forged."""
        weak = self.security_bits < LEAST_POLICY_BITS
        if self.weak_security_for_tests is not weak:
            raise ConfigurationError("weak_security_for_tests", str(weak), self.weak_security_for_tests)

    def to_dict(self) -> dict[str, object]:
        """Canonical plain form."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        for name in ("model", "scales", "training"):
            plain[name] = getattr(self, name).to_dict()
        if (optimizer := plain.pop("optimizer")) != USUAL:
            plain["optimizer"] = optimizer.to_dict()
        if (weighting := plain.pop("weighting")) != BY_RECORDS:
            plain["weighting"] = weighting.to_dict()
        if (privacy := plain.pop("privacy")) is not None:
            plain["privacy"] = privacy.to_dict()
        return {"version": PROTOCOL_VERSION, **plain}

    @classmethod
    def from_dict(cls, values: object) -> RoundConfig:
        """Inverse of `to_dict`; raises ConfigurationError on anything else."""
        optional = {"optimizer", "weighting", "privacy"}
        names = {"version", *(field.name for field in fields(cls))} - optional
        if not isinstance(values, dict) or set(values) - optional != names:
            raise ConfigurationError("config", f"a mapping with exactly the keys {sorted(names)}", values)
        if values["version"] != PROTOCOL_VERSION:
            raise ConfigurationError("version", str(PROTOCOL_VERSION), values["version"])
        for name in ("least_rows", "most_rows"):
            if values[name] == 0:
                raise ConfigurationError(name, "a number of rows", values[name])
        plain = {name: value for name, value in values.items() if name != "version"}
        plain["model"] = Network.from_dict(values["model"])
        plain["scales"] = FixedPoint.from_dict(values["scales"])
        plain["training"] = Training.from_dict(values["training"])
        if "optimizer" in values:
            plain["optimizer"] = optimizer_from_dict(values["optimizer"])
            if plain["optimizer"] == USUAL:
                raise ConfigurationError("optimizer", f"nothing for {USUAL.title}", values["optimizer"])
        if "weighting" in values:
            plain["weighting"] = Weighting.from_dict(values["weighting"])
            if plain["weighting"] == BY_RECORDS:
                raise ConfigurationError("weighting", "nothing for that by records", values["weighting"])
        if "privacy" in values:
            plain["privacy"] = Privacy.from_dict(values["privacy"])
        return cls(**plain)

    def digest(self) -> bytes:
        """SHA-256 of the canonical JSON of the rules."""
        return _digest(self)

    def check_rows(self, rows: int) -> None:
        """Raises a TrainingError unless whoever enrols with `rows` rows can prove every round.

        Whichever other hospitals of the range take part: the weight shift of a round is between that of its
        own rows and that of `most_rows`, and the bounds must hold for each.
        """
        if type(rows) is not int or not self.least_rows <= rows <= self.most_rows:
            expected = f"{self.least_rows} to {self.most_rows} by the rules"
            if self.training.full_batch:
                expected += ", whose step takes all rows that are trained on; a larger batch admits more"
            raise ConfigurationError("rows", expected, rows)
        _check_rows(self, rows)

    def _check_range(self, rows: int, most: int) -> None:
        """What a range of rows is chosen by."""
        self.check_bounds(rows, most)
        self.check_steps(rows)

    def check_steps(self, rows: int) -> None:
        """Raises ConfigurationError where the exact sum of a hospital with so many rows is of one full batch.

        Rules of a federation ask it of the smallest hospital that they admit. A statement by itself may be of
        one, as benchmarks measure it.
        """
        if self.privacy is None and not self.weak_security_for_tests:
            check_several_steps(self.training, rows)

    def check_bounds(self, rows: int, most: int) -> None:
        """Sizes first, then the bounds for `rows` in every round whose largest hospital has up to `most`."""
        check_sizes(self.model, self.training, rows)
        limit, least = self._limit(rows), LEAST_WEIGHT << self.scales.weight_bits
        if self.scales.weight_range_bits:
            least = largest_first_weight(self.model, self.scales)
        if limit < least:
            expected = f"at least {least} with {rows} rows"
            expected += ", by weight_range_bits" if self.scales.weight_range_bits else ""
            raise ConfigurationError("limit of the weights", expected, limit)
        values = self.committed_values(rows)
        if values > MOST_COMMITTED_VALUES:
            raise ConfigurationError("committed values", f"at most {MOST_COMMITTED_VALUES}", values)
        for shift in range(self.weight_shift(rows), self.weight_shift(most) + 1):
            self.message_bound(rows, shift)

    def scheme(self, rows: int) -> Scheme:
        """The commitment scheme of a hospital with `rows` rows; raises ConfigurationError."""
        try:
            return _scheme(self.committed_values(rows), self.security_bits)
        except SoundnessBelowPolicy as error:
            raise ConfigurationError(
                "security_bits", f"a level that a code reaches: {error}", rows
            ) from error

    def update_rule(self, rows: int, weight_shift: int) -> UpdateRule | ClippedRule:
        """Weight and bounds of a hospital with `rows` rows; see `update_rule` and `clipped_rule`."""
        return self.clipped_rule(rows) or update_rule(
            model=self.model,
            scales=self.scales,
            training=self.training,
            clip_bound=self.clip_bound,
            rows=rows,
            weight_shift=weight_shift,
            weighting=self.weighting,
        )

    def clipped_rule(self, rows: int) -> ClippedRule | None:
        """The numbers of an update where each record's gradient is clipped, with differential privacy."""
        if self.privacy is None or self.privacy.of_hospitals:
            return None
        return clipped_rule(self.model, self.scales, self.training, self.privacy, rows)

    def message_bound(self, rows: int, weight_shift: int) -> int:
        """What no entry of the vector that a hospital encrypts exceeds: the bounds of update and noise."""
        return message_bound(self.privacy, self.update_rule(rows, weight_shift).bound)

    def weight_shift(self, most_rows: int) -> int:
        """The least weight shift of a round whose largest hospital has `most_rows` rows.

        Raises a TrainingError where there is none.
        """
        about = self.model, self.scales, self.training, self.clip_bound, most_rows, self.weighting
        return 0 if self.clipped_rule(most_rows) else least_shift(*about)

    @property
    def weight_limit(self) -> int:
        """L: the weights of every model are in [-L, L], at scale fw."""
        return self._limit(self.most_rows)

    @property
    def training_words(self) -> str:
        """How a round trains, and how the next model is made, for people."""
        training, made = self.training, self.optimizer.words
        some = f"batches of {training.batch}{training.momentum_words}"
        batches = "one batch of all records, the gradient of each clipped" if training.full_batch else some
        weighs = "" if self.weighting == BY_RECORDS else f" An update weighs {self.weighting.words}."
        return f"A round trains {training.duration} in {batches}; the next model is made by {made}.{weighs}"

    @property
    def model_rule(self) -> ModelRule:
        """How the next model follows from the sum of updates."""
        bits, step = self.scales.weight_bits, None
        mean = largest_mean(self.clip_bound, bits)
        if least := self.clipped_rule(self.least_rows):
            step = gradient_step(self.training, bits, least, self.message_bound(self.least_rows, 0))
            mean = step.largest
        elif self.privacy is not None:
            shift = self.weight_shift(self.most_rows)
            mean = largest_noisy_mean(self.update_rule(self.least_rows, shift), self.privacy, bits)
        return ModelRule(self.optimizer, bits, mean, self.weight_limit, step)

    def _limit(self, rows: int) -> int:
        """`weight_limit`, or the limit for `rows` while `most_rows` is still to be found."""
        return weight_limit(self.model, self.scales, self.training, self.most_rows or rows)

    def committed_values(self, rows: int) -> int:
        """About how many values a round with `rows` records commits to; it decides on the scheme."""
        about = self.model, self.scales, self.training, self.clip_bound, rows, self._limit(rows)
        return committed_values(*about, self.threshold, self.privacy, self.clipped_rule(rows))


@lru_cache(maxsize=256)
def _digest(config: RoundConfig) -> bytes:
    """See `RoundConfig.digest`: every statement and every envelope's rules ask for it."""
    text = json.dumps(config.to_dict(), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(b"proofward/round-config/v2" + text.encode()).digest()


@lru_cache(maxsize=1024)
def _check_rows(config: RoundConfig, rows: int) -> None:
    """See `RoundConfig.check_rows`; numbers of rows that are refused are not kept."""
    config.check_bounds(rows, config.most_rows)
    config.scheme(rows)


@lru_cache(maxsize=256)
def _scheme(values: int, security_bits: int) -> Scheme:
    return SCHEME.choose(values, security_bits, OPENINGS)
