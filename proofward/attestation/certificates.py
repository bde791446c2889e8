"""Certificates that evidence comes with: strict text, a chain to a pinned root, a list of the revoked.

Every check costs in proportion to the bytes. Nothing is verified with a key before the root's fingerprint was
compared, and each key is certified by the one before it.
"""

from __future__ import annotations

import base64
import binascii
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

from proofward.attestation.errors import EvidenceRefused, demand

CERTIFICATE, REVOKED = "CERTIFICATE", "X509 CRL"
MOST_BLOCKS = 8
UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion, OverflowError)
"""What the library raises for bytes that it cannot read."""


def pem_blocks(text: bytes, *labels: str) -> list[tuple[str, bytes]]:
    """(label, bytes) of each block; raises EvidenceRefused for anything but blocks of these labels.

    There is one way to write a block, so a changed byte never leaves the meaning as it was.
    """
    try:
        lines = text.decode("ascii").replace("\r\n", "\n").rstrip("\n\0").split("\n")
    except UnicodeDecodeError as error:
        raise EvidenceRefused("evidence-collateral", "certificates as text", "other bytes") from error
    found: list[tuple[str, bytes]] = []
    while lines:
        label = lines[0].removeprefix("-----BEGIN ").removesuffix("-----")
        demand(label in labels, "evidence-collateral", " or ".join(labels), lines[0])
        end = f"-----END {label}-----"
        demand(end in lines, "evidence-collateral", end, "none")
        place = lines.index(end)
        found.append((label, _block(lines[1:place])))
        demand(len(found) <= MOST_BLOCKS, "evidence-collateral", f"at most {MOST_BLOCKS} blocks", "more")
        lines = lines[place + 1 :]
    return found


def _block(lines: Sequence[str]) -> bytes:
    text = "".join(lines)
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise EvidenceRefused("evidence-collateral", "base64", str(error)) from error
    plain = base64.b64encode(data).decode()
    wrapped = [plain[place : place + 64] for place in range(0, len(plain), 64)]
    demand(
        bool(data) and list(lines) == wrapped, "evidence-collateral", "base64 in lines of 64", "another form"
    )
    return data


def certificate(data: bytes) -> x509.Certificate:
    """From DER; raises EvidenceRefused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # chips' certificates have the serial number 0
            found = x509.load_der_x509_certificate(data)
            _ = found.subject, found.issuer, found.extensions, found.not_valid_after_utc
    except (*UNREADABLE, x509.DuplicateExtension) as error:
        raise EvidenceRefused("evidence-collateral", "an X.509 certificate", str(error)) from error
    return found


def fingerprint(found: x509.Certificate) -> bytes:
    """SHA-256 of a certificate."""
    return found.fingerprint(SHA256())


def check_chain(chain: Sequence[x509.Certificate], roots: Sequence[bytes], time: int) -> None:
    """Raises EvidenceRefused unless the chain, its leaf first, was valid then and ends in such a root."""
    demand(2 <= len(chain) <= MOST_BLOCKS, "evidence-chain", f"2 to {MOST_BLOCKS} certificates", len(chain))
    root = fingerprint(chain[-1])
    demand(root in roots, "evidence-root", f"one of {len(roots)} roots", root.hex()[:16])
    for child, parent in reversed(list(zip(chain, [*chain[1:], chain[-1]], strict=True))):
        name = child.subject.rfc4514_string()
        check_time(name, child.not_valid_before_utc, child.not_valid_after_utc, time)
        demand(child.issuer == parent.subject, "evidence-chain", parent.subject, child.issuer)
        demand(_may_sign(parent), "evidence-chain", "an authority's certificate", parent.subject)
        if not signed_by(
            parent, child.signature, child.tbs_certificate_bytes, child.signature_hash_algorithm
        ):
            raise EvidenceRefused("evidence-chain", f"{name}, signed by its issuer", "another signature")


def _may_sign(parent: x509.Certificate) -> bool:
    try:
        return parent.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def signed_by(
    parent: x509.Certificate, signature: bytes, message: bytes, hashed: HashAlgorithm | None
) -> bool:
    """Whether a signature is by a certificate's key: ECDSA, or RSA-PSS with a salt as long as the hash."""
    if not isinstance(hashed, SHA256 | SHA384 | SHA512):
        return False
    try:
        key = parent.public_key()
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, message, ec.ECDSA(hashed))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, message, padding.PSS(padding.MGF1(hashed), hashed.digest_size), hashed)
        else:
            return False
    except (InvalidSignature, *UNREADABLE):
        return False
    return True


def check_signed_by_device(
    device: x509.Certificate, name: str, scalars: tuple[int, int], message: bytes
) -> None:
    """Raises EvidenceRefused unless r and s are the device's signature, by ECDSA on P-384 with SHA-384."""
    key = device.public_key()
    proper = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP384R1)
    demand(proper, "evidence-platform", f"a {name}'s key on P-384", type(key).__name__)
    valid = signed_by(device, encode_dss_signature(*scalars), message, SHA384())
    demand(valid, "evidence-signature", f"the {name}'s signature of the report", "another")


def check_time(what: str, first: datetime, last: datetime | None, time: int) -> None:
    """Raises EvidenceRefused unless the time, in seconds of UTC, is within."""
    now = datetime.fromtimestamp(time, UTC)
    valid = first <= now and (last is None or now <= last)
    demand(valid, "evidence-time", f"{what} valid at {now:%Y-%m-%d %H:%M}", f"{first:%Y-%m-%d} to {last}")


def check_not_revoked(
    data: bytes, issuer: x509.Certificate, time: int, *certificates: x509.Certificate
) -> None:
    """Raises EvidenceRefused unless a list of the revoked is the issuer's, was valid then, and names none."""
    try:
        listed = x509.load_der_x509_crl(data)
        first, last, hashed = listed.last_update_utc, listed.next_update_utc, listed.signature_hash_algorithm
        revoked = [
            own.subject
            for own in certificates
            if listed.get_revoked_certificate_by_serial_number(own.serial_number) is not None
        ]
    except UNREADABLE as error:
        raise EvidenceRefused("evidence-collateral", "a list of revoked certificates", str(error)) from error
    demand(listed.issuer == issuer.subject, "evidence-chain", issuer.subject, listed.issuer)
    own = signed_by(issuer, listed.signature, listed.tbs_certlist_bytes, hashed)
    demand(own, "evidence-chain", f"a list signed by {issuer.subject.rfc4514_string()}", "another signature")
    check_time("the list of the revoked", first, last, time)
    demand(not revoked, "evidence-revoked", "a certificate that is not revoked", revoked)
