"""Certificates under a root of one's own, for evidence that is made and not measured.

Demonstrations and tests make evidence of every kind with it. No vendor stands behind such a root: rules that
name it say so in their words, and nothing accepts it unless they name it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

FIRST, LAST = datetime(1999, 1, 1, tzinfo=UTC), datetime(2049, 12, 31, tzinfo=UTC)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Holder:
    """A certificate, its key, and the chain to the root, its own certificate first."""

    key: Key
    chain: tuple[x509.Certificate, ...]

    @property
    def certificate(self) -> x509.Certificate:
        """Its own."""
        return self.chain[0]

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the root."""
        return self.chain[-1].fingerprint(SHA256())

    @property
    def text(self) -> bytes:
        """The chain as text."""
        return b"".join(own.public_bytes(Encoding.PEM) for own in self.chain)


@dataclass(frozen=True)
class Wanted:
    """What a certificate is to be: its name, whether it may sign others, its extensions, when it is valid."""

    name: str
    authority: bool = True
    extensions: tuple[tuple[str, bytes], ...] = ()
    first: datetime = FIRST
    last: datetime = LAST


def key_of(curve: ec.EllipticCurve | None) -> Key:
    """A fresh key on a curve, or one for RSA-PSS."""
    return rsa.generate_private_key(65537, 2048) if curve is None else ec.generate_private_key(curve)


def issued(wanted: Wanted, key: Key, issuer: Holder | None) -> Holder:
    """A certificate by an issuer, or by itself."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, wanted.name)])
    signer = key if issuer is None else issuer.key
    hashed = SHA384() if isinstance(signer, rsa.RSAPrivateKey) or signer.curve.key_size > 256 else SHA256()
    builder = (
        x509.CertificateBuilder(name if issuer is None else issuer.certificate.subject, name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(wanted.first)
        .not_valid_after(wanted.last)
        .add_extension(x509.BasicConstraints(wanted.authority, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .add_extension(_usage(wanted.authority), critical=True)
    )
    for oid, value in wanted.extensions:
        own = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)
        builder = builder.add_extension(own, critical=False)
    pss = (
        padding.PSS(padding.MGF1(hashed), hashed.digest_size)
        if isinstance(signer, rsa.RSAPrivateKey)
        else None
    )
    made = builder.sign(signer, hashed, rsa_padding=pss)
    return Holder(key, (made, *(() if issuer is None else issuer.chain)))


def _usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def chain_of(wanted: Sequence[Wanted], curves: Iterable[ec.EllipticCurve | None]) -> Holder:
    """The last of a chain of certificates, the root first."""
    found: Holder | None = None
    for own, curve in zip(wanted, curves, strict=True):
        found = issued(own, key_of(curve), found)
    assert found is not None
    return found


def issuer_of(holder: Holder, key: Key, up: int = 1) -> Holder:
    """Who stands so far above in a chain, with its key."""
    return replace(holder, key=key, chain=holder.chain[up:])


def revoking(
    issuer: Holder, *serials: int, first: datetime = FIRST, last: datetime = LAST
) -> x509.CertificateRevocationList:
    """A list of revoked certificates, by their serial numbers."""
    builder = x509.CertificateRevocationListBuilder(issuer.certificate.subject, first, last)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
    builder = builder.add_extension(identifier, critical=False)
    builder = builder.add_extension(x509.CRLNumber(1), critical=False)
    for serial in serials:
        revoked = x509.RevokedCertificateBuilder(serial, first + timedelta(days=1)).build()
        builder = builder.add_revoked_certificate(revoked)
    rsa_key = isinstance(issuer.key, rsa.RSAPrivateKey)
    hashed = SHA384() if rsa_key else SHA256()
    pss = padding.PSS(padding.MGF1(hashed), hashed.digest_size) if rsa_key else None
    return builder.sign(issuer.key, hashed, rsa_padding=pss)
