"""Sharing of a nonce among the enrolled hospitals so that nobody can withhold it.

What is shown. A dealer's nonce is fixed by its deal, up to t holders learn nothing of it, and t + 1 honest
holders that have vouched for the deal can open it without the dealer.

Messages, for hospitals j with points x_j = index in the rules + 1:
    dealer: f over F^4 and g over E, polynomials of degree t; for every holder j a salt and
            D_j = SHA-256(context, j, f(x_j), g(x_j), salt_j)
            c = SHA-256(context, all D_j), an element of E
            u = g + c f_1 + c^2 f_2 + c^3 f_3 + c^4 f_4,   t + 1 coefficients
            sealed to each holder: f(x_j), g(x_j), salt_j
    holder: whether its share opens D_j and u(x_j) = g(x_j) + sum_i c^i f_i(x_j)
    later, every holder: its share.  The nonce is f(0).

Soundness. The digests fix what each holder can show before c is known. If the shares that pass do not lie on
polynomials of degree t, a parity check of them is a nonzero polynomial of degree at most 4 in c, so they pass
with probability 4 / |E| for each c that a dealer tries by another set of digests. There is a parity check for
each t + 2 of the h holders, so with Q hashes the error is at most 4 C(h, t + 2) Q / |E|.
Otherwise all shares that pass lie on one polynomial, and any t + 1 of them give one nonce.

How it hides. t shares of f leave f(0) uniform, and u tells nothing of f, since g is uniform.
Source: Feldman and Pedersen's verifiable sharing with hashes in place of group elements, and Fiat-Shamir.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from proofward.encoding.remembered import Remembered
from proofward.federation.messages.basics.field_types import BEACON_SHARE_BYTES
from proofward.federation.messages.beacon import hash_parts
from proofward.field.extension import DEGREE, ELEMENT_BYTES, Ext
from proofward.field.goldilocks import random_field
from proofward.field.scalar import P
from proofward.lattice.shamir import lagrange_weights

NONCE_WORDS = 4
SALT_BYTES = 32
SEED_BYTES = 32
_SHARE = b"proofward/beacon-share/v2"
_CHALLENGE = b"proofward/beacon-challenge/v2"
_DRAW = b"proofward/beacon-deal/v2"
_ZERO = Ext(0)


@dataclass(frozen=True)
class NonceShare:
    """A holder's share: f at its point, 4 elements of F; g there, in E; the salt of its digest."""

    values: tuple[int, ...]
    mask: Ext
    salt: bytes

    def to_bytes(self) -> bytes:
        """80 bytes."""
        words = b"".join(value.to_bytes(8, "little") for value in self.values)
        return words + self.mask.to_bytes() + self.salt

    @staticmethod
    def from_bytes(data: bytes) -> NonceShare:
        """Inverse of `to_bytes`; raises ValueError."""
        if len(data) != BEACON_SHARE_BYTES:
            raise ValueError(f"share of a nonce: expected {BEACON_SHARE_BYTES} bytes, found {len(data)}")
        end = 8 * NONCE_WORDS
        salt = end + ELEMENT_BYTES
        values = tuple(int.from_bytes(data[at : at + 8], "little") for at in range(0, end, 8))
        if max(values) >= P:
            raise ValueError("share of a nonce: expected elements below P, found a larger word")
        return NonceShare(values, Ext.from_bytes(data[end:salt]), data[salt:])


@dataclass(frozen=True)
class Deal:
    """commitments: D_j by place in the rules, b"" for who is no holder; check: u; shares: by place."""

    commitments: tuple[bytes, ...]
    check: bytes
    shares: Mapping[int, NonceShare]


def _digest(context: bytes, place: int, share: NonceShare) -> bytes:
    return hash_parts(_SHARE, context, place.to_bytes(8, "little"), share.to_bytes())


def _challenge(context: bytes, commitments: Sequence[bytes]) -> Ext:
    data = hash_parts(_CHALLENGE, context, *commitments)
    words = (hashlib.sha256(data + bytes([i])).digest() for i in range(DEGREE))
    return Ext.of_limbs(int.from_bytes(word, "little") for word in words)


