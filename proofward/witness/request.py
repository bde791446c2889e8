"""The body of `add-checkpoint` (c2sp.org/tlog-witness): old size, consistency proof and checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from proofward.ledger.checkpoint import parse_root, parse_size
from proofward.ledger.errors import NoteInvalid
from proofward.ledger.note import MAX_NOTE_BYTES, parse_note, to_base64

MAX_PROOF = 63
MAX_REQUEST_BYTES = MAX_NOTE_BYTES + 64 * (MAX_PROOF + 1)
"""No longer body can be one."""


@dataclass(frozen=True)
class AddCheckpoint:
    """What a log asks a witness.

    old: size that the witness cosigned last. proof: hashes (32 bytes) of the consistency proof from it.
    note: the checkpoint as signed. text: its text. signatures: (name, key ID and signature), none checked.
    origin, size and root: the first three lines of the text; a log may have more
    """

    old: int
    proof: tuple[bytes, ...]
    note: bytes
    text: str
    signatures: tuple[tuple[str, bytes], ...]
    origin: str
    size: int
    root: bytes


def write_request(old: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """The body that asks for a cosignature of a note."""
    lines = [f"old {old}\n", *(f"{to_base64(value)}\n" for value in proof), "\n"]
    return "".join(lines).encode() + note


def read_request(body: bytes) -> AddCheckpoint:
    """Inverse of `write_request` on bytes from outside; checks form only. Raises NoteInvalid."""
    if len(body) > MAX_REQUEST_BYTES:
        raise NoteInvalid("request", f"at most {MAX_REQUEST_BYTES} bytes", f"{len(body)} bytes")
    head, separator, note = body.partition(b"\n\n")
    lines = head.split(b"\n")
    if not separator or not head.isascii() or len(lines) > MAX_PROOF + 1:
        raise NoteInvalid(
            "request", f"a size and up to {MAX_PROOF} hashes before an empty line", f"{len(lines)} lines"
        )
    first, *hashes = (line.decode() for line in lines)
    if not first.startswith("old "):
        raise NoteInvalid("request", "the word old and a size", repr(first)[:80])
    old = parse_size(first.removeprefix("old "), "old size")
    proof = tuple(parse_root(line, "hash of the consistency proof") for line in hashes)
    text, signatures = parse_note(note)
    origin, *rest = text[:-1].split("\n")
    if len(rest) < 2 or not origin or not all(rest):
        raise NoteInvalid("checkpoint", "origin, size, root, and no empty lines", f"{len(rest) + 1} lines")
    size, root = parse_size(rest[0], "checkpoint size"), parse_root(rest[1], "checkpoint root")
    return AddCheckpoint(old, proof, note, text, signatures, origin, size, root)
