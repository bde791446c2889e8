"""A kit's TLS certificate: by whom, for whom, for which key and for how long it is."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from proofward.engines.contract import GOOD, PROBLEM, WARNING, Check
from proofward.engines.flare.kits.files import REMEDY, fault_of
from proofward.engines.flare.kits.kit import certificates_of

WARN_DAYS = 30
NAME = "certificate"


def certificate_check(kit: Path, site: str, now: datetime, renew: str) -> Check:
    """The check of that name; renew: what to do for a new certificate."""
    held = certificates_of(kit)
    keys: list[PrivateKeyTypes] = []  # looking whether a key is whole takes long: once is enough
    parsers = ((held.authority_path, x509.load_pem_x509_certificate),
               (held.certificate_path, x509.load_pem_x509_certificate),
               (held.key_path, lambda data: keys.append(load_pem_private_key(data, None))))  # fmt: skip
    if damaged := [fault for path, parse in parsers if (fault := fault_of(path, parse))]:
        return Check(NAME, PROBLEM, ", ".join(damaged), REMEDY)
    certificate = x509.load_pem_x509_certificate(held.certificate)
    authority = x509.load_pem_x509_certificate(held.authority)
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return Check(NAME, PROBLEM, "not by the kit's authority", renew)
    names = [
        str(entry.value) for entry in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    ]
    begin = max(certificate.not_valid_before_utc, authority.not_valid_before_utc)
    end = min(certificate.not_valid_after_utc, authority.not_valid_after_utc)
    if names != [site]:
        return Check(NAME, PROBLEM, f"of {', '.join(names)}, not of {site}", renew)
    if keys[0].public_key() != certificate.public_key():
        return Check(NAME, PROBLEM, f"for another key than the one in {held.key_path.parent}", renew)
    if now < begin:
        detail = f"valid from {begin:%Y-%m-%d %H:%M} UTC, and here it is {now:%Y-%m-%d %H:%M} UTC"
        remedy = "set this machine's clock: certificates begin a day before they are made"
        return Check(NAME, PROBLEM, detail, remedy)
    if now > end:
        return Check(NAME, PROBLEM, f"ended on {end:%Y-%m-%d}", renew)
    if (days := (end - now).days) < WARN_DAYS:
        return Check(NAME, WARNING, f"until {end:%Y-%m-%d}: it ends in {days} days", renew)
    return Check(NAME, GOOD, f"until {end:%Y-%m-%d}")
