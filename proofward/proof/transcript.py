"""Fiat-Shamir transcript over SHA-256.

The state is 32 bytes, zero at first. With the state S, a label L of l bytes and data D of d bytes:

    absorb:   S <- SHA-256(0x02 || S || l || L || d || D)
    squeeze:  block i = SHA-256(0x03 || S || l || L || i), as many blocks as are needed, cut to the length;
              then the ratchet S <- SHA-256(0x04 || S || l || L || length)
    expand:   block i = SHA-256(0x05 || seed || i), i = 0, 1, ..
    work:     a nonce N of 8 bytes has b bits of it where SHA-256(0x06 || S || N) begins with b zeros

l has 1 byte, all other integers have 8, little endian. The first byte tells the five uses apart, and from
the leaves (0x00) and nodes (0x01) of Merkle trees. No input of one use is a prefix of another, so SHA-256 may
be taken for a random oracle here in spite of its length extension (Coron, Dodis, Malinaud, Puniya 2005). Two
challenges never share an input, because the state is ratcheted after each. Field elements are drawn by
rejection from 8-byte words, hence exactly uniform.

Labels are the constants of `Label`; nothing else is ever used as one. No relation contains a hash of the
transcript.
"""

from __future__ import annotations

import hashlib
import struct
from enum import Enum
from typing import Protocol

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.scalar import P

Array = npt.NDArray[np.uint64]

# The uses of SHA-256; 0x00 and 0x01 are a commitment's (`commitment/ligero/merkle.py`). A copy of a hash
# object that was started once is twice as fast as a new one.
_ABSORB, _SQUEEZE, _RATCHET, _EXPAND, _WORK = (hashlib.sha256(bytes((use,))) for use in (2, 3, 4, 5, 6))
_COINS = hashlib.sha256(b"coins")
_HASH_BYTES = 32
NONCE_BYTES = 8
_WORDS = struct.Struct("<4Q")


class Label(Enum):
    """Every label that enters a transcript."""

    def __init__(self, name: bytes) -> None:
        self.prefixed = bytes((len(name),)) + name

    PROTOCOL = b"ProofWard/2"
    STATEMENT = b"statement"
    ROOT = b"tableau root"
    MESSAGE = b"padded message"
    SEALED_SHARES = b"sealed shares"
    NONCE = b"nonce"
    CHALLENGE = b"challenge"
    LINEAR = b"linear test polynomial"
    QUADRATIC = b"quadratic test quotient"
    COMBINATION = b"combination seed"
    OUT_OF_DOMAIN = b"out-of-domain point"
    EVALUATIONS = b"out-of-domain evaluations"
    COMBINED_ROW = b"combined row"
    QUERIES = b"column queries"
    POLYNOMIALS = b"root of polynomials"
    COMBINED_COLUMNS = b"combined columns"
    SUMCHECK = b"sumcheck of polynomials"
    VECTOR_COMBINATION = b"combination seed of the vector"
    VECTOR_VALUES = b"values of the vector"
    VECTOR_ROW = b"row of the vector"
    VECTOR_QUERIES = b"column queries of the vector"
    VECTOR_COLUMNS = b"columns of the vector"
    VECTOR_SIBLINGS = b"siblings of the vector"


class Challenger(Protocol):
    """What a party needs of a source of verifier randomness."""

    def absorb(self, label: Label, data: bytes) -> None: ...

    def squeeze(self, label: Label, length: int) -> bytes: ...

    def has_work(self, nonce: bytes, bits: int) -> bool: ...


