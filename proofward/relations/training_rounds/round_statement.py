"""The public statement of a hospital's round."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.local_training.training import magnitude
from proofward.layers.networks.bounds import LayerBounds, compile_bounds
from proofward.layers.rules.model import Training
from proofward.layers.rules.schedule import schedule
from proofward.layers.rules.validation_part import Arc, arc_of
from proofward.relations.rules.clipped_rule import ClippedRule
from proofward.relations.rules.config import RoundConfig
from proofward.relations.rules.noise_levels import tables_digest
from proofward.relations.rules.statement import check_place, digest_of
from proofward.relations.rules.update_rule import UpdateRule
from proofward.relations.uploads.noise_seed import public_words

Signed = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class RoundStatement:
    """What a hospital's round says in public.

    Attributes:
        consortium: 32 bytes, the digest of its rules.
        config: The rules of every round.
        round: 0 to 2^32 - 1.
        attempt: 0 to 2^32 - 1, counted anew in every round.
        hospital: The name of who proves.
        rows: Its enrolled number of rows, one that the rules admit.
        weight_shift: That of the largest hospital of the round, `RoundConfig.weight_shift`.
        beacon: 32 bytes, the round's.
        dataset_root: 32 bytes, the root of its newest accepted dataset commitment.
        initial_weights: int64 (parameters,), the global weights that the round starts from.
        validation_beacon: 32 bytes that draw its validation part; b"" where the rules have no such share.
        noise_root: 32 bytes, that of the secret words of its noise in this attempt, which was on the ledger
            before the beacon was known; b"" where the rules have no differential privacy.
    """

    consortium: bytes
    config: RoundConfig
    round: int
    attempt: int
    hospital: str
    rows: int
    weight_shift: int
    beacon: bytes
    dataset_root: bytes
    initial_weights: Signed
    validation_beacon: bytes = b""
    noise_root: bytes = b""

    def __post_init__(self) -> None:
        check_place(self, "consortium", "beacon", "dataset_root")
        for name, used in (
            ("validation_beacon", self.config.training.validation_share),
            ("noise_root", self.config.privacy),
        ):
            expected, length = 32 if used else 0, len(getattr(self, name))
            if length != expected:
                raise ConfigurationError(name, f"{expected} bytes by the rules", f"{length} bytes")
        self.config.check_rows(self.rows)
        self.config.model.check_flat(self.initial_weights)
        self._check_bounds()

    @cached_property
    def rule(self) -> UpdateRule | ClippedRule:
        """Weight and bounds of the update."""
        return self.config.update_rule(self.rows, self.weight_shift)

    @property
    def message_bound(self) -> int:
        """What no entry of the encrypted vector exceeds in magnitude."""
        return self.config.message_bound(self.rows, self.weight_shift)

    def public_words(self) -> npt.NDArray[np.uint64]:
        """The words that the beacon adds to the secret ones of the noise, F (2, parameters)."""
        own = (self.round, self.attempt, self.hospital, self.beacon)
        return public_words(self.consortium, *own, self.config.model.parameters)

    @property
    def entries(self) -> int:
        """How many numbers the ciphertext encrypts."""
        return self.config.model.parameters

    def _check_bounds(self) -> None:
        """No integer of the relation wraps around P, whatever a prover commits to; raises a TrainingError."""
        config = self.config
        largest = config.weight_shift(config.most_rows)
        if type(self.weight_shift) is not int or not 0 <= self.weight_shift <= largest:
            raise ConfigurationError("weight_shift", f"0 to {largest}", self.weight_shift)
        config.update_rule(self.rows, self.weight_shift)
        limit, found = config.weight_limit, magnitude(self.initial_weights)
        if found > limit:
            raise ConfigurationError("initial_weights", f"magnitudes of at most {limit}", found)
        self.layer_bounds()

    def layer_bounds(self) -> tuple[LayerBounds, ...]:
        """Bounds of every layer's integers, whatever the admissible weights W_0 are."""
        return _layer_bounds(self.config, self.rows)

    @property
    def training(self) -> Training:
        """The training of its round."""
        return self.config.training.in_round(self.round)

    @property
    def arc(self) -> Arc | None:
        """The validation part, None where the rules have none."""
        if not self.validation_beacon:
            return None
        share = self.config.training.validation_share
        return arc_of(self.validation_beacon, self.hospital, self.rows, share)

    def schedule(self) -> Signed:
        """Rows of every step, int64 (padded steps, batch): none of the validation part."""
        return schedule(self.beacon, self.hospital, self.rows, self.config.training, self.arc)

    def transcript(self, ciphertext: npt.NDArray[np.uint64]) -> bytes:
        """The bytes that bind a proof to this statement and ciphertext."""
        return digest_of(
            "training round",
            self.consortium,
            self.config.digest(),
            self.round,
            self.attempt,
            self.hospital.encode(),
            self.rows,
            self.weight_shift,
            self.beacon,
            self.dataset_root,
            hashlib.sha256(self.initial_weights.astype("<i8").tobytes()).digest(),
            hashlib.sha256(ciphertext.astype("<u8").tobytes()).digest(),
            *((self.validation_beacon,) if self.validation_beacon else ()),
            *self._noise(),
        )

    def _noise(self) -> tuple[bytes, ...]:
        """What binds the noise, nothing where there is none."""
        privacy = self.config.privacy
        return () if privacy is None else (b"noise", self.noise_root, tables_digest(privacy))


@lru_cache(maxsize=256)
def _layer_bounds(config: RoundConfig, rows: int) -> tuple[LayerBounds, ...]:
    return compile_bounds(config.model, config.scales, config.training, rows, config.weight_limit)
