"""Made reports of AMD SEV-SNP, signed by a chip that does not exist."""

from __future__ import annotations

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding

from proofward.attestation.claims import SNP, Item
from proofward.attestation.made_authority import (
    FIRST,
    LAST,
    Holder,
    Wanted,
    issued,
    key_of,
    revoking,
)
from proofward.attestation.snp import (
    CHIP,
    COMPONENTS,
    DEBUG_BIT,
    FIRMWARE,
    MIGRATION_BIT,
    REPORT_BYTES,
    SCALAR_BYTES,
    SIGNED_BYTES,
)

LEVELS = (4, 0, 24, 219)
"""Of the parts of the firmware, in the order of FIRMWARE."""
LAUNCH = bytes(range(48))
SMT_BIT, RESERVED_BIT = 16, 17


class MadeSnp:
    """A processor under a root of one's own."""

    kind = SNP

    def __init__(self, root: Holder | None = None, last: datetime = LAST) -> None:
        """root: a made authority; last: until when the chip's certificate is valid."""
        self.chip = bytes(reversed(range(64)))
        self.root = issued(Wanted("made ARK"), key_of(None), None) if root is None else root
        self.signing = issued(Wanted("made ASK"), key_of(None), self.root)
        levels = tuple(
            (f"{COMPONENTS}{number}", _integer(level))
            for (_, number, _), level in zip(FIRMWARE, LEVELS, strict=True)
        )
        wanted = Wanted("made VCEK", False, (*levels, (CHIP, self.chip)), FIRST, last)
        self.holder = issued(wanted, key_of(ec.SECP384R1()), self.signing)

    @property
    def fingerprint(self) -> bytes:
        """Of the root."""
        return self.root.fingerprint

    def collateral(self, *revoked: int, last: datetime = LAST) -> bytes:
        """The chain and a list of the revoked, valid up to `last`."""
        listed = revoking(self.root, *revoked, last=last).public_bytes(Encoding.PEM)
        return self.holder.text + listed

    def item(self, report_data: bytes, launch: bytes = LAUNCH, *, debug: bool = False,
             migration: bool = False, levels: tuple[int, ...] = LEVELS) -> Item:  # fmt: skip
        """A report."""
        report = bytearray(REPORT_BYTES)
        policy = 1 << SMT_BIT | 1 << RESERVED_BIT | debug << DEBUG_BIT | migration << MIGRATION_BIT
        report[0x00:0x04] = (2).to_bytes(4, "little")
        report[0x08:0x10] = policy.to_bytes(8, "little")
        report[0x34:0x38] = (1).to_bytes(4, "little")
        report[0x50:0x90] = report_data
        report[0x90:0xC0] = launch
        for (_, _, place), level in zip(FIRMWARE, levels, strict=True):
            report[0x180 + place] = level
        report[0x1A0:0x1E0] = self.chip
        key = self.holder.key
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        scalars = decode_dss_signature(key.sign(bytes(report[:SIGNED_BYTES]), ec.ECDSA(SHA384())))
        for number, scalar in enumerate(scalars):
            place = SIGNED_BYTES + number * SCALAR_BYTES
            report[place : place + SCALAR_BYTES] = scalar.to_bytes(SCALAR_BYTES, "little")
        return Item(SNP, bytes(report), self.collateral())


def _integer(value: int) -> bytes:
    """An INTEGER in DER."""
    data = value.to_bytes(value.bit_length() // 8 + 1, "big")
    return bytes((2, len(data))) + data
