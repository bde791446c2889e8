"""Fiat-Shamir transcript over SHAKE-256.

State: 64 bytes. `absorb` replaces it by SHAKE-256(state || len(label) || label || len(data) || data); a
challenge is squeezed from
SHAKE-256(state || "squeeze" || label) after the state has been advanced by the label, so two challenges never
share an input.
Field elements are drawn by rejection from 8-byte little-endian words, hence exactly uniform.

Labels are the constants of `Label`; nothing else is ever used as one. No relation contains a hash of the
transcript.
"""

from __future__ import annotations

import hashlib
from enum import Enum
from typing import Protocol

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.scalar import P

Array = npt.NDArray[np.uint64]


class Label(Enum):
    """Every label that enters a transcript."""

    PROTOCOL = b"ProofWard/1"
    STATEMENT = b"statement"
    ROOT = b"tableau root"
    MESSAGE = b"padded message"
    SEALED_SHARES = b"sealed shares"
    CHALLENGE = b"challenge"
    LINEAR = b"linear test polynomial"
    QUADRATIC = b"quadratic test quotient"
    COMBINATION = b"combination seed"
    OUT_OF_DOMAIN = b"out-of-domain point"
    EVALUATIONS = b"out-of-domain evaluations"
    COMBINED_ROW = b"combined row"
    QUERIES = b"column queries"


class Challenger(Protocol):
    """What a party needs of a source of verifier randomness."""

    def absorb(self, label: Label, data: bytes) -> None: ...

    def squeeze(self, label: Label, length: int) -> bytes: ...


class Transcript:
    """The non-interactive challenger."""

    __slots__ = ("_state",)

    def __init__(self, statement: bytes) -> None:
        self._state = bytes(64)
        self.absorb(Label.PROTOCOL, Label.PROTOCOL.value)
        self.absorb(Label.STATEMENT, statement)

    def absorb(self, label: Label, data: bytes) -> None:
        name = label.value
        header = len(name).to_bytes(1, "little") + name + len(data).to_bytes(8, "little")
        self._state = hashlib.shake_256(self._state + header + data).digest(64)

    def squeeze(self, label: Label, length: int) -> bytes:
        self.absorb(Label.CHALLENGE, label.value)
        return hashlib.shake_256(self._state + b"squeeze").digest(length)


class Coins:
    """An interactive verifier's coins, drawn from a seed whatever was said: the challenger of a simulated
    conversation.

    A simulator may know the coins beforehand; a verifier of real proofs never uses this class.
    """

    __slots__ = ("_count", "_seed")

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._count = 0

    def absorb(self, label: Label, data: bytes) -> None:
        del label, data

    def squeeze(self, label: Label, length: int) -> bytes:
        self._count += 1
        prefix = self._seed + self._count.to_bytes(8, "little")
        return hashlib.shake_256(prefix + label.value).digest(length)


def draw_extension(challenger: Challenger, label: Label) -> Ext:
    """One uniform element of E."""
    limbs: list[int] = []
    while len(limbs) < 2:
        data = challenger.squeeze(label, 32)
        words = [int.from_bytes(data[i : i + 8], "little") for i in range(0, 32, 8)]
        limbs += [word for word in words if word < P]
    return Ext(limbs[0], limbs[1])


def expand_extension(seed: bytes, count: int) -> Array:
    """`count` uniform elements of E from a squeezed seed, an E-array: SHAKE-256(seed || i) for i = 0, 1, ..
    as 8-byte words, rejected above P.
    """
    words = np.empty(0, dtype=np.uint64)
    block = 0
    while words.size < 2 * count:
        data = hashlib.shake_256(seed + block.to_bytes(8, "little")).digest(8 * (2 * count - words.size))
        fresh = np.frombuffer(data, dtype="<u8")
        words = np.concatenate([words, fresh[fresh < np.uint64(P)]])
        block += 1
    return np.ascontiguousarray(words.reshape(2, count))


def draw_indices(challenger: Challenger, label: Label, count: int, size: int) -> list[int]:
    """`count` distinct uniform indices below `size` (a power of two), ascending."""
    chosen: set[int] = set()
    while len(chosen) < count:
        data = challenger.squeeze(label, 4 * count)
        for i in range(0, len(data), 4):
            if len(chosen) < count:
                chosen.add(int.from_bytes(data[i : i + 4], "little") & (size - 1))
    return sorted(chosen)
