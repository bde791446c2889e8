"""Requests to join: a member's protocol key, vouched for by the certificate of its site.

What is shown: whoever holds the private key of the site's certificate, which the consortium's own certificate
authority issued at provisioning, says that this Ed25519 key is the member's, under these terms. So the host
that relays requests cannot put its own keys in place of a member's; the coordinator, who holds the
authority's key, could, which is why members compare the consortium's fingerprint by another channel
(`proofward status`). Message: terms digest, member, role, key, certificate; signature by the key itself (its
owner has it) and by the certificate's key (RSA PKCS#1 v1.5 with SHA-256, as in the kits) over a domain label
and all other fields.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from proofward.encoding import Length, MalformedMessage, decode, encode
from proofward.engines.remote.agreement.terms import Seat, Terms, added_seat
from proofward.federation.messages.basics.field_types import Digest, Name
from proofward.federation.messages.basics.refusal import TRANSPORT, Refusal, describe, require
from proofward.federation.messages.consortium.rules import Rules, RulesError, check_name
from proofward.ledger.errors import SignatureInvalid
from proofward.ledger.keys import PublicKey, SigningKey, sign, verify

_CONTEXT = b"proofward/join/v1"


@dataclass(frozen=True)
class JoinRequest:
    """See the module; certificate in DER."""

    kind: ClassVar[str] = "join-request"
    terms: Digest
    member: Name
    role: Name
    key: Digest
    certificate: Annotated[bytes, Length(1, 1 << 14)]
    signature: Annotated[bytes, Length(0, 64)] = b""
    endorsement: Annotated[bytes, Length(0, 1024)] = b""

    def signed_part(self) -> bytes:
        """What both signatures cover."""
        return _CONTEXT + encode(replace(self, signature=b"", endorsement=b""))


def _seat(terms: Terms, member: str, added: bool) -> Seat:
    """The seat that the terms name, or the one of a hospital that was added; raises Refusal."""
    seat = terms.find(member)
    if added and seat is None:
        try:
            check_name(member)
        except RulesError as error:
            raise Refusal("member", TRANSPORT, "a member's name", describe(str(error))) from error
        return added_seat(member)
    require(seat is not None and not added, "member", TRANSPORT, "a member of the consortium", member)
    assert seat is not None
    return seat


def make_request(
    terms: Terms,
    member: str,
    key: SigningKey,
    certificate_pem: bytes,
    certificate_key_pem: bytes,
    *,
    added: bool = False,
) -> bytes:
    """A request's bytes; raises Refusal when the kit's certificate or key cannot be used."""
    seat = _seat(terms, member, added)
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        private = serialization.load_pem_private_key(certificate_key_pem, None)
    except ValueError as error:
        raise Refusal("certificate", TRANSPORT, "a kit's certificate and key", str(error)) from error
    if not isinstance(private, rsa.RSAPrivateKey):
        raise Refusal("certificate", TRANSPORT, "an RSA key", type(private).__name__)
    der = certificate.public_bytes(serialization.Encoding.DER)
    request = JoinRequest(terms.digest, member, seat.role, key.public.raw, der)
    message = request.signed_part()
    endorsement = private.sign(message, padding.PKCS1v15(), hashes.SHA256())
    return encode(replace(request, signature=sign(message, key, _CONTEXT), endorsement=endorsement))


def open_request(
    data: bytes,
    terms: Terms,
    authority_pem: bytes,
    now: datetime.datetime | None = None,
    *,
    added: bool = False,
) -> JoinRequest:
    """A request from bytes, if everything about it is right; raises Refusal.

    `now` is the time at which the certificate has to be valid. Validity is not looked at when it is None.
    added: the request is of a hospital that the terms do not name.
    """
    try:
        request = decode(data, JoinRequest)
    except MalformedMessage as error:
        raise Refusal("malformed", TRANSPORT, "a request to join", describe(str(error))) from error
    require(request.terms == terms.digest, "terms", TRANSPORT, terms.digest, request.terms)
    seat = _seat(terms, request.member, added)
    require(request.role == seat.role, "role", TRANSPORT, seat.role, request.role)
    try:
        verify(request.signed_part(), request.signature, PublicKey(request.key), _CONTEXT)
    except (SignatureInvalid, ValueError) as error:
        raise Refusal("signature", TRANSPORT, "one by the key itself", describe(str(error))) from error
    _check_certificate(request, seat.site, authority_pem, now)
    return request


def _check_certificate(
    request: JoinRequest, site: str, authority_pem: bytes, now: datetime.datetime | None
) -> None:
    try:
        certificate = x509.load_der_x509_certificate(request.certificate)
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority_pem))
        public = certificate.public_key()
        names = [
            str(entry.value) for entry in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        ]
        from_, until = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        require(names == [site], "certificate", TRANSPORT, site, names)
        if now is not None:
            require(
                from_ <= now <= until, "certificate", TRANSPORT, f"valid on {now:%Y-%m-%d}", f"until {until}"
            )
        if not isinstance(public, rsa.RSAPublicKey):
            raise Refusal("certificate", TRANSPORT, "an RSA key", type(public).__name__)
        public.verify(request.endorsement, request.signed_part(), padding.PKCS1v15(), hashes.SHA256())
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        expected = f"a certificate of {site} by the consortium's authority, and its signature"
        raise Refusal("certificate", TRANSPORT, expected, describe(str(error) or "another")) from error


def assemble(requests: Iterable[bytes], terms: Terms, authority_pem: bytes) -> Rules:
    """The rules that follow from everybody's requests; raises Refusal or RulesError."""
    keys: dict[str, bytes] = {}
    for data in requests:
        request = open_request(data, terms, authority_pem)
        earlier = keys.setdefault(request.member, request.key)
        require(earlier == request.key, "join", request.member, "one key", "two")
    return terms.rules(keys)


def require_own(rules: Rules, member: str, key: bytes, *, added: bool = False) -> None:
    """Raises Refusal unless a member of this site has its own public key in assembled rules.

    added: it is a hospital that they must not name.
    """
    own = rules.find(member)
    if added:
        require(own is None, "join", TRANSPORT, f"a consortium without a {member}", rules.digest)
        return
    mine = own is not None and own.key == key
    require(mine, "join", TRANSPORT, "the consortium that has this member's key", rules.digest)
