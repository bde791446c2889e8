"""Turns of a sumcheck's transcript within kernels: two values are said, a challenge is drawn.

The hashes of a turn are some six blocks of SHA-256, so called one by one most of their time would go into
calls. A verifier has all messages of a sumcheck before it, and hears them at once. Nothing else happens here
than `transcript.py` specifies: tests compare both, message by message.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.jit import MATRIX, SCALAR, kernel, void
from proofward.field.reference import mirrored
from proofward.field.scalar import P
from proofward.proof.sha256 import INITIAL, LANES, compress
from proofward.proof.transcript import Label, Transcript, draw_extension

Array = npt.NDArray[np.uint64]

BYTES, WORDS = "uint8[::1]", "uint32[::1]"
MESSAGE, CHALLENGE = (
    np.frombuffer(label.prefixed, dtype=np.uint8).copy() for label in (Label.MESSAGE, Label.CHALLENGE)
)
TEXT_BYTES = 128
"""A text has at most 1 + 32 + 15 + 8 + 32 bytes, hence two blocks, and its length in bits is below 2^16."""
_ABSORB, _SQUEEZE, _RATCHET = 2, 3, 4


@kernel()
def _put(text, at, value):  # type: ignore[no-untyped-def]
    """A word as 8 bytes, little endian; returns where the next byte goes."""
    for i in range(8):
        text[at + i] = np.uint8(value >> np.uint64(8 * i) & np.uint64(0xFF))
    return at + 8


@kernel()
def _begin(text, use, state, prefix):  # type: ignore[no-untyped-def]
    """The use, the state and the label with its length; returns where the next byte goes."""
    text[0] = use
    text[1 : 1 + state.size] = state
    text[1 + state.size : 1 + state.size + prefix.size] = prefix
    return 1 + state.size + prefix.size


@kernel()
def _digest(text, length, initial, lanes, block, digest):  # type: ignore[no-untyped-def]
    """SHA-256 of the first bytes of `text`, which has room for the padding; one lane of eight is used."""
    blocks = (length + 9 + 63) // 64
    text[length] = 0x80
    text[length + 1 : 64 * blocks - 2] = 0
    text[64 * blocks - 2] = 8 * length >> 8
    text[64 * blocks - 1] = 8 * length & 0xFF
    for i in range(8):
        lanes[i, 0] = initial[i]
    for first in range(0, 64 * blocks, 64):
        for t in range(16):
            word = np.uint32(0)
            for i in range(4):
                word = np.uint32(word << np.uint32(8) | np.uint32(text[first + 4 * t + i]))
            block[t, 0] = word
        compress(lanes, block, 0)
    for i in range(8):
        for j in range(4):
            digest[4 * i + j] = np.uint8(lanes[i, 0] >> np.uint32(24 - 8 * j) & np.uint32(0xFF))


@kernel()
def turn(  # type: ignore[no-untyped-def]
    said, text, digest, lanes, block, state, message, challenge, initial, limit, drawn
):  # fmt: skip
    """Absorb four words and draw two below `limit`, in place of the state.

    text, digest, lanes, block: room for the hashes.
    """
    at = _put(text, _begin(text, _ABSORB, state, message), np.uint64(32))
    for j in range(4):
        at = _put(text, at, said[j])
    _digest(text, at, initial, lanes, block, state)
    count = 0
    while count < 2:
        at = _put(text, _begin(text, _SQUEEZE, state, challenge), np.uint64(0))
        _digest(text, at, initial, lanes, block, digest)
        at = _put(text, _begin(text, _RATCHET, state, challenge), np.uint64(32))
        _digest(text, at, initial, lanes, block, state)
        for j in range(4):
            word = np.uint64(0)
            for byte in range(7, -1, -1):
                word = word << np.uint64(8) | np.uint64(digest[8 * j + byte])
            if word < limit and count < 2:
                drawn[count] = word
                count += 1


@kernel(void(MATRIX, BYTES, BYTES, BYTES, WORDS, SCALAR, MATRIX))
def _hear(sent, state, message, challenge, initial, limit, point):  # type: ignore[no-untyped-def]
    text, digest = np.zeros(TEXT_BYTES, dtype=np.uint8), np.empty(32, dtype=np.uint8)
    lanes, block = np.zeros((8, LANES), dtype=np.uint32), np.zeros((16, LANES), dtype=np.uint32)
    said, drawn = np.empty(4, np.uint64), np.empty(2, np.uint64)
    for i in range(point.shape[1]):
        for j in range(2):
            for plane in range(2):
                said[2 * j + plane] = sent[plane, 2 * i + j]
        turn(said, text, digest, lanes, block, state, message, challenge, initial, limit, drawn)
        point[0, i], point[1, i] = drawn[0], drawn[1]


def _heard_one_by_one(sent: list[list[int]], state: bytes, limit: int = P) -> tuple[list[list[int]], bytes]:
    """`hear`, as `Party.sumcheck` describes it; `limit` is that of the transcript."""
    del limit
    transcript = Transcript.at(state)
    values, point = [Ext(*words) for words in zip(*sent, strict=True)], []
    for first, second in zip(values[0::2], values[1::2], strict=True):
        transcript.absorb(Label.MESSAGE, first.to_bytes() + second.to_bytes())
        point.append(draw_extension(transcript, Label.CHALLENGE))
    return [[value.c0 for value in point], [value.c1 for value in point]], transcript.state


@mirrored(_heard_one_by_one)
def hear(sent: Array, state: bytes, limit: int = P) -> tuple[Array, bytes]:
    """The challenges behind the messages of a sumcheck, two values a round: E-arrays; and the state then.

    ValueError unless every round has two values. Words of a challenge are drawn below `limit`.
    """
    rounds = sent.shape[1] // 2
    if sent.shape != (2, 2 * rounds):
        raise ValueError(f"messages {sent.shape}, expected two a round")
    after, point = np.frombuffer(state, dtype=np.uint8).copy(), np.empty((2, rounds), dtype=np.uint64)
    _hear(np.ascontiguousarray(sent), after, MESSAGE, CHALLENGE, INITIAL, np.uint64(limit), point)
    return point, after.tobytes()
