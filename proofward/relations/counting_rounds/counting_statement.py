"""The public statement of a hospital's counts in a counting round."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.plain import integer
from proofward.relations.rules.config import RoundConfig
from proofward.relations.rules.counting import Counting
from proofward.relations.rules.statement import check_place, digest_of
from proofward.relations.uploads.count_noise import bound_noise, check_noise_root, words_of


@dataclass(frozen=True, kw_only=True)
class CountingStatement:
    """What a hospital's upload in a counting round says in public.

    consortium: 32 bytes, the digest of its rules
    config: the rules of every round; of these the holders, the threshold and the security matter here
    counting: what is counted
    round: 0 to 2^32 - 1
    attempt: 0 to 2^32 - 1, counted anew in every round
    hospital: the name of who proves
    rows: its enrolled number of rows, 0 where it has enrolled none
    beacon: 32 bytes, the round's
    dataset_root: 32 bytes, of its newest accepted dataset commitment, `counting.NO_DATASET` without one
    model: 32 bytes, the digest of the global weights that the round has
    noise_root: 32 bytes, that of the secret words of its noise in this attempt, which was on the ledger
        before the beacon was known; b"" where counts are exact

    Nothing is proved of the dataset or the model yet: that the counts are of either is what the hospital
    signs. Both are bound here, so that a proof of it has its statement.
    """

    consortium: bytes
    config: RoundConfig
    counting: Counting
    round: int
    attempt: int
    hospital: str
    rows: int
    beacon: bytes
    dataset_root: bytes
    model: bytes
    noise_root: bytes = b""

    def __post_init__(self) -> None:
        check_place(self, "consortium", "beacon", "dataset_root", "model")
        check_noise_root(self.counting, self.noise_root)
        integer("rows", self.rows, 0, 1 << 24)
        if self.counting.within_rows and not self.rows:
            raise ConfigurationError("rows", "enrolled rows, since counts are within them", self.rows)

    @property
    def entries(self) -> int:
        """How many numbers the ciphertext encrypts."""
        return self.counting.length

    def public_words(self) -> npt.NDArray[np.uint64]:
        """See `count_noise.words_of`."""
        return words_of(self)

    def transcript(self, ciphertext: npt.NDArray[np.uint64]) -> bytes:
        """The bytes that bind a proof to this statement and ciphertext."""
        return digest_of(
            "counting round",
            self.consortium,
            self.config.digest(),
            self.counting.digest(),
            self.round,
            self.attempt,
            self.hospital.encode(),
            self.rows,
            self.beacon,
            self.dataset_root,
            self.model,
            hashlib.sha256(ciphertext.astype("<u8").tobytes()).digest(),
            *bound_noise(self.counting, self.noise_root),
        )
