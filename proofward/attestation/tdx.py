"""Intel TDX: a quote of version 4 or 5, verified by `dcap-qvl` with Intel's collateral, offline.

The collateral is the JSON of Intel's provisioning service as `dcap-qvl` writes it: levels of the firmware,
identity of the quoting enclave, lists of the revoked, chains of certificates. `dcap-qvl` checks signatures,
chains, times and levels at the time that it is given. Added here: strict lengths, since it ignores bytes
after the quote; the root, which the quote and the collateral name both, against the pinned fingerprints.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from proofward.attestation.certificates import CERTIFICATE, certificate, fingerprint, pem_blocks
from proofward.attestation.claims import DEBUG, MIGRATION, TDX, Claims
from proofward.attestation.errors import CannotVerify, EvidenceRefused, demand

HEADER_BYTES, BODIES = 48, {2: 584, 3: 648}
"""Of the header, and by the kind of body its length: TD 1.0 and TD 1.5."""
TEE_TYPE, ECDSA_P256 = 0x81, 2
QE_CERTIFICATION, CHAIN = 6, 5
SIGNATURE_BYTES, KEY_BYTES, REPORT_BYTES = 64, 64, 384
DEBUG_BIT, MIGRATABLE_BIT = 0, 29
NOT_NOW = ("expired", "future", "CertNotValidYet")
ABOUT_SIGNATURES = ("signature is invalid", "Signature is invalid", "hash mismatch")
EXTRA = "install proofward[tee] to verify Intel TDX quotes"


def verify(evidence: bytes, collateral: bytes, time: int, roots: Sequence[bytes]) -> Claims:
    """What the quote claims; raises EvidenceRefused, and CannotVerify where `dcap-qvl` is not installed."""
    _check_root(_chain(evidence), roots)
    root = _root_of(collateral)
    demand(fingerprint(certificate(root)) in roots, "evidence-root", "a pinned root", "another root")
    library = _library()
    try:
        parsed = library.QuoteCollateralV3.from_json(collateral.decode())
        found = library.verify_with_root_ca(evidence, parsed, root, time)
        report = library.parse_quote(evidence).report
    except Exception as error:
        raise _refused(str(error)) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # the library's own
            raise
        raise EvidenceRefused("evidence-format", "a quote that can be read", "a fault in it") from error
    attributes = int.from_bytes(report.td_attributes, "little")
    open_to = ((DEBUG, attributes >> DEBUG_BIT & 1), (MIGRATION, attributes >> MIGRATABLE_BIT & 1))
    return Claims(
        kind=TDX,
        bound=report.report_data,
        measurements={"mrtd": report.mr_td}
        | {f"rtmr{number}": getattr(report, f"rt_mr{number}") for number in range(4)},
        open_to=tuple(name for name, allowed in open_to if allowed),
        status=found.status,
        advisories=tuple(found.advisory_ids),
        device={"module": report.mr_seam.hex()[:16], "ppid": found.ppid.hex()},
    )


def _library() -> Any:
    try:
        import dcap_qvl
    except ImportError as error:
        raise CannotVerify(EXTRA) from error
    return dcap_qvl


def _refused(said: str) -> EvidenceRefused:
    """What the library says of a quote, under a name of ours."""
    words = " ".join(said.removeprefix("Verification failed: ").split())
    lower = words.lower()
    if any(word.lower() in lower for word in NOT_NOW):
        return EvidenceRefused("evidence-time", "collateral that is valid at the time used", words[:200])
    if "debug" in lower:
        return EvidenceRefused("evidence-debug", "a machine that nobody can debug", words[:200])
    if "revoked" in lower:
        return EvidenceRefused("evidence-revoked", "a certificate that is not revoked", words[:200])
    if any(word in words for word in ABOUT_SIGNATURES) and "chain" not in words:
        return EvidenceRefused("evidence-signature", "a quote signed as its collateral says", words[:200])
    if "chain" in lower or "certs" in lower or "certificate" in lower:
        return EvidenceRefused("evidence-chain", "a chain to the root", words[:200])
    if "decode" in lower or "collateral" in lower or "json" in lower:
        return EvidenceRefused("evidence-format", "a quote and its collateral", words[:200])
    return EvidenceRefused("evidence-platform", "a platform that the collateral is about", words[:200])


class _Reader:
    """Takes bytes from the front; raises EvidenceRefused where there are too few."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def take(self, size: int, what: str) -> bytes:
        found = self.data[self.place : self.place + size]
        demand(len(found) == size, "evidence-format", f"{size} bytes of {what}", len(found))
        self.place += size
        return found

    def number(self, size: int, what: str) -> int:
        return int.from_bytes(self.take(size, what), "little")

    def end(self, what: str) -> None:
        demand(self.place == len(self.data), "evidence-format", f"the end of {what}", "more bytes")


