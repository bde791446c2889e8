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
from proofward.proof.sha256 import INITIAL, LANES
from proofward.proof.transcript import Transcript
from proofward.proof.turns import BYTES, CHALLENGE, MESSAGE, TEXT_BYTES, WORDS, turn

Array = npt.NDArray[np.uint64]


@kernel(
    void(
        *(MATRIX, WORD, WORD, "boolean", SCALAR, SCALAR, MATRIX, MATRIX, WORD, MATRIX),
        *(BYTES, BYTES, BYTES, WORDS, SCALAR, MATRIX, MATRIX),
    )
)
def _run(  # type: ignore[no-untyped-def]
    tables, variables, pairs, bound, r0, r1, highs, lows, most, pads,
    state, message, challenge, initial, limit, sent, point,
):  # fmt: skip
    text, digest = np.zeros(TEXT_BYTES, dtype=np.uint8), np.empty(32, dtype=np.uint8)
    lanes, block = np.zeros((8, LANES), dtype=np.uint32), np.zeros((16, LANES), dtype=np.uint32)
    out, said, drawn = np.empty(4, np.uint64), np.empty(4, np.uint64), np.empty(2, np.uint64)
    for i in range(variables):
        left = variables - 1 - i
        low = min(left, most)
        high = left - low
        upper = (highs[0, 1 << high : 2 << high], highs[1, 1 << high : 2 << high])
        lower = (lows[0, 1 << low : 2 << low], lows[1, 1 << low : 2 << low])
        out[:] = 0
        sum_round(tables, 2 << left, pairs, bound, r0, r1, upper, lower, 0, 1 << high, out)
        for j in range(2):
            for plane in range(2):
                said[2 * j + plane] = minus(out[2 * j + plane], pads[plane, 2 * i + j])
                sent[plane, 2 * i + j] = said[2 * j + plane]
        turn(said, text, digest, lanes, block, state, message, challenge, initial, limit, drawn)
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
        np.ascontiguousarray(pads), state, MESSAGE, CHALLENGE, INITIAL, np.uint64(limit), sent, point,
    )  # fmt: skip
    transcript.state = state.tobytes()
    return sent, point
