"""What stands before the proof of an evaluation: rows left out, and a hospital's own counts if it publishes.

Where the rules let hospitals leave rows out, their numbers at both ends, four bytes each. Then, if counts are
published, `MARK` and four bytes a count. A proof begins with the root of a commitment, a hash; so whoever
reads it knows whether there are counts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LEFT_OUT_BYTES = 4
"""Of each of the two numbers of rows left out."""
MARK = b"proofward/counts"
"""Sixteen bytes."""
COUNT_BYTES = 4


def counts_to_header(counts: Sequence[int]) -> bytes:
    """Published counts as they stand there; nothing where nothing is published."""
    return MARK + np.array(counts, dtype="<u4").tobytes() if counts else b""


def counts_in_header(data: bytes, length: int) -> tuple[tuple[int, ...], bytes]:
    """So many counts and what stands behind them; () and all of it where none are published.

    Raises ValueError where there are fewer.
    """
    size = len(MARK) + COUNT_BYTES * length
    if not data.startswith(MARK):
        return (), data
    if len(data) < size:
        raise ValueError(f"expected {length} published counts before the proof")
    return tuple(np.frombuffer(data[len(MARK) : size], dtype="<u4").tolist()), data[size:]


def published_in(proof: bytes, length: int, left_out: int) -> tuple[int, ...]:
    """The counts that stand before a whole proof, () where none are published; raises ValueError.

    left_out: what the counting admits at each end, see `Counting`.
    """
    return counts_in_header(proof[2 * LEFT_OUT_BYTES if left_out else 0 :], length)[0]
