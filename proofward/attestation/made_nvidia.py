"""Made reports of NVIDIA GPUs, signed by a card that does not exist."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384

from proofward.attestation.claims import GPU, Item
from proofward.attestation.made_authority import Wanted, chain_of
from proofward.attestation.nvidia import (
    ALL_MEASUREMENTS,
    DMTF,
    DRIVER,
    FIRMWARE_ID,
    FWID,
    GET_MEASUREMENTS,
    MEASUREMENTS,
    NONCE_BYTES,
    SIGNATURE_BYTES,
    VBIOS,
    VERSION,
    WITH_SIGNATURE,
)

BLOCKS = 4


class MadeNvidia:
    """A card under a root of one's own."""

    kind = GPU

    def __init__(self) -> None:
        self.firmware = hashlib.sha384(b"made firmware").digest()
        names = ("made device root", "made device identity", "made provisioner", "made BROM")
        card = Wanted("made card", False, ((FIRMWARE_ID, b"made" + self.firmware),))
        curve = ec.SECP384R1()
        self.holder = chain_of([*map(Wanted, names), card], [curve] * 5)

    @property
    def fingerprint(self) -> bytes:
        """Of the root."""
        return self.holder.fingerprint

    def item(self, nonce: bytes, label: bytes = b"made") -> Item:
        """A report; `label` changes the measurements."""
        request = bytes((VERSION, GET_MEASUREMENTS, WITH_SIGNATURE, ALL_MEASUREMENTS)) + nonce + b"\0"
        record = b"".join(
            bytes((number, DMTF, 51, 0, 1, 48, 0)) + hashlib.sha384(label + bytes((number,))).digest()
            for number in range(1, BLOCKS + 1)
        )
        fields = ((DRIVER, b"550.90.07\0"), (VBIOS, bytes(8)), (FWID, self.firmware))
        opaque = b"".join(
            number.to_bytes(2, "little") + len(value).to_bytes(2, "little") + value
            for number, value in fields
        )
        head = bytes((VERSION, MEASUREMENTS, 0, 0, BLOCKS)) + len(record).to_bytes(3, "little")
        answer = head + record + bytes(NONCE_BYTES) + len(opaque).to_bytes(2, "little") + opaque
        key = self.holder.key
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        scalars = decode_dss_signature(key.sign(request + answer, ec.ECDSA(SHA384())))
        signature = b"".join(scalar.to_bytes(SIGNATURE_BYTES // 2, "big") for scalar in scalars)
        return Item(GPU, request + answer + signature, self.holder.text)