class Transcript:
    """The non-interactive challenger."""

    __slots__ = ("state",)

    def __init__(self, statement: bytes) -> None:
        self.state = bytes(32)
        self.absorb(Label.PROTOCOL, Label.PROTOCOL.value)
        self.absorb(Label.STATEMENT, statement)

    @classmethod
    def at(cls, state: bytes) -> Transcript:
        """One that has come to this state."""
        transcript = cls.__new__(cls)
        transcript.state = state
        return transcript

    def absorb(self, label: Label, data: bytes) -> None:
        """Make all later challenges depend on the data."""
        self._advance(_ABSORB, label, len(data), data)

    def squeeze(self, label: Label, length: int) -> bytes:
        """Pseudo-random bytes, a function of all that was absorbed and squeezed before."""
        drawn = _blocks(_SQUEEZE, self.state + label.prefixed, length)
        self._advance(_RATCHET, label, length)
        return drawn

    def has_work(self, nonce: bytes, bits: int) -> bool:
        """Whether the hash of the state and the nonce begins with so many zero bits; the state stays."""
        attempt = _WORK.copy()
        attempt.update(self.state + nonce)
        return int.from_bytes(attempt.digest(), "big") >> (8 * _HASH_BYTES - bits) == 0

    def _advance(self, use: hashlib._Hash, label: Label, length: int, data: bytes = b"") -> None:
        state = use.copy()
        state.update(self.state + label.prefixed + length.to_bytes(8, "little") + data)
        self.state = state.digest()


class Coins:
    """An interactive verifier's coins, drawn from a seed whatever was said.

    It is the challenger of a simulated conversation: a simulator may know the coins beforehand. A verifier of
    real proofs never uses this class.
    """

    __slots__ = ("_count", "_seed")

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._count = 0

    def absorb(self, label: Label, data: bytes) -> None:
        """Change nothing."""
        del label, data

    def squeeze(self, label: Label, length: int) -> bytes:
        """The next coins."""
        self._count += 1
        return _blocks(_COINS, self._seed + self._count.to_bytes(8, "little") + label.value, length)

    def has_work(self, nonce: bytes, bits: int) -> bool:
        """Of the nonce 0 and no other, so that a simulated conversation is well defined.

        There is no work in it: who cannot compute the coins cannot try them again.
        """
        del bits
        return nonce == bytes(NONCE_BYTES)


def _blocks(use: hashlib._Hash, text: bytes, length: int) -> bytes:
    """The first `length` bytes of SHA-256(use || text || i) for i = 0, 1, .."""
    started = use.copy()
    started.update(text)
    if 0 < length <= _HASH_BYTES:
        started.update(bytes(8))
        return started.digest()[:length]
    blocks = []
    for i in range(-(-length // _HASH_BYTES)):
        block = started.copy()
        block.update(i.to_bytes(8, "little"))
        blocks.append(block.digest())
    return b"".join(blocks)[:length]


def draw_extension(challenger: Challenger, label: Label) -> Ext:
    """One uniform element of E."""
    limbs: list[int] = []
    while len(limbs) < 2:
        data = challenger.squeeze(label, 32)
        limbs += [word for word in _WORDS.unpack(data) if word < P]
    return Ext(limbs[0], limbs[1])


def expand_extension(seed: bytes, count: int) -> Array:
    """`count` uniform elements of E from a squeezed seed, as an E-array.

    The stream of 8-byte words of the expansion is filtered by rejection; the first `count` words that are
    left are plane 0, the next are plane 1.
    """
    wanted = 2 * count
    words = np.empty(0, dtype=np.uint64)
    spare = 0
    while words.size < wanted:
        drawn = np.frombuffer(_blocks(_EXPAND, seed, 8 * (wanted + spare)), dtype="<u8")
        words = drawn[drawn < np.uint64(P)].astype(np.uint64)
        spare = 2 * spare + 4
    return words[:wanted].reshape(2, count)


def draw_indices(challenger: Challenger, label: Label, count: int, size: int) -> list[int]:
    """`count` distinct uniform indices below `size` (a power of two), ascending."""
    chosen: set[int] = set()
    while len(chosen) < count:
        data = challenger.squeeze(label, 4 * count)
        for i in range(0, len(data), 4):
            if len(chosen) < count:
                chosen.add(int.from_bytes(data[i : i + 4], "little") & (size - 1))
    return sorted(chosen)
