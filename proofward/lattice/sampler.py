"""Public masks, secrets and errors of the encryption.

Masks    a_j is uniform in R, written as its 4096 values at the odd powers of psi (the transform is a
         bijection, so expanding values saves a transform per block): the first 4096 words below P of the key
         stream of AES-256 in counter mode, read as little-endian words. Its key is
         SHAKE-256("ProofWard/v1/lattice/mask" || beacon || round, 8 bytes little-endian), and block j of the
         vector starts at counter j 2^64. The key is public: as in FrodoKEM's AES variant, AES is modelled as
         an ideal cipher here. It is six times as fast as SHAKE-256, which would take most of the time.
Secrets  ternary, uniform: bytes below 243 of SHAKE-256("ProofWard/v1/lattice/secret" || seed), 5 digits each.
Errors   centred binomial of 84 bits, from AES-256 in counter mode under the secret key
         SHAKE-256("ProofWard/v1/lattice/error" || seed); block j starts at counter j 2^64.
The seed is 32 bytes, drawn once per encryption from the caller's `rng`. Any block can be sampled on its own,
so results do not depend on threads or order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from proofward.lattice import kernels
from proofward.lattice.errors import ArgumentRefused
from proofward.lattice.parameters import MODULUS, RING_DEGREE
from proofward.lattice.ring import Words

Rng = Callable[[int], bytes]
_MASK_LABEL = b"ProofWard/v1/lattice/mask"
_SECRET_LABEL = b"ProofWard/v1/lattice/secret"
_ERROR_LABEL = b"ProofWard/v1/lattice/error"


@dataclass(frozen=True)
class MaskContext:
    """What fixes a round's public masks: the round's beacon (32 bytes) and the round number (below 2^64)."""

    beacon: bytes
    round: int

    def __post_init__(self) -> None:
        if len(self.beacon) != 32:
            raise ArgumentRefused("beacon", "32 bytes", f"{len(self.beacon)} bytes")
        if not 0 <= self.round < 2**64:
            raise ArgumentRefused("round", "0 to 2^64 - 1", self.round)

    def key(self) -> bytes:
        """The public AES-256 key of the round's masks; every field that is hashed has a fixed length."""
        return hashlib.shake_256(_MASK_LABEL + self.beacon + self.round.to_bytes(8, "little")).digest(32)


def key_stream(key: bytes, block: int, size: int) -> bytes:
    """`size` bytes of AES-256 in counter mode from counter block * 2^64 on: blocks never overlap."""
    counter = block.to_bytes(8, "big") + bytes(8)
    return Cipher(algorithms.AES(key), modes.CTR(counter)).encryptor().update(bytes(size))


def key_stream_into(key: bytes, block: int, zeros: bytes, out: NDArray[np.generic]) -> None:
    """Writes the first len(zeros) bytes of `key_stream` over the contiguous array `out` of that size."""
    counter = block.to_bytes(8, "big") + bytes(8)
    Cipher(algorithms.AES(key), modes.CTR(counter)).encryptor().update_into(zeros, out.view(np.uint8).data)


def uniform_words(stream: Callable[[int], bytes], count: int) -> Words:
    """The first `count` words below P of a stream, F-array (count,).

    `stream(size)` is its first `size` bytes. A word is refused with probability 2^-32, so the words needed
    are nearly always the first `count`.
    """
    spare = 0
    while True:
        words = np.frombuffer(stream(8 * (count + spare)), dtype="<u8").astype(np.uint64, copy=False)
        accepted = words if int(words.max(initial=0)) < MODULUS else words[words < np.uint64(MODULUS)]
        if accepted.size >= count:
            return accepted[:count].copy()
        spare = 2 * spare + 8


def mask_values(context: MaskContext, first: int, blocks: int) -> Words:
    """Values of a_first, a_first+1, ...: F-array (blocks, 4096)."""
    key = context.key()
    rows = np.empty((blocks, RING_DEGREE), dtype="<u8")
    zeros = bytes(8 * RING_DEGREE)
    for k in range(blocks):
        key_stream_into(key, first + k, zeros, rows[k])
    words = rows.astype(np.uint64, copy=False)
    for spoiled in np.flatnonzero(words.max(axis=1, initial=0) >= np.uint64(MODULUS)):
        stream = partial(key_stream, key, first + int(spoiled))
        words[spoiled] = uniform_words(stream, RING_DEGREE)
    return words


def draw(rng: Rng, size: int) -> bytes:
    """`size` bytes of `rng`, refusing a source that returns another number."""
    value = rng(size)
    if not isinstance(value, bytes) or len(value) != size:
        raise ArgumentRefused("rng", f"{size} bytes", f"{type(value).__name__} of {len(value)}")
    return value


def ternary_secret(seed: bytes) -> NDArray[np.int8]:
    """A uniform vector of {-1, 0, 1}: int8 (4096,)."""
    needed = -(-RING_DEGREE // 5)
    size = needed + 128
    while True:
        stream = np.frombuffer(hashlib.shake_256(_SECRET_LABEL + seed).digest(size), dtype=np.uint8)
        accepted = stream[stream < 243][:needed]
        if accepted.size == needed:
            digits = accepted[:, None] // np.array([1, 3, 9, 27, 81], dtype=np.uint8) % np.uint8(3)
            return digits.reshape(-1)[:RING_DEGREE].astype(np.int8) - np.int8(1)
        size *= 2


def error_key(seed: bytes) -> bytes:
    """The AES-256 key of the errors of one encryption."""
    return hashlib.shake_256(_ERROR_LABEL + seed).digest(32)


def error_block(key: bytes, block: int, out: NDArray[np.int8]) -> None:
    """Writes the errors of one block, int8 in [-42, 42], to `out` (at most 4096 entries: the first ones).

    The stream is 4096 words of 64 bits, then 4096 of 32 bits of which the lower 20 count.
    """
    stream = key_stream(key, block, 12 * RING_DEGREE)
    wide = np.frombuffer(stream, dtype="<u8", count=RING_DEGREE).astype(np.uint64)
    narrow = np.frombuffer(stream, dtype="<u4", offset=8 * RING_DEGREE).astype(np.uint32)
    kernels.centred_binomial(wide, narrow, out)
