"""Renewal of the engine's certificates: the same key, names and extensions, signed again for a new time.

The authority's folder has every certificate that it issued, so a renewal needs nothing from the sites. What
it makes is public and may go by mail. The private keys stay where they are.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from proofward.engines.contract import MAX_CERTIFICATE_BYTES, NoCertificate, RenewalRefused
from proofward.engines.flare.kits.provision import PROJECT_STATE

BACK_DATED = timedelta(days=1)
_STATE_BYTES = 1 << 26


class CertificateAuthority:
    """The authority's key and the certificates that it issued, by site. Raises RenewalRefused."""

    def __init__(self, folder: Path) -> None:
        path = folder / PROJECT_STATE
        try:
            if path.stat().st_size > _STATE_BYTES:
                raise ValueError("it is too long")
            plain = json.loads(path.read_bytes())
            root, key = plain.pop("root_cert"), plain.pop("root_pri_key")
            self._root = x509.load_pem_x509_certificate(root.encode())
            found = load_pem_private_key(key.encode(), None)
            if not isinstance(found, RSAPrivateKey) or found.public_key() != self._root.public_key():
                raise ValueError("its key is not that of its certificate")
            self._key = found
            self._issued = {
                site: x509.load_pem_x509_certificate(entry["cert"].encode()) for site, entry in plain.items()
            }
        except OSError as error:
            raise RenewalRefused(f"{path}: {error.strerror}; bring the authority's folder back") from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise RenewalRefused(f"{path}: not the file that `consortium init` wrote: {error}") from error

    @property
    def sites(self) -> tuple[str, ...]:
        """Names of all that have a certificate."""
        return tuple(sorted(self._issued))

    def renew(self, site: str, now: datetime, days: int) -> bytes:
        """A new certificate of the site in PEM, valid from a day before `now` for `days` days more."""
        old, end = self._issued[site], now + timedelta(days=days)
        if end > self._root.not_valid_after_utc:
            left = (self._root.not_valid_after_utc - now).days
            raise RenewalRefused(
                f"expected at most {left} days, which the authority's own certificate has left"
            )
        builder = (
            x509.CertificateBuilder()
            .subject_name(old.subject)
            .issuer_name(self._root.subject)
            .public_key(old.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACK_DATED)
            .not_valid_after(end)
        )
        for extension in old.extensions:
            builder = builder.add_extension(extension.value, extension.critical)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)


def check_renewed(data: bytes, present: bytes, authority: bytes, now: datetime) -> x509.Certificate:
    """The certificate in `data`, if it may take the place of `present`; all in PEM. Raises RenewalRefused."""
    try:
        if len(data) > MAX_CERTIFICATE_BYTES:
            raise ValueError(f"longer than {MAX_CERTIFICATE_BYTES} bytes")
        new = x509.load_pem_x509_certificate(data)
    except ValueError as error:
        raise NoCertificate("not a certificate in PEM") from error
    old, root = x509.load_pem_x509_certificate(present), x509.load_pem_x509_certificate(authority)
    if new.subject != old.subject:
        wanted, found = old.subject.rfc4514_string(), new.subject.rfc4514_string()
        raise RenewalRefused(f"expected the certificate of {wanted}, found that of {found}")
    if _key_of(new) != _key_of(old):
        raise RenewalRefused("it is for another key than this kit's: ask the coordinator for the right file")
    root_key, hashed = root.public_key(), new.signature_hash_algorithm
    try:
        if not isinstance(root_key, RSAPublicKey) or hashed is None or new.issuer != root.subject:
            raise InvalidSignature
        root_key.verify(new.signature, new.tbs_certificate_bytes, PKCS1v15(), hashed)
    except InvalidSignature:
        raise RenewalRefused("it is not signed by this consortium's authority") from None
    if not new.not_valid_before_utc <= now <= new.not_valid_after_utc:
        begin, end = new.not_valid_before_utc, new.not_valid_after_utc
        raise RenewalRefused(
            f"it is valid from {begin:%Y-%m-%d} to {end:%Y-%m-%d}: is this machine's clock right?"
        )
    if new.not_valid_after_utc <= old.not_valid_after_utc:
        raise RenewalRefused(f"it ends no later than the present one, on {old.not_valid_after_utc:%Y-%m-%d}")
    return new


def _key_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
