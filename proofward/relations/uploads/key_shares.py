"""Sharing of the key of a ciphertext among the holders, bound to its proof.

The key s is shared by a polynomial over F^4096 with coefficients c_0 = s, c_1 .. c_t, all committed. Holder x
gets, sealed, its share c(x) = sum_d c_d x^d and its blind b(x) = sum_d b_d x^d, where b_0 .. b_t are pads of
the proof.

What is proved. Whoever opens its sealed share finds the share of the committed polynomial, or a check fails
that everybody can repeat.

Messages, right after the witness is committed, with c_d(r) the multilinear extension of c_d:
    prover: the digests of all sealed shares, absorbed into the transcript
    verifier: r in E^12, then w in E, w != 0
    prover: phi_d = c_d(r) / w - b_d,   d = 0 .. t
Holder x opens (share, blind) and checks
    share(r) / w - blind = sum_d phi_d x^d.

Soundness: (12 + 1) / |E| for each holder. Polynomial and pads are committed, and a digest fixes share and
blind, since a sealed message opens in one way under the key that its holder has published. All that is before
r is drawn. With D = share - c(x) and delta = blind - b(x) the check says D(r) = w delta. If D is not 0, D(r)
is a nonzero polynomial of degree 12 in r: for delta = 0 it must vanish at r, 12 / |E|. For delta != 0 only
one w will do, 1 / (|E| - 1). If D = 0 and delta != 0 no w does. So a dealer that seals another blind, a
constant shift of the share (whose extension is constant), or shares of another key is caught, and one that
seals anew after the proof has sealed something else than the transcript absorbed.

How it hides. phi_d is padded by b_d. Up to t holders know the polynomial b at t points other than 0, which
leaves b_0 uniform, and with it phi_0; what else they see follows from their own shares. Digests of sealed
bytes say no more than the sealed bytes do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.encoding import MalformedMessage
from proofward.field.extension import DEGREE, ELEMENT_BYTES, Ext
from proofward.field.goldilocks import is_canonical, to_field
from proofward.field.multilinear import evaluate
from proofward.lattice.parameters import RING_DEGREE
from proofward.lattice.shamir import share
from proofward.proof.forms import PAD, ZERO, Column, Point, pad_key
from proofward.proof.party import Party
from proofward.proof.transcript import Label

Array = npt.NDArray[np.uint64]

LOG_RING_DEGREE = RING_DEGREE.bit_length() - 1
DIGEST_BYTES = 32
_HEADER = 4 + ELEMENT_BYTES

Digests = tuple[bytes, ...]
"""For every holder the SHA-256 of its sealed share; empty where nothing is sealed."""


@dataclass(frozen=True, slots=True)
class KeyShare:
    """What one holder gets: the key's share, F (4096,), and its blind."""

    holder: int
    values: Array
    blind: Ext

    def to_bytes(self) -> bytes:
        return self.holder.to_bytes(4, "little") + self.blind.to_bytes() + self.values.astype("<u8").tobytes()

    @staticmethod
    def from_bytes(data: bytes) -> KeyShare:
        """Inverse of `to_bytes`; raises MalformedMessage."""
        if len(data) != _HEADER + 8 * RING_DEGREE:
            raise MalformedMessage("key share", f"{_HEADER + 8 * RING_DEGREE} bytes", f"{len(data)} bytes")
        words = np.frombuffer(data[4:], dtype="<u8").astype(np.uint64)
        if not is_canonical(words):
            raise MalformedMessage("key share", "elements below P", "a larger word")
        holder, blind = int.from_bytes(data[:4], "little"), Ext.from_bytes(data[4:_HEADER])
        return KeyShare(holder, words[DEGREE:].copy(), blind)


def deal_shares(
    secret: npt.NDArray[np.int8], coefficients: Array, blinds: Sequence[Ext], holders: int
) -> tuple[KeyShare, ...]:
    """Every holder's share of the key, from c_1 .. c_t, F (t, 4096), and b_0 .. b_t."""
    values = share(to_field(secret.astype(np.int64)), coefficients, holders)
    return tuple(KeyShare(holder, values[holder], _value(blinds, holder + 1)) for holder in range(holders))


def digests_to_bytes(digests: Digests) -> bytes:
    """What the transcript absorbs: each digest after its length, one byte. ValueError for other lengths."""
    for digest in digests:
        if len(digest) not in (0, DIGEST_BYTES):
            raise ValueError(
                f"digest of a sealed share: expected 0 or {DIGEST_BYTES} bytes, got {len(digest)}"
            )
    return b"".join(len(digest).to_bytes(1, "little") + digest for digest in digests)


@dataclass(frozen=True, slots=True)
class ShareBinding:
    """The public check of every holder's share: r and 1 / w (13 coordinates), and phi_0 .. phi_t."""

    point: Point
    values: tuple[Ext, ...]

    def to_bytes(self) -> bytes:
        """The point, then the values: 16 bytes each."""
        return b"".join(element.to_bytes() for element in (*self.point, *self.values))

    @staticmethod
    def from_bytes(data: bytes) -> ShareBinding:
        """Inverse of `to_bytes`; raises ValueError."""
        place, size = LOG_RING_DEGREE + 1, ELEMENT_BYTES
        elements = tuple(Ext.from_bytes(data[start : start + size]) for start in range(0, len(data), size))
        if len(elements) <= place:
            raise ValueError(f"share binding: expected more than {place} elements, found {len(elements)}")
        return ShareBinding(elements[:place], elements[place:])

    def matches(self, holder: int, share: Array, blind: Ext) -> bool:
        """Whether share(r) / w - blind = sum_d phi_d x^d at x = holder + 1; share F-array (4096,)."""
        *place, scale = self.point
        return evaluate(share, tuple(place)) * scale - blind == _value(self.values, holder + 1)


def discard(binding: ShareBinding) -> None:
    """Who proves or counts needs no binding."""


def bind_shares(
    party: Party, coefficients: Sequence[Column], holders: int, digests: Callable[[list[Ext]], Digests]
) -> ShareBinding:
    """Run the relation for the columns c_0 .. c_t.

    `digests` gets b_0 .. b_t from a prover, which deals and seals the shares; all others know the digests.
    """
    # the pads of the values that are sent below
    keys = [pad_key(PAD, party.pads + degree) for degree in range(len(coefficients))]

    def announced() -> bytes:
        return digests_to_bytes(digests([party.pad(key) for key in keys] if party.knows_witness else []))

    party.announce(Label.SEALED_SHARES, announced)
    point = party.challenges(LOG_RING_DEGREE)
    scale = party.challenge().inverse()
    party.soundness.add("share binding", "Schwartz-Zippel", holders * (LOG_RING_DEGREE + 1))
    values = [ZERO] * len(coefficients)
    if party.knows_witness:
        values = [evaluate(party.values(column), point) * scale for column in coefficients]
    sent = party.send_all(values)
    for form, column in zip(sent, coefficients, strict=True):
        party.assert_zero(form - column.at(point) * scale)
    return ShareBinding((*point, scale), tuple(form.constant for form in sent))


def _value(coefficients: Sequence[Ext], x: int) -> Ext:
    """sum_d coefficients[d] x^d."""
    value = ZERO
    for coefficient in reversed(coefficients):
        value = value * x + coefficient
    return value