def _chain(quote: bytes) -> bytes:
    """The text of the certificates in the quote, whose lengths have to fit to the last byte."""
    read = _Reader(quote)
    header = read.take(HEADER_BYTES, "the header")
    version, key, tee = (int.from_bytes(header[a:b], "little") for a, b in ((0, 2), (2, 4), (4, 8)))
    demand(tee == TEE_TYPE, "evidence-kind", f"a quote of TDX, type {TEE_TYPE:#x}", f"{tee:#x}")
    demand(version in (4, 5), "evidence-format", "quote version 4 or 5", version)
    demand(key == ECDSA_P256, "evidence-format", "an attestation key of kind 2", key)
    demand(not any(header[8:12]), "evidence-format", "zeros in the header's reserved bytes", header[8:12])
    body, size = 2, BODIES[2]
    if version == 5:
        body, size = read.number(2, "the body's kind"), read.number(4, "the body's length")
    demand(BODIES.get(body) == size, "evidence-format", f"a body as in {BODIES}", f"{body}: {size}")
    read.take(size, "the body")
    rest = read.take(read.number(4, "the length of the signature"), "the signature")
    demand(not any(quote[read.place :]), "evidence-format", "nothing but zeros after the quote", "more bytes")
    read = _Reader(rest)
    read.take(SIGNATURE_BYTES + KEY_BYTES, "the quote's signature and key")
    kind = read.number(2, "the certification's kind")
    demand(kind == QE_CERTIFICATION, "evidence-format", f"certification {QE_CERTIFICATION}", kind)
    inner = _Reader(read.take(read.number(4, "the certification's length"), "the certification"))
    read.end("the signature")
    inner.take(REPORT_BYTES + SIGNATURE_BYTES, "the quoting enclave's report")
    inner.take(inner.number(2, "the authentication's length"), "the authentication")
    kind = inner.number(2, "the kind of the certificates")
    demand(kind == CHAIN, "evidence-format", f"certificates of kind {CHAIN}", kind)
    chain = inner.take(inner.number(4, "the certificates' length"), "the certificates")
    inner.end("the certification")
    return chain


def _check_root(chain: bytes, roots: Sequence[bytes]) -> None:
    """That the last certificate in a quote is a pinned root; the library verifies those before it."""
    blocks = pem_blocks(chain, CERTIFICATE)
    demand(len(blocks) == 3, "evidence-chain", "three certificates in the quote", len(blocks))
    found = fingerprint(certificate(blocks[-1][1]))
    demand(found in roots, "evidence-root", f"one of {len(roots)} roots", found.hex()[:16])


def _root_of(collateral: bytes) -> bytes:
    """The root's certificate as the collateral has it."""
    try:
        text = json.loads(collateral)["tcb_info_issuer_chain"]
        blocks = pem_blocks(text.encode(), CERTIFICATE)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise EvidenceRefused("evidence-collateral", "collateral as JSON", type(error).__name__) from error
    demand(bool(blocks), "evidence-collateral", "a chain of certificates", "none")
    return blocks[-1][1]
