"""Drawing a committee by a beacon: the same for everybody, uniform, and of no use to who steps back.

A draw is a random order of a list of names that was fixed before the beacon could be known, and the committee
is the first of this order that can take part. So whoever leaves after the beacon is known opens its own seat
to the next of the order and changes no other: a dishonest member that steps back buys no second draw.

The order is that of Fisher and Yates, from the words of a stream:

    stream  = SHAKE-256(domain, beacon, purpose, round, subject), each part after its length
    u       = the next 8 bytes, little endian; rejected unless u < 2^64 - (2^64 mod (n - i))
    place i = the name at place i + (u mod (n - i)) of what is left

Error. None: with a uniform stream every order has the same probability, which is what rejection is for.
Purpose, round and subject separate draws from each other, in the random-oracle model for SHAKE-256.
Source: Fisher and Yates, "Statistical Tables", 1938, in Durstenfeld's form.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from itertools import islice

HOLDERS = "holders"
VERIFIERS = "verifiers"
_DOMAIN = b"proofward/committee/v1"
_WORD = 8
_BLOCK = 1 << 10


def _stream(beacon: bytes, purpose: str, number: int, subject: str) -> Iterator[int]:
    """The words of a draw, below 2^64."""
    parts = (_DOMAIN, beacon, purpose.encode(), number.to_bytes(8, "little"), subject.encode())
    state = hashlib.shake_256(b"".join(len(part).to_bytes(8, "little") + part for part in parts))
    at, length = 0, _BLOCK
    while True:
        data = state.digest(length)
        for start in range(at, length, _WORD):
            yield int.from_bytes(data[start : start + _WORD], "little")
        at, length = length, 2 * length


def _below(words: Iterator[int], bound: int) -> int:
    """The next number that is uniform in [0, bound)."""
    limit = (1 << 64) - (1 << 64) % bound
    return next(word for word in words if word < limit) % bound


def order(
    beacon: bytes, purpose: str, number: int, members: Sequence[str], subject: str = ""
) -> Iterator[str]:
    """The names in their random order; `members` ascending, so that everybody draws from one list."""
    if list(members) != sorted(set(members)):
        raise ValueError("members: expected distinct names in ascending order")
    words, moved = _stream(beacon, purpose, number, subject), dict[int, int]()
    for place in range(len(members)):
        chosen = place + _below(words, len(members) - place)
        yield members[moved.get(chosen, chosen)]
        moved[chosen] = moved.pop(place, place)


def committee(
    beacon: bytes,
    purpose: str,
    number: int,
    members: Sequence[str],
    size: int,
    *,
    able: Collection[str],
    subject: str = "",
) -> tuple[str, ...]:
    """The first `size` of the order that are `able`, ascending; all of these where there are fewer."""
    here = frozenset(able)
    drawn = (name for name in order(beacon, purpose, number, members, subject) if name in here)
    return tuple(sorted(islice(drawn, size)))
