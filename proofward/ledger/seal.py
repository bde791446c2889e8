"""The seal of a finished ledger: a signed note over every byte of it.

The note's text names the log's size and root, the length and SHA-256 of the database file, and the number of
objects with the SHA-256 of their sorted digests. So a changed byte anywhere in the database, in its unused
parts too, an added or missing object, and a changed byte of the seal itself are all noticed; the objects'
bytes are checked against their own digests.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from proofward.ledger.checkpoint import parse_root, parse_size
from proofward.ledger.database import COMPANIONS, FILE_NAME, MAX_DATABASE_BYTES
from proofward.ledger.errors import NoteInvalid, SealBroken
from proofward.ledger.files import sync_directory, write_file
from proofward.ledger.note import MAX_NOTE_BYTES, NoteSigner, NoteVerifier, open_note, sign_note, to_base64
from proofward.ledger.objects import ObjectStore
from proofward.ledger.reading import NotReadable, open_regular, read_regular

SEAL_NAME = "ledger.seal"
OBJECTS_NAME = "objects"
_TITLE = "proofward ledger seal v1"


@dataclass(frozen=True)
class Seal:
    """What a seal states; hashes have 32 bytes."""

    size: int
    root: bytes
    database_bytes: int
    database_hash: bytes
    objects: int
    objects_hash: bytes

    @property
    def text(self) -> str:
        """The lines that are signed."""
        lines = [
            _TITLE,
            f"log {self.size} {to_base64(self.root)}",
            f"database {self.database_bytes} {to_base64(self.database_hash)}",
            f"objects {self.objects} {to_base64(self.objects_hash)}",
        ]
        return "".join(f"{line}\n" for line in lines)


def _describe(directory: Path, size: int, root: bytes, most: int = MAX_DATABASE_BYTES) -> Seal:
    """The seal of the files as they are, with a database of at most `most` bytes; raises NotReadable."""
    with open_regular(directory / FILE_NAME, most) as file:
        length = os.fstat(file.fileno()).st_size
        file_hash = hashlib.file_digest(file, "sha256").digest()
    digests = ObjectStore(directory / OBJECTS_NAME, create=False).digests()
    return Seal(size, root, length, file_hash, len(digests), hashlib.sha256(b"".join(digests)).digest())


def write_seal(directory: Path, size: int, root: bytes, signer: NoteSigner) -> bytes:
    """Signs the files as they are now, with the log's size and root; returns the seal.

    Unfinished objects of an interrupted process are removed first.
    """
    ObjectStore(directory / OBJECTS_NAME, create=False).remove_unfinished()
    with (directory / FILE_NAME).open("rb") as file:
        os.fsync(file.fileno())
    note = sign_note(_describe(directory, size, root).text, signer)
    write_file(directory / SEAL_NAME, note, directory / f"{SEAL_NAME}.tmp")
    return note


def remove_seal(directory: Path) -> None:
    """Opens the ledger again."""
    (directory / SEAL_NAME).unlink(missing_ok=True)
    sync_directory(directory)


def parse_seal(note: bytes, verifier: NoteVerifier) -> Seal:
    """What a seal states, once its signature is verified. Raises NoteInvalid."""
    lines = open_note(note, verifier).split("\n")
    names = [_TITLE, "log", "database", "objects", ""]
    if len(lines) != 5 or lines[0] != _TITLE or lines[4]:
        raise NoteInvalid("seal", f"a note with the title {_TITLE!r}", repr(lines[0])[:80])
    values: list[tuple[int, bytes]] = []
    for name, line in zip(names[1:4], lines[1:4], strict=True):
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != name:
            raise NoteInvalid("seal", f"the line {name!r}", repr(line)[:80])
        values.append(
            (parse_size(parts[1], f"{name} of the seal"), parse_root(parts[2], f"{name} of the seal"))
        )
    return Seal(*values[0], *values[1], *values[2])


def check_seal(directory: Path, verifier: NoteVerifier) -> Seal:
    """The seal, when it is there, signed by `verifier`, and right about the files.

    Raises SealBroken or NoteInvalid.

    The bytes of the objects are not read.
    """
    try:
        note = read_regular(directory / SEAL_NAME, MAX_NOTE_BYTES)
    except NotReadable as error:
        raise SealBroken(SEAL_NAME, "a seal", error.actual) from None
    seal = parse_seal(note, verifier)
    companions = [name for name in COMPANIONS if os.path.lexists(directory / name)]
    if companions:
        raise SealBroken("sealed ledger", f"{FILE_NAME} alone", f"also {', '.join(companions)}")
    try:
        found = _describe(directory, seal.size, seal.root, min(seal.database_bytes, MAX_DATABASE_BYTES))
    except NotReadable as error:
        raise SealBroken(error.subject, error.expected, error.actual) from error
    except OSError as error:
        raise SealBroken(FILE_NAME, "a readable file", error.strerror or type(error).__name__) from error
    for name, expected, actual in (
        (FILE_NAME, f"{seal.database_bytes} bytes", f"{found.database_bytes} bytes"),
        (FILE_NAME, f"SHA-256 {seal.database_hash.hex()}", f"SHA-256 {found.database_hash.hex()}"),
        (OBJECTS_NAME, f"{seal.objects} objects", f"{found.objects} objects"),
        (OBJECTS_NAME, f"digests {seal.objects_hash.hex()}", f"digests {found.objects_hash.hex()}"),
    ):
        if expected != actual:
            raise SealBroken(name, expected, actual)
    return seal
