"""Checkpoints of a log: signed statements of its size and root (c2sp.org/tlog-checkpoint).

The text is three lines: origin, size in decimal, root in base64; this profile has no extension lines. The
origin is the name of the log's key.
"""

from __future__ import annotations

from dataclasses import dataclass

from proofward.ledger.errors import NoteInvalid
from proofward.ledger.merkle_log import HASH_BYTES
from proofward.ledger.note import NoteSigner, NoteVerifier, from_base64, open_note, sign_note, to_base64

MAX_SIZE = 1 << 62


@dataclass(frozen=True)
class Checkpoint:
    """Origin, number of entries and root (32 bytes) of a log."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The lines that are signed."""
        return f"{self.origin}\n{self.size}\n{to_base64(self.root)}\n"


def parse_size(text: str, what: str) -> int:
    """A decimal number without sign or leading zeros, up to MAX_SIZE. Raises NoteInvalid."""
    if (
        not (text.isascii() and text.isdigit())
        or len(text) > 19
        or str(int(text)) != text
        or int(text) > MAX_SIZE
    ):
        raise NoteInvalid(what, f"a decimal number up to {MAX_SIZE}", repr(text)[:80])
    return int(text)


def parse_root(text: str, what: str) -> bytes:
    """A hash (32 bytes) in base64. Raises NoteInvalid."""
    root = from_base64(text, what)
    if len(root) != HASH_BYTES:
        raise NoteInvalid(what, f"{HASH_BYTES} bytes", f"{len(root)} bytes")
    return root


def sign_checkpoint(size: int, root: bytes, signer: NoteSigner) -> bytes:
    """The signed note that states this size and root for the log named like its signer."""
    return sign_note(Checkpoint(signer.name, size, root).text, signer)


def open_checkpoint(note: bytes, verifier: NoteVerifier, others: bool = False) -> Checkpoint:
    """The checkpoint that the log's key signed; `others` admits further signatures. Raises NoteInvalid."""
    lines = open_note(note, verifier, others).split("\n")
    if len(lines) != 4:
        raise NoteInvalid("checkpoint", "three lines", f"{len(lines) - 1} lines")
    origin, size, root, _ = lines
    if origin != verifier.name:
        raise NoteInvalid("checkpoint", f"origin {verifier.name}", repr(origin)[:80])
    return Checkpoint(origin, parse_size(size, "checkpoint size"), parse_root(root, "checkpoint root"))
