"""Sealing of key shares from dealer to holder, and complaints about them that anybody can check.

Keys       every (dealer, holder) pair of a round's attempt has its own key pair, which the holder derives by
           HKDF from one 32-byte seed of that attempt and publishes before the dealer seals. HPKE base mode
           (RFC 9180) with ML-KEM-768 + X25519 (draft-ietf-hpke-pq), HKDF-SHA256 and AES-256-GCM; `info` binds
           consortium, round, attempt, dealer and holder. The hybrid keeps recorded shares secret from later
           quantum computers too; its encapsulation takes its randomness from the operating system (the
           standard has no seed argument).
Complaint  the holder publishes the 32-byte secret of that single pair. Anybody derives the public key from
           it, compares it with the published one, opens the sealed share and looks at it.
Soundness  an honest dealer cannot be blamed: a secret that derives the published key opens what was sealed to
           that key (up to the decryption failures of ML-KEM, below 2^-160), and another secret needs a
           collision of the key derivation; a share that opens to an acceptable one refuses the complaint. A
           dealer who sealed garbage is blamed, because opening has one outcome for everybody.
Hides      a complaint reveals one share of one dealer in one round, and no other pair's key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from proofward.lattice.errors import ArgumentRefused, ComplaintRefused, SealBroken

PUBLIC_KEY_BYTES = 1184 + 32
"""ML-KEM-768 encapsulation key, then X25519 public key."""

PAIR_SECRET_BYTES = 32
_PAIR_LABEL = b"ProofWard/v1/lattice/pair"
_KEY_LABEL = b"ProofWard/v1/lattice/pair-key"
_SEAL_LABEL = b"ProofWard/v1/lattice/seal"


def _suite() -> Suite:
    return Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


SEAL_OVERHEAD = 1120 + 16
"""A sealed share is this many bytes longer than the share: encapsulation 1088 + 32 and tag 16."""


@dataclass(frozen=True)
class Pair:
    """Who seals to whom: consortium digest (32 bytes), round and attempt below 2^64, names of both."""

    consortium: bytes
    round: int
    attempt: int
    dealer: str
    holder: str

    def __post_init__(self) -> None:
        if len(self.consortium) != 32:
            raise ArgumentRefused("consortium", "32 bytes", f"{len(self.consortium)} bytes")
        for field, number in (("round", self.round), ("attempt", self.attempt)):
            if not 0 <= number < 2**64:
                raise ArgumentRefused(field, "0 to 2^64 - 1", number)
        for field, name in (("dealer", self.dealer), ("holder", self.holder)):
            if not name or any("\ud800" <= character <= "\udfff" for character in name):
                raise ArgumentRefused(field, "a name in Unicode", repr(name))

    def to_bytes(self) -> bytes:
        """The pair in one way only: fixed-length numbers, names with their lengths."""
        numbers = self.round.to_bytes(8, "little") + self.attempt.to_bytes(8, "little")
        names = (name.encode() for name in (self.dealer, self.holder))
        return self.consortium + numbers + b"".join(len(n).to_bytes(4, "little") + n for n in names)


def pair_secret(seed: bytes, pair: Pair) -> bytes:
    """The 32-byte secret of one pair, which a complaint reveals, from the holder's 32-byte seed."""
    if len(seed) != 32:
        raise ArgumentRefused("seed", "32 bytes", f"{len(seed)} bytes")
    return HKDF(hashes.SHA256(), PAIR_SECRET_BYTES, None, _PAIR_LABEL + pair.to_bytes()).derive(seed)


def _private_key(secret: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    if not isinstance(secret, bytes) or len(secret) != PAIR_SECRET_BYTES:
        raise ArgumentRefused("pair secret", f"{PAIR_SECRET_BYTES} bytes", f"{len(secret)} bytes")
    material = HKDFExpand(hashes.SHA256(), 96, _KEY_LABEL).derive(secret)
    lattice = MLKEM768PrivateKey.from_seed_bytes(material[:64])
    return lattice, X25519PrivateKey.from_private_bytes(material[64:])


def public_key(secret: bytes) -> bytes:
    """The public key that belongs to a pair's secret, 1216 bytes."""
    lattice, curve = _private_key(secret)
    return lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()


def seal(pair: Pair, holder_key: bytes, share: bytes) -> bytes:
    """Seals a share to the holder's key of this pair; `ArgumentRefused` if that is not a public key."""
    if len(holder_key) != PUBLIC_KEY_BYTES:
        raise ArgumentRefused("public key", f"{PUBLIC_KEY_BYTES} bytes", f"{len(holder_key)} bytes")
    try:
        key = MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(holder_key[:1184]),
            X25519PublicKey.from_public_bytes(holder_key[1184:]),
        )
        return _suite().encrypt(share, key, _SEAL_LABEL + pair.to_bytes())
    except ValueError as error:
        raise ArgumentRefused("public key", "an ML-KEM-768 key and an X25519 key", str(error)) from error


def open_sealed(pair: Pair, secret: bytes, sealed: bytes) -> bytes:
    """The share, from a pair's secret; `SealBroken` if the bytes were not sealed to its key for this pair."""
    key = MLKEM768X25519PrivateKey(*_private_key(secret))
    try:
        return _suite().decrypt(sealed, key, _SEAL_LABEL + pair.to_bytes())
    except (InvalidTag, ValueError) as error:
        expected = (
            f"bytes sealed by {pair.dealer} to {pair.holder}, round {pair.round}, attempt {pair.attempt}"
        )
        raise SealBroken("sealed share", expected, f"{len(sealed)} bytes that do not open") from error


@dataclass(frozen=True)
class DealerFault:
    """The verdict on a justified complaint: who sealed what could not be used."""

    dealer: str
    holder: str
    reason: str


def check_complaint(
    pair: Pair, holder_key: bytes, sealed: bytes, secret: bytes, acceptable: Callable[[bytes], bool]
) -> DealerFault:
    """Judges a complaint of `pair.holder` about `sealed`, from public values and the revealed pair secret.

    `holder_key` is the key that the holder published before sealing, `acceptable` the public check of an
    opened share (False for what does not parse). Returns the dealer's fault, the same for everybody, or
    raises `ComplaintRefused`.
    """
    try:
        derived = public_key(secret)
    except ArgumentRefused as error:
        raise ComplaintRefused("malformed pair secret", error.expected, error.actual) from error
    if derived != holder_key:
        expected = f"the secret of key {holder_key[:8].hex()}..."
        raise ComplaintRefused("another pair secret", expected, f"that of key {derived[:8].hex()}...")
    try:
        share = open_sealed(pair, secret, sealed)
    except SealBroken as error:
        return DealerFault(pair.dealer, pair.holder, str(error))
    if acceptable(share):
        raise ComplaintRefused("the share is right", "a share that fails its check", "one that passes")
    return DealerFault(pair.dealer, pair.holder, "the sealed share contradicts the proof's binding of it")