def _horner(coefficients: Sequence[int], x: int) -> int:
    value = 0
    for coefficient in reversed(coefficients):
        value = (value * x + coefficient) % P
    return value


def _ext_horner(coefficients: Sequence[Ext], x: int) -> Ext:
    value = _ZERO
    for coefficient in reversed(coefficients):
        value = value * x + coefficient
    return value


def _stream(seed: bytes) -> Callable[[int], bytes]:
    state = hashlib.shake_256(_DRAW + seed)
    at = 0

    def draw(count: int) -> bytes:
        nonlocal at
        at += count
        return state.digest(at)[at - count :]

    return draw


def deal(context: bytes, seed: bytes, places: Sequence[int], holders: int, threshold: int) -> Deal:
    """The deal that follows from a seed of 32 bytes, for the holders at `places` of `holders` hospitals."""
    draw = _stream(seed)
    count = threshold + 1
    words = [int(word) for word in random_field(count * (NONCE_WORDS + DEGREE), draw)]
    f = [words[i * count : (i + 1) * count] for i in range(NONCE_WORDS)]
    planes = [words[i * count : (i + 1) * count] for i in range(NONCE_WORDS, NONCE_WORDS + DEGREE)]
    g = [Ext.of_limbs(limbs) for limbs in zip(*planes, strict=True)]
    shares = {
        place: NonceShare(
            tuple(_horner(part, place + 1) for part in f), _ext_horner(g, place + 1), draw(SALT_BYTES)
        )
        for place in places
    }
    commitments = tuple(
        _digest(context, place, shares[place]) if place in shares else b"" for place in range(holders)
    )
    c = _challenge(context, commitments)
    u = [mask + _combined([part[d] for part in f], c) for d, mask in enumerate(g)]
    return Deal(commitments, b"".join(element.to_bytes() for element in u), shares)


def _combined(values: Sequence[int], c: Ext) -> Ext:
    """sum_i c^i values[i - 1]."""
    total, power = _ZERO, c
    for value in values:
        total, power = total + power * value, power * c
    return total


def _elements(check: bytes) -> list[Ext]:
    """The elements of E in canonical bytes; raises ValueError."""
    return [Ext.from_bytes(check[at : at + ELEMENT_BYTES]) for at in range(0, len(check), ELEMENT_BYTES)]


def is_check(check: bytes, threshold: int) -> bool:
    """Whether the bytes are t + 1 canonical elements of E."""
    if len(check) != ELEMENT_BYTES * (threshold + 1):
        return False
    try:
        _elements(check)
    except ValueError:
        return False
    return True


def share_is_good(
    context: bytes, commitments: Sequence[bytes], check: bytes, place: int, data: bytes
) -> bool:
    """Whether these bytes are the share that the deal has fixed for the holder at `place`.

    It is remembered, see `encoding.remembered`.
    """
    return _good_shares((context, tuple(commitments), check, place, data))


def _is_good(claim: tuple[bytes, tuple[bytes, ...], bytes, int, bytes]) -> bool:
    context, commitments, check, place, data = claim
    try:
        share = NonceShare.from_bytes(data)
    except ValueError:
        return False
    if _digest(context, place, share) != commitments[place]:
        return False
    u = _elements(check)
    expected = share.mask + _combined(share.values, _challenge(context, commitments))
    return _ext_horner(u, place + 1) == expected


_good_shares = Remembered(_is_good, lambda claim, _: 4 * len(claim[-1]))
"""Its keys share the commitments and the check of a deal: what a share adds is little more than itself."""


def nonce(shares: Mapping[int, bytes], threshold: int) -> bytes:
    """f(0) (32 bytes) from good shares by place, at least t + 1."""
    places = sorted(shares)[: threshold + 1]
    if len(places) <= threshold:
        raise ValueError(f"nonce: expected {threshold + 1} shares, found {len(places)}")
    weights = lagrange_weights(places)
    parts = [NonceShare.from_bytes(shares[place]).values for place in places]
    words = [sum(w * part[i] for w, part in zip(weights, parts, strict=True)) % P for i in range(NONCE_WORDS)]
    return b"".join(word.to_bytes(8, "little") for word in words)
