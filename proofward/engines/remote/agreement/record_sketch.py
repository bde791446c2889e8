"""A sketch of a set of records, small enough to be kept: by two of them it shows that sets share records.

A record is known by 8 bytes of the SHA-256 of its features and its label, as they are enrolled. A sketch has
the KEPT least of them. Where a set has no more different records, that is all of them; of a larger one it is
a sample, and the same sample of equal records in every set, so two sets are compared by the digests that
would be in both sketches. Records that different columns or constants were made into are not recognised.
Whoever has a sketch can tell whether a record that he has in full is among those of the sample, so it stays
at its site.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

KEPT = 1024
SHARED_PERCENT = 10
"""Of the digests of the smaller set: so many in the other one are more than equal records of other people."""
_DIGEST = 8
_DOMAIN = b"proofward/record-sketch/v1"


def sketch_of(features: NDArray[np.int64], labels: NDArray[np.int64]) -> str:
    """Of records int64 (n, d) with labels int64 (n,), as text: hexadecimal digits, 16 a digest, ascending."""
    rows = np.concatenate([features, labels[:, None]], axis=1).astype("<i8")
    found = {hashlib.sha256(_DOMAIN + row.tobytes()).hexdigest()[: 2 * _DIGEST] for row in rows}
    return "".join(sorted(found)[:KEPT])


def is_sketch(text: str) -> bool:
    """Whether it is one, also of no records."""
    digits = set(text) <= set("0123456789abcdef") and len(text) % (2 * _DIGEST) == 0
    own = _digests(text) if digits else []
    return digits and len(own) <= KEPT and own == sorted(set(own))


def share_records(one: str, other: str) -> bool:
    """Whether the sets of two sketches share records; False where either is of no records."""
    left, right = _digests(one), _digests(other)
    if not left or not right:
        return False
    full = [own[-1] for own in (left, right) if len(own) == KEPT]
    within = [{digest for digest in own if all(digest <= last for last in full)} for own in (left, right)]
    shared, smaller = len(within[0] & within[1]), min(map(len, within))
    return 0 < 100 * shared >= SHARED_PERCENT * smaller


def _digests(text: str) -> list[str]:
    return [text[at : at + 2 * _DIGEST] for at in range(0, len(text), 2 * _DIGEST)]
