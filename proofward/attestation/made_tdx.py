"""Made quotes of Intel TDX with made collateral, of a platform that does not exist."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from proofward.attestation.claims import TDX, Item
from proofward.attestation.made_authority import FIRST, LAST, Holder, Wanted, issued, key_of, revoking
from proofward.attestation.tdx import BODIES, CHAIN, ECDSA_P256, QE_CERTIFICATION, TEE_TYPE

INTEL_OID, EXTENSION = bytes.fromhex("060a2a864886f84d010d01"), "1.2.840.113741.1.13.1"
QE_VENDOR = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")
FMSPC, PPID, QE_SIGNER = bytes(range(6)), bytes(range(16)), bytes(range(32))
LEVEL, PCE_SVN, MODULE = (5,) * 16, 11, (5, 0, *(0,) * 14)
SEPT_VE_DISABLE = 1 << 28
MRTD = bytes(range(48))


class MadeTdx:
    """A processor under a root of one's own."""

    kind = TDX

    def __init__(self) -> None:
        curve = ec.SECP256R1()
        self.root = issued(Wanted("made SGX root"), key_of(curve), None)
        self.platform = issued(Wanted("made platform CA"), key_of(curve), self.root)
        self.signing = issued(Wanted("made TCB signing", False), key_of(curve), self.root)
        wanted = Wanted("made PCK", False, ((EXTENSION, _platform()),))
        self.holder = issued(wanted, key_of(curve), self.platform)
        self.quoting = key_of(curve)

    @property
    def fingerprint(self) -> bytes:
        """Of the root."""
        return self.root.fingerprint

    def collateral(self, last: datetime = LAST, status: str = "UpToDate") -> bytes:
        """What the vendor's service would give, valid up to `last`; status: of the platform's firmware."""
        tcb = _json(_levels(last, status))
        enclave = _json(_enclave(last))
        lists = (revoking(self.root, last=last), revoking(self.platform, last=last))
        root_list, platform_list = (own.public_bytes(Encoding.DER).hex() for own in lists)
        return _json({
            "pck_crl_issuer_chain": self.platform.text.decode(),
            "root_ca_crl": root_list,
            "pck_crl": platform_list,
            "tcb_info_issuer_chain": self.signing.text.decode(),
            "tcb_info": tcb.decode(),
            "tcb_info_signature": _signature(self.signing, tcb).hex(),
            "qe_identity_issuer_chain": self.signing.text.decode(),
            "qe_identity": enclave.decode(),
            "qe_identity_signature": _signature(self.signing, enclave).hex(),
        })  # fmt: skip

    def item(
        self, report_data: bytes, mrtd: bytes = MRTD, *, debug: bool = False, status: str = "UpToDate"
    ) -> Item:
        """A quote with collateral."""
        header = (4).to_bytes(2, "little") + ECDSA_P256.to_bytes(2, "little") + TEE_TYPE.to_bytes(4, "little")
        header += bytes(4) + QE_VENDOR + bytes(20)
        body = bytearray(BODIES[2])
        body[0:16] = bytes(MODULE)
        body[120:128] = (SEPT_VE_DISABLE | debug).to_bytes(8, "little")
        body[136:184] = mrtd
        body[520:584] = report_data
        own = replace(self.holder, key=self.quoting)
        point = self.quoting.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]
        authentication = bytes(range(32))
        report = bytearray(384)
        report[48:64] = bytes.fromhex("11" + "00" * 15)
        report[128:160] = QE_SIGNER
        report[256:260] = bytes((2, 0, 4, 0))
        report[320:352] = hashlib.sha256(point + authentication).digest()
        inner = bytes(report) + _signature(self.holder, bytes(report))
        inner += len(authentication).to_bytes(2, "little") + authentication
        inner += CHAIN.to_bytes(2, "little") + len(self.holder.text).to_bytes(4, "little") + self.holder.text
        signed = header + bytes(body)
        rest = _signature(own, signed) + point
        rest += QE_CERTIFICATION.to_bytes(2, "little") + len(inner).to_bytes(4, "little") + inner
        return Item(TDX, signed + len(rest).to_bytes(4, "little") + rest, self.collateral(status=status))


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _signature(holder: Holder, data: bytes) -> bytes:
    assert isinstance(holder.key, ec.EllipticCurvePrivateKey)
    scalars = decode_dss_signature(holder.key.sign(data, ec.ECDSA(SHA256())))
    return b"".join(scalar.to_bytes(32, "big") for scalar in scalars)


def _window(last: datetime) -> dict[str, Any]:
    return {"issueDate": f"{FIRST:%Y-%m-%dT%H:%M:%SZ}", "nextUpdate": f"{last:%Y-%m-%dT%H:%M:%SZ}",
            "tcbEvaluationDataNumber": 17}  # fmt: skip


def _levels(last: datetime, status: str) -> dict[str, Any]:
    parts = {"sgxtcbcomponents": [{"svn": svn} for svn in LEVEL], "pcesvn": PCE_SVN,
             "tdxtcbcomponents": [{"svn": svn} for svn in MODULE]}  # fmt: skip
    module = {"mrsigner": "00" * 48, "attributes": "00" * 8, "attributesMask": "FF" * 8}
    advisories = [] if status == "UpToDate" else ["MADE-SA-00001"]
    level = {
        "tcb": parts,
        "tcbDate": f"{FIRST:%Y-%m-%dT%H:%M:%SZ}",
        "tcbStatus": status,
        "advisoryIDs": advisories,
    }
    return {"id": "TDX", "version": 3, **_window(last), "fmspc": FMSPC.hex().upper(), "pceId": "0000",
            "tcbType": 0, "tdxModule": module, "tdxModuleIdentities": [], "tcbLevels": [level]}  # fmt: skip


def _enclave(last: datetime) -> dict[str, Any]:
    level = {"tcb": {"isvsvn": 4}, "tcbDate": f"{FIRST:%Y-%m-%dT%H:%M:%SZ}", "tcbStatus": "UpToDate"}
    return {"id": "TD_QE", "version": 2, **_window(last), "miscselect": "00" * 4, "miscselectMask": "FF" * 4,
            "attributes": "11" + "00" * 15, "attributesMask": "FB" + "FF" * 7 + "00" * 8,
            "mrsigner": QE_SIGNER.hex().upper(), "isvprodid": 2, "tcbLevels": [level]}  # fmt: skip


def _platform() -> bytes:
    """Intel's extension of the platform's certificate: who and at which level it is."""

    def named(number: int, value: bytes, below: bytes = b"") -> bytes:
        return _der(0x30, _oid(below + bytes((number,))) + value)

    levels = [named(at, _der(2, bytes((svn,))), b"\x02") for at, svn in enumerate(LEVEL, 1)]
    levels.append(named(17, _der(2, bytes((PCE_SVN,))), b"\x02"))
    levels.append(named(18, _der(4, bytes(LEVEL)), b"\x02"))
    return _der(0x30, b"".join((
        named(1, _der(4, PPID)),
        named(2, _der(0x30, b"".join(levels))),
        named(3, _der(4, bytes(2))),
        named(4, _der(4, FMSPC)),
        named(5, _der(10, b"\0")),
    )))  # fmt: skip


def _oid(last: bytes) -> bytes:
    body = INTEL_OID[2:] + last
    return _der(6, body)


def _der(tag: int, data: bytes) -> bytes:
    size = len(data)
    length = bytes((size,)) if size < 128 else bytes((0x82,)) + size.to_bytes(2, "big")
    if 128 <= size < 256:
        length = bytes((0x81, size))
    return bytes((tag,)) + length + data
