"""AMD SEV-SNP: a report of 1,184 bytes, signed by a key of the chip that AMD's certificates vouch for.

The collateral is text: the chip's certificate (VCEK), AMD's signing certificate (ASK), its root (ARK), and
perhaps the ARK's list of revoked certificates. The layout is that of AMD's publication 56860, revision 1.55,
for processors of the third and fourth generation: report versions 2 to 5.
"""

from __future__ import annotations

from collections.abc import Sequence

from cryptography import x509

from proofward.attestation.certificates import (
    CERTIFICATE,
    REVOKED,
    certificate,
    check_chain,
    check_not_revoked,
    check_signed_by_device,
    pem_blocks,
)
from proofward.attestation.claims import DEBUG, MIGRATION, SNP, Claims
from proofward.attestation.errors import EvidenceRefused, demand

REPORT_BYTES, SIGNED_BYTES, SCALAR_BYTES = 1184, 0x2A0, 72
VERSIONS, ECDSA_P384 = range(2, 6), 1
FAMILY, WITH_FAMILY = 0x19, 3
"""Of the third and fourth generation of EPYC; reports name it from version 3 on."""
MIGRATION_BIT, DEBUG_BIT = 18, 19
CHIP, COMPONENTS = "1.3.6.1.4.1.3704.1.4", "1.3.6.1.4.1.3704.1.3."
FIRMWARE = (("bootloader", 1, 0), ("tee", 2, 1), ("snp", 3, 6), ("microcode", 8, 7))
"""Of each part of the firmware: its name, its number in the certificate, its byte in the report."""


def verify(evidence: bytes, collateral: bytes, time: int, roots: Sequence[bytes]) -> Claims:
    """What the report claims; raises EvidenceRefused."""
    demand(len(evidence) == REPORT_BYTES, "evidence-format", f"{REPORT_BYTES} bytes", len(evidence))
    chain = _chain(collateral, time, roots)
    _check_form(evidence)
    _check_signature(evidence, chain[0])
    _check_platform(evidence, chain[0])
    policy = _number(evidence, 0x08, 8)
    firmware = ".".join(str(evidence[0x180 + place]) for _, _, place in FIRMWARE)
    open_to = ((DEBUG, policy >> DEBUG_BIT & 1), (MIGRATION, policy >> MIGRATION_BIT & 1))
    return Claims(
        kind=SNP,
        bound=evidence[0x50:0x90],
        measurements={"launch": evidence[0x90:0xC0]},
        open_to=tuple(name for name, allowed in open_to if allowed),
        device={"chip": evidence[0x1A0:0x1A8].hex(), "firmware": firmware, "policy": f"{policy:#x}"},
    )


def _number(data: bytes, place: int, size: int) -> int:
    return int.from_bytes(data[place : place + size], "little")


def _chain(collateral: bytes, time: int, roots: Sequence[bytes]) -> list[x509.Certificate]:
    """The chip's certificate, AMD's and the root, checked."""
    blocks = pem_blocks(collateral, CERTIFICATE, REVOKED)
    labels = [label for label, _ in blocks]
    expected = [CERTIFICATE] * 3
    whole = labels in (expected, [*expected, REVOKED])
    demand(whole, "evidence-collateral", "VCEK, ASK and ARK, then perhaps one CRL", ", ".join(labels))
    chain = [certificate(data) for label, data in blocks if label == CERTIFICATE]
    check_chain(chain, roots, time)
    for label, data in blocks:
        if label == REVOKED:
            check_not_revoked(data, chain[-1], time, *chain[:2])
    return chain


def _check_form(report: bytes) -> None:
    version, algorithm = _number(report, 0, 4), _number(report, 0x34, 4)
    demand(version in VERSIONS, "evidence-format", "report version 2 to 5", version)
    demand(algorithm == ECDSA_P384, "evidence-format", "signature algorithm 1", algorithm)
    family = report[0x188] if version >= WITH_FAMILY else FAMILY
    demand(family == FAMILY, "evidence-format", f"processor family {FAMILY:#x}", f"{family:#x}")
    signer = _number(report, 0x48, 4) >> 2 & 7
    demand(signer == 0, "evidence-format", "a report signed by the chip's key", f"key kind {signer}")
    rest = report[SIGNED_BYTES + 2 * SCALAR_BYTES :]
    demand(not any(rest), "evidence-format", "zeros after the signature", "other bytes")


def _check_signature(report: bytes, chip: x509.Certificate) -> None:
    r, s = (_number(report, SIGNED_BYTES + place, SCALAR_BYTES) for place in (0, SCALAR_BYTES))
    check_signed_by_device(chip, "chip", (r, s), report[:SIGNED_BYTES])


def _check_platform(report: bytes, chip: x509.Certificate) -> None:
    """That the certificate is for this chip at this level of firmware."""
    found = {own.oid.dotted_string: own.value for own in chip.extensions}
    values = {oid: own.value for oid, own in found.items() if isinstance(own, x509.UnrecognizedExtension)}
    named = values.get(CHIP, b"")
    named = named[2:] if len(named) == 66 and named[:2] == b"\x04\x40" else named
    demand(named == report[0x1A0:0x1E0], "evidence-platform", "the chip of the certificate", "another chip")
    for name, number, place in FIRMWARE:
        value = values.get(f"{COMPONENTS}{number}", b"")
        if len(value) < 3 or value[0] != 2 or value[1] != len(value) - 2:
            raise EvidenceRefused("evidence-platform", f"the level of {name} in the certificate", "none")
        certified, reported = int.from_bytes(value[2:], "big"), report[0x180 + place]
        demand(certified == reported, "evidence-platform", f"{name} {certified}", f"{name} {reported}")
