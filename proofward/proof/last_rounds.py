"""The last rounds of a prover's sumcheck in one kernel, the transcript included.

A round of a short table is some hundred products, and the hashes between two rounds are four blocks of
SHA-256. So most of its time would go into calls. Nothing else happens here than in `Party.sumcheck`: the
messages, less their pads, are absorbed, and the challenge is drawn, as `transcript.py` specifies it. Tests
compare both, message by message.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from proofward.field.extension import Ext
from proofward.field.jit import MATRIX, SCALAR, WORD, kernel, void
from proofward.field.rounds import bind_rows, sum_round
from proofward.field.scalar import P, minus
from proofward.proof.sha256 import INITIAL, LANES, compress
from proofward.proof.transcript import Label, Transcript

Array = npt.NDArray[np.uint64]

_BYTES, _WORDS = "uint8[::1]", "uint32[::1]"
_MESSAGE, _CHALLENGE = (
    np.frombuffer(label.prefixed, dtype=np.uint8).copy() for label in (Label.MESSAGE, Label.CHALLENGE)
)
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


@kernel(
    void(
        *(MATRIX, WORD, WORD, "boolean", SCALAR, SCALAR, MATRIX, MATRIX, WORD, MATRIX),
        *(_BYTES, _BYTES, _BYTES, _WORDS, SCALAR, MATRIX, MATRIX),
    )
)
def _run(  # type: ignore[no-untyped-def]
    tables, variables, pairs, bound, r0, r1, highs, lows, most, pads,
    state, message, challenge, initial, limit, sent, point,
):  # fmt: skip
    # A text has at most 1 + 32 + 15 + 8 + 32 bytes, hence two blocks, and its length in bits is below 2^16.
    text, digest = np.zeros(128, dtype=np.uint8), np.empty(32, dtype=np.uint8)
    lanes, block = np.zeros((8, LANES), dtype=np.uint32), np.zeros((16, LANES), dtype=np.uint32)
    out, drawn = np.empty(4, dtype=np.uint64), np.empty(2, dtype=np.uint64)
    for i in range(variables):
        left = variables - 1 - i
        low = min(left, most)
        high = left - low
        upper = (highs[0, 1 << high : 2 << high], highs[1, 1 << high : 2 << high])
        lower = (lows[0, 1 << low : 2 << low], lows[1, 1 << low : 2 << low])
        out[:] = 0
        sum_round(tables, 2 << left, pairs, bound, r0, r1, upper, lower, 0, 1 << high, out)
        at = _begin(text, _ABSORB, state, message)
        at = _put(text, at, np.uint64(32))
        for j in range(2):
            for plane in range(2):
                value = minus(out[2 * j + plane], pads[plane, 2 * i + j])
                sent[plane, 2 * i + j] = value
                at = _put(text, at, value)
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
        r0, r1, bound = drawn[0], drawn[1], False
        point[0, i], point[1, i] = r0, r1
    bind_rows(tables, 1, r0, r1, 0, 1)


def last_rounds(
    tables: Array,
    pairs: int,
    pending: Ext | None,
    weights: tuple[Array, Array, int],
    pads: Array,
    transcript: Transcript,
    limit: int = P,
) -> tuple[Array, Array]:
    """Run all rounds that are left and bind every variable; returns what was sent, and the point: E-arrays.

    tables: as in `field.rounds`; `pending` is the challenge that their first variable is still to be bound
    to. weights: suffix tables of the upper and of the lower variables, and the most that the latter can be.
    pads: of all messages. Words of a challenge are drawn below `limit`. ValueError where they do not fit.
    """
    variables = pads.shape[1] // 2
    highs, lows, most = weights
    length = (1 << variables) * (1 if pending is None else 2)
    if variables < 1 or tables.shape[1] < length or lows.shape[1] < 2 << min(variables - 1, most):
        raise ValueError(f"{pads.shape[1]} pads for tables {tables.shape} and weights {lows.shape}")
    if highs.shape[1] < 2 << max(0, variables - 1 - most):
        raise ValueError(f"weights {highs.shape} and {lows.shape} for {variables} variables")
    sent, point = np.empty((2, 2 * variables), dtype=np.uint64), np.empty((2, variables), dtype=np.uint64)
    state = np.frombuffer(transcript.state, dtype=np.uint8).copy()
    r = Ext(0) if pending is None else pending
    _run(
        tables, variables, pairs, pending is None, np.uint64(r.c0), np.uint64(r.c1), highs, lows, most,
        np.ascontiguousarray(pads), state, _MESSAGE, _CHALLENGE, INITIAL, np.uint64(limit), sent, point,
    )  # fmt: skip
    transcript.state = state.tobytes()
    return sent, point
