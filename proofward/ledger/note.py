"""Signed notes, as specified by C2SP (c2sp.org/signed-note), with Ed25519 signatures.

A note is a text ending in a newline, an empty line, and lines "\u2014 <name> <base64 of key ID and
signature>". A key's ID is the first four bytes of SHA-256(name, newline, 0x01, public key). Only the
canonical form is accepted: standard base64, nothing before or after.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache

from proofward.ledger.errors import NoteInvalid, SignatureInvalid
from proofward.ledger.keys import PublicKey, SigningKey

SIGNATURES = "\n\n\u2014 ".encode()
"""Begins the signatures of every note."""
MAX_NOTE_BYTES = 1 << 16
_ED25519 = b"\x01"
_DASH = "\u2014 "
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f]")


@lru_cache(maxsize=256)
def _check_name(name: str) -> None:
    if (
        not name
        or "+" in name
        or any(character.isspace() or not character.isprintable() for character in name)
    ):
        raise NoteInvalid("key name", "printable text without spaces or +", repr(name)[:80])


def to_base64(data: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(data).decode()


def from_base64(text: str, what: str) -> bytes:
    """Inverse of `to_base64`, on its image only. Raises NoteInvalid."""
    try:
        data = base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, ValueError):
        raise NoteInvalid(what, "standard base64", repr(text)[:80]) from None
    if to_base64(data) != text:
        raise NoteInvalid(what, "canonical base64", repr(text)[:80])
    return data


def key_id(name: str, algorithm: bytes, raw: bytes) -> bytes:
    """ID (4 bytes) of a key under a name; the algorithm's byte comes before the key's."""
    return hashlib.sha256(name.encode() + b"\n" + algorithm + raw).digest()[:4]


def write_key(name: str, algorithm: bytes, raw: bytes) -> str:
    """A verifier key as C2SP writes it: name, key ID, and algorithm with key."""
    return f"{name}+{key_id(name, algorithm, raw).hex()}+{to_base64(algorithm + raw)}"


def read_key(text: str, algorithm: bytes, what: str) -> tuple[str, PublicKey]:
    """Name and Ed25519 key of a verifier key, in the only form that `write_key` gives. Raises NoteInvalid."""
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise NoteInvalid("verifier key", "name+id+key", repr(text)[:80])
    raw = from_base64(parts[2], "verifier key")
    if raw[:1] != algorithm or len(raw) != 33:
        raise NoteInvalid("verifier key", what, repr(text)[:80])
    _check_name(parts[0])
    if (written := write_key(parts[0], algorithm, raw[1:])) != text:
        raise NoteInvalid("verifier key", written, repr(text)[:80])
    try:
        return parts[0], PublicKey(raw[1:])
    except (SignatureInvalid, ValueError):
        raise NoteInvalid("verifier key", what, repr(text)[:80]) from None


@dataclass(frozen=True)
class NoteVerifier:
    """A name and the public key that signs notes under it."""

    name: str
    key: PublicKey

    def __post_init__(self) -> None:
        _check_name(self.name)

    @property
    def key_id(self) -> bytes:
        """Key ID (4 bytes)."""
        return key_id(self.name, _ED25519, self.key.raw)

    def __str__(self) -> str:
        """The verifier key as C2SP writes it: name, key ID and key."""
        return write_key(self.name, _ED25519, self.key.raw)

    @classmethod
    def parse(cls, text: str) -> NoteVerifier:
        """Inverse of `str`. Raises NoteInvalid."""
        return cls(*read_key(text, _ED25519, "an Ed25519 key"))


@dataclass(frozen=True)
class NoteSigner:
    """A name and the key that signs notes under it."""

    name: str
    key: SigningKey

    def __post_init__(self) -> None:
        _check_name(self.name)

    @property
    def verifier(self) -> NoteVerifier:
        """The public half."""
        return NoteVerifier(self.name, self.key.public)


def sign_note(text: str, signer: NoteSigner) -> bytes:
    """The note with one signature. `text` ends in a newline and has no other control character."""
    _check_text(text)
    signature = signer.key.sign_raw(text.encode())
    return f"{text}\n{signature_line(signer.name, signer.verifier.key_id + signature)}".encode()


def _check_text(text: str) -> None:
    if not text.endswith("\n") or _CONTROL.search(text):
        raise NoteInvalid("note", "text ending in a newline, without control characters", repr(text)[-80:])


def _signature_line(line: str) -> tuple[str, bytes]:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH):
        raise NoteInvalid("note", "a signature line", repr(line)[:80])
    _check_name(name)
    raw = from_base64(encoded, f"signature of {name}")
    if len(raw) < 5:
        raise NoteInvalid(f"signature of {name}", "a key ID and a signature", f"{len(raw)} bytes")
    return name, raw


def signature_lines(text: str) -> tuple[tuple[str, bytes], ...]:
    """(name, key ID and signature) of lines that each end in a newline. Raises NoteInvalid."""
    if not text.endswith("\n"):
        raise NoteInvalid("note", "signature lines", repr(text)[-80:])
    return tuple(_signature_line(line) for line in text[:-1].split("\n"))


def signature_line(name: str, raw: bytes) -> str:
    """The line of a signature, with its newline; raw begins with the key's ID."""
    return f"{_DASH}{name} {to_base64(raw)}\n"


def parse_note(data: bytes) -> tuple[str, tuple[tuple[str, bytes], ...]]:
    """Text and signatures (name, key ID and signature), none of them checked. Raises NoteInvalid."""
    if len(data) > MAX_NOTE_BYTES:
        raise NoteInvalid("note", f"at most {MAX_NOTE_BYTES} bytes", f"{len(data)} bytes")
    try:
        note = data.decode()
    except UnicodeDecodeError as error:
        raise NoteInvalid("note", "UTF-8 text", f"{error.reason} at byte {error.start}") from None
    body, separator, tail = note.rpartition("\n\n")
    if not separator or not tail.endswith("\n"):
        raise NoteInvalid("note", "a text, an empty line and signature lines", repr(note)[-80:])
    text = body + "\n"
    _check_text(text)
    return text, signature_lines(tail)


def open_note(data: bytes, verifier: NoteVerifier, others: bool = False) -> str:
    """The text of a note that `verifier` signed, exactly once. Raises NoteInvalid.

    Signatures of other keys (of witnesses, for example) are ignored when `others`, and refused otherwise:
    then any changed byte of the note is noticed.
    """
    text, signatures = parse_note(data)
    ours = [raw[4:] for name, raw in signatures if name == verifier.name and raw[:4] == verifier.key_id]
    if len(ours) != 1 or (len(signatures) != 1 and not others):
        names = ", ".join(f"{name}+{raw[:4].hex()}" for name, raw in signatures)
        raise NoteInvalid("note", f"one signature of {verifier.name}+{verifier.key_id.hex()}", names[:200])
    if not verifier.key.verify_raw(text.encode(), ours[0]):
        raise NoteInvalid("note", f"a valid signature of {verifier.name}", "an invalid one")
    return text
