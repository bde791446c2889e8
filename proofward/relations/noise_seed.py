"""The randomness of a hospital's noise: its secret words, the public words, and the draws of their sums.

The secret words r, two for each parameter, are an expansion of a seed of 32 bytes. They are committed to
under a root that is on the ledger before anybody knows the beacon. The public words
    beta = SHAKE-256(domain, consortium, round, attempt, hospital, beacon)
follow from the beacon, and noise is drawn with u = r + beta mod P. For an r that was fixed before, u is
uniform whatever r is, as beta is; for a uniform secret r it is uniform and secret whatever beta is. So the
hospital does not choose its noise, and nobody else knows it.

The commitment is a function of the seed too, its blinding included. So a hospital keeps 32 bytes, and makes
the same commitment again when it proves.

Padded entries of a block (`relations.blocks`) have no noise: r is 0 there, and beta a word that gives 0.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from proofward.field.goldilocks import add
from proofward.field.narrow import Narrow, narrowed
from proofward.lattice.sampler import uniform_words
from proofward.layers.network import Network
from proofward.layers.privacy import Privacy
from proofward.proof.commitment.contract import Committed, Rng
from proofward.relations.blocks import Block, blocks_of
from proofward.relations.config import RoundConfig
from proofward.relations.noise_tables import LEVELS, noise_tables

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]

SEED_BYTES = 32
_WORDS = b"proofward/noise-words/v1"
_BLINDING = b"proofward/noise-blinding/v1"
_PUBLIC = b"proofward/noise-public/v1"


@dataclass(frozen=True)
class NoiseSecret:
    """What a hospital makes of a seed: r, F (2, parameters), and the commitment to it."""

    words: Array
    commitment: Committed

    @property
    def root(self) -> bytes:
        return self.commitment.root

    @staticmethod
    def of(config: RoundConfig, rows: int, seed: bytes) -> NoiseSecret:
        """The secret of a hospital with `rows` rows."""
        if len(seed) != SEED_BYTES:
            raise ValueError(f"seed of noise: expected {SEED_BYTES} bytes, got {len(seed)}")
        stream = hashlib.shake_256(_WORDS + seed).digest
        words = _by_level(uniform_words(stream, len(LEVELS) * config.model.parameters))
        commitment = config.scheme(rows).commit(secret_columns(config.model, words), _blinding(seed))
        return NoiseSecret(words, commitment)


def secret_columns(model: Network, words: Array) -> list[Narrow]:
    """The columns of the commitment: of each level, the blocks."""
    return [narrowed(block.pad(level)) for level in words for block in blocks_of(model)]


def _blinding(seed: bytes) -> Rng:
    drawn = 0

    def draw(count: int) -> bytes:
        nonlocal drawn
        drawn += 1
        return hashlib.shake_256(_BLINDING + seed + drawn.to_bytes(8, "little")).digest(count)

    return draw


def _by_level(words: Array) -> Array:
    return np.ascontiguousarray(words.reshape(len(LEVELS), -1))


@lru_cache(maxsize=2)
def public_words(
    consortium: bytes, number: int, attempt: int, hospital: str, beacon: bytes, parameters: int
) -> Array:
    """beta of a hospital in an attempt of a round, F (2, parameters); not to be written to."""
    state = hashlib.shake_256(_PUBLIC)
    numbers = number.to_bytes(8, "little"), attempt.to_bytes(8, "little")
    for part in (consortium, *numbers, hospital.encode(), beacon):
        state.update(len(part).to_bytes(8, "little") + part)
    return _by_level(uniform_words(state.digest, len(LEVELS) * parameters))


def padded_public_words(privacy: Privacy, level: int, block: Block, public: Array) -> Array:
    """beta of a block and level, with a word that gives 0 at the padded entries."""
    real = block.pad(np.ones(public.shape[1], dtype=np.uint64))
    return np.where(real, block.pad(public[level]), np.uint64(noise_tables(privacy)[level].middle))


def drawn_noise(privacy: Privacy, words: Array, public: Array) -> Signed:
    """Z = z_0 + 128 z_1 of every parameter, int64 (parameters,)."""
    total = np.zeros(words.shape[1], dtype=np.int64)
    for step, table, own, shared in zip(LEVELS, noise_tables(privacy), words, public, strict=True):
        total += step * (table.places(add(own, shared)) - table.end)
    return total
