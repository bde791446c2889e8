"""Keys of seats, of two kinds, and their signatures.

secp256k1   what every chain verifies, by `ecrecover`; the seat is the key's address
p256        what smart cards and hardware modules hold, by the precompile of EIP-7951; the seat is the
            Keccak-256 hash of the point

A signature has one encoding: s is at most half the order, v is 27 or 28 (secp256k1, point zero) or 0 (P-256,
with its point). Nonces are those of RFC 6979.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)

from proofward.chain.contract.curve import ORDER as SECP256K1_ORDER
from proofward.chain.contract.curve import Point, recovered
from proofward.chain.contract.errors import ChainSignatureInvalid
from proofward.chain.contract.keccak import keccak256
from proofward.federation.messages.consortium.usual import CHAIN_KEY_KINDS, P256, SECP256K1

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
SEAT_BYTES = 32
SIGNATURE_BYTES = 160
_ADDRESSES = 1 << 160
_CURVES: dict[str, tuple[ec.EllipticCurve, int]] = {
    SECP256K1: (ec.SECP256K1(), SECP256K1_ORDER),
    P256: (ec.SECP256R1(), P256_ORDER),
}


@dataclass(frozen=True, slots=True)
class Signature:
    """Of a digest, with what is needed to know whose it is."""

    v: int
    r: int
    s: int
    x: int = 0
    y: int = 0

    def to_bytes(self) -> bytes:
        """160 bytes: v, r, s, x, y."""
        return b"".join(number.to_bytes(32, "big") for number in (self.v, self.r, self.s, self.x, self.y))

    @classmethod
    def from_bytes(cls, data: bytes) -> Signature:
        """Inverse of `to_bytes`; raises ChainSignatureInvalid."""
        if len(data) != SIGNATURE_BYTES:
            raise ChainSignatureInvalid("signature", f"{SIGNATURE_BYTES} bytes", f"{len(data)} bytes")
        return cls(*(int.from_bytes(data[i : i + 32], "big") for i in range(0, SIGNATURE_BYTES, 32)))

    def seat(self, digest: bytes) -> bytes:
        """The seat that signed this digest; raises ChainSignatureInvalid."""
        order = P256_ORDER if self.v == 0 else SECP256K1_ORDER
        if not 0 < self.s <= order // 2:
            raise ChainSignatureInvalid("signature", "s from 1 to half the order", f"{self.s:x}")
        if self.v == 0:
            return self._seat_of_point(digest)
        if self.v not in (27, 28) or self.x or self.y:
            raise ChainSignatureInvalid("signature", "v 27 or 28 and no point, or v 0", f"v {self.v}")
        return _address(recovered(digest, self.v == 28, self.r, self.s))

    def _seat_of_point(self, digest: bytes) -> bytes:
        try:
            key = ec.EllipticCurvePublicNumbers(self.x, self.y, ec.SECP256R1()).public_key()
            key.verify(encode_dss_signature(self.r, self.s), digest, ec.ECDSA(Prehashed(hashes.SHA256())))
        except (InvalidSignature, ValueError) as error:
            found = str(error) or "another"
            raise ChainSignatureInvalid("signature", "one of its point over the digest", found) from None
        return _hash_of_point((self.x, self.y))


@dataclass(frozen=True, slots=True)
class Seal:
    """A signature of the seat with this number."""

    number: int
    signature: Signature

    def as_tuple(self) -> tuple[int, int, int, int, int, int]:
        """The contract's structure."""
        made = self.signature
        return self.number, made.v, made.r, made.s, made.x, made.y


@dataclass(frozen=True, slots=True, repr=False)
class ChainKey:
    """A secret key (32 bytes, big endian, 1 to the order - 1) of a kind. Raises ChainSignatureInvalid."""

    kind: str
    secret: bytes
    _key: ec.EllipticCurvePrivateKey = field(init=False, compare=False)

    def __post_init__(self) -> None:
        if self.kind not in CHAIN_KEY_KINDS:
            raise ChainSignatureInvalid("kind of key", " or ".join(CHAIN_KEY_KINDS), self.kind)
        _, order = _CURVES[self.kind]
        if len(self.secret) != 32 or not 0 < int.from_bytes(self.secret, "big") < order:
            raise ChainSignatureInvalid("secret key", "32 bytes from 1 to the order - 1", "others")
        made = ec.derive_private_key(int.from_bytes(self.secret, "big"), _CURVES[self.kind][0])
        object.__setattr__(self, "_key", made)

    @classmethod
    def generate(cls, kind: str = SECP256K1) -> ChainKey:
        """A fresh key."""
        if kind not in CHAIN_KEY_KINDS:
            raise ChainSignatureInvalid("kind of key", " or ".join(CHAIN_KEY_KINDS), kind)
        number = ec.generate_private_key(_CURVES[kind][0]).private_numbers().private_value
        return cls(kind, number.to_bytes(32, "big"))

    @property
    def point(self) -> Point:
        """The public key."""
        numbers = self._key.public_key().public_numbers()
        return numbers.x, numbers.y

    @property
    def seat(self) -> bytes:
        """What a contract knows this key by, 32 bytes."""
        return _address(self.point) if self.kind == SECP256K1 else _hash_of_point(self.point)

    def sign(self, digest: bytes) -> Signature:
        """A signature over a digest of 32 bytes, the same every time."""
        order = _CURVES[self.kind][1]
        algorithm = ec.ECDSA(Prehashed(hashes.SHA256()), deterministic_signing=True)
        r, s = decode_dss_signature(self._key.sign(digest, algorithm))
        s = min(s, order - s)
        if self.kind == P256:
            return Signature(0, r, s, *self.point)
        odd = recovered(digest, True, r, s) == self.point
        return Signature(28 if odd else 27, r, s)


def kind_of(seat: bytes) -> str:
    """Which kind of key a seat has."""
    return SECP256K1 if int.from_bytes(seat, "big") < _ADDRESSES else P256


def address_text(seat: bytes) -> str:
    """The address of a secp256k1 seat in the capitals of EIP-55; raises ChainSignatureInvalid for others."""
    if kind_of(seat) != SECP256K1:
        raise ChainSignatureInvalid("seat", "an address", seat.hex())
    text = seat[12:].hex()
    marks = keccak256(text.encode()).hex()
    return "0x" + "".join(
        letter.upper() if int(mark, 16) > 7 else letter for letter, mark in zip(text, marks, strict=False)
    )


def _address(point: Point) -> bytes:
    return bytes(12) + _hash_of_point(point)[12:]


def _hash_of_point(point: Point) -> bytes:
    x, y = point
    return keccak256(x.to_bytes(32, "big") + y.to_bytes(32, "big"))
