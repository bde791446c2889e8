"""The randomness of a hospital's noise: its secret words, the public words, and the draws of their sums.

The secret words r, one for each entry and level (`noise_levels`), are an expansion of a seed of 32 bytes.
They are committed to under a root that is on the ledger before anybody knows the beacon. The public words
    beta = SHAKE-256(domain, consortium, round, attempt, hospital, beacon)
follow from the beacon, and noise is drawn with u = r + beta mod P. For an r that was fixed before, u is
uniform whatever r is, as beta is; for a uniform secret r it is uniform and secret whatever beta is. So the
hospital does not choose its noise, and nobody else knows it.

The commitment is a function of the seed too, its blinding included. So a hospital keeps 32 bytes, and makes
the same commitment again when it proves.

Padded entries of a block (`relations.rules.blocks`) have no noise: r is 0 there, and beta a word that gives
0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from proofward.field.narrow import Narrow, narrowed
from proofward.lattice.sampler import uniform_words
from proofward.layers.rules.privacy import Privacy
from proofward.proof.commitment.contract import Committed, Rng, Scheme
from proofward.proof.errors import WitnessError
from proofward.relations.rules.blocks import Entries, blocks_of
from proofward.relations.rules.config import RoundConfig
from proofward.relations.rules.noise_levels import NoiseLevels
from proofward.relations.rules.noise_tables import LEVELS

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]

SEED_BYTES = 32
_WORDS = b"proofward/noise-words/v1"
_BLINDING = b"proofward/noise-blinding/v1"
_PUBLIC = b"proofward/noise-public/v1"


@dataclass(frozen=True)
class NoiseSecret:
    """What a hospital makes of a seed: r, F (levels, entries), and the commitment to it."""

    words: Array
    commitment: Committed

    @property
    def root(self) -> bytes:
        return self.commitment.root

    @staticmethod
    def of(config: RoundConfig, rows: int, seed: bytes) -> NoiseSecret:
        """That of an update, of a hospital with `rows` rows."""
        return NoiseSecret.made(len(LEVELS), blocks_of(config.model), config.scheme(rows), seed)

    @staticmethod
    def made(levels: int, blocks: Sequence[Entries], scheme: Scheme, seed: bytes) -> NoiseSecret:
        """That of all entries of some blocks."""
        if len(seed) != SEED_BYTES:
            raise ValueError(f"seed of noise: expected {SEED_BYTES} bytes, got {len(seed)}")
        stream = hashlib.shake_256(_WORDS + seed).digest
        words = _by_level(uniform_words(stream, levels * sum(block.size for block in blocks)), levels)
        return NoiseSecret(words, scheme.commit(secret_columns(blocks, words), _blinding(seed)))

    def check_root(self, root: bytes) -> None:
        """Raises WitnessError where a statement names the commitment to another seed."""
        if self.root != root:
            found, expected = self.root.hex()[:16], root.hex()[:16]
            raise WitnessError(
                f"the stored seed of noise has commitment {found}, the statement names {expected}"
            )


def secret_columns(blocks: Sequence[Entries], words: Array) -> list[Narrow]:
    """The columns of a commitment to secret words: of each level, the blocks."""
    return [narrowed(block.pad(level)) for level in words for block in blocks]


def _blinding(seed: bytes) -> Rng:
    drawn = 0

    def draw(count: int) -> bytes:
        nonlocal drawn
        drawn += 1
        return hashlib.shake_256(_BLINDING + seed + drawn.to_bytes(8, "little")).digest(count)

    return draw


def _by_level(words: Array, levels: int) -> Array:
    return np.ascontiguousarray(words.reshape(levels, -1))


@lru_cache(maxsize=2)
def public_words(
    consortium: bytes,
    number: int,
    attempt: int,
    hospital: str,
    beacon: bytes,
    entries: int,
    levels: int = len(LEVELS),
) -> Array:
    """beta of a hospital in an attempt of a round, F (levels, entries); not to be written to."""
    state = hashlib.shake_256(_PUBLIC)
    numbers = number.to_bytes(8, "little"), attempt.to_bytes(8, "little")
    for part in (consortium, *numbers, hospital.encode(), beacon):
        state.update(len(part).to_bytes(8, "little") + part)
    return _by_level(uniform_words(state.digest, levels * entries), levels)


def drawn_noise(privacy: Privacy, words: Array, public: Array) -> Signed:
    """Z = z_0 + 128 z_1 of every parameter, int64 (parameters,)."""
    return NoiseLevels.of_updates(privacy).drawn(words, public)
