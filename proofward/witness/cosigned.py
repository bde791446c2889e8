"""A checkpoint with its cosignatures, as a file: who cosigned it, and whether these are enough."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from proofward.ledger.checkpoint import Checkpoint, open_checkpoint
from proofward.ledger.errors import NoteInvalid
from proofward.ledger.note import NoteVerifier, parse_note, signature_line, signature_lines
from proofward.witness.cosignature import Cosigner


@dataclass(frozen=True)
class Witnesses:
    """Whose cosignatures count, and how many there have to be.

    cosigners: each with a name and a key of its own, since otherwise one could count twice; `least` of them.
    Raises NoteInvalid.
    """

    cosigners: tuple[Cosigner, ...]
    least: int

    def __post_init__(self) -> None:
        for what in ({one.key.raw for one in self.cosigners}, {one.name for one in self.cosigners}):
            if len(what) != len(self.cosigners):
                raise NoteInvalid(
                    "witnesses", "a name and a key of its own for each", f"{len(what)} different"
                )
        if not 1 <= self.least <= len(self.cosigners):
            raise NoteInvalid(
                "cosignatures", f"1 to {len(self.cosigners)}, so many witnesses", str(self.least)
            )


class TooFewCosigned(NoteInvalid):
    """All that is signed is in order, and fewer witnesses have cosigned than there have to be.

    size: of the checkpoint; there: who has cosigned it; lacking: who has not
    """

    def __init__(self, size: int, least: int, there: Sequence[str], lacking: Sequence[str]) -> None:
        self.size, self.there, self.lacking = size, tuple(there), tuple(lacking)
        found = f"{', '.join(there) or 'none'}; not {', '.join(lacking)}"
        super().__init__("cosignatures", f"{least} of {len(there) + len(lacking)} witnesses", found)


@dataclass(frozen=True)
class Cosigned:
    """A checkpoint that the log signed; times: (name, seconds since 1970) of witnesses who cosigned it."""

    checkpoint: Checkpoint
    times: tuple[tuple[str, int], ...]


def with_lines(note: bytes, lines: Iterable[str]) -> bytes:
    """A note with further signature lines. One of the same key replaces an earlier one; all others stay."""
    text, signatures = parse_note(note)
    kept = {(name, raw[:4]): raw for name, raw in signatures}
    for line in lines:
        kept.update({(name, raw[:4]): raw for name, raw in signature_lines(line)})
    return f"{text}\n".encode() + b"".join(
        signature_line(name, raw).encode() for (name, _), raw in kept.items()
    )


def open_cosigned(note: bytes, log: NoteVerifier, witnesses: Witnesses) -> Cosigned:
    """The checkpoint of a note that the log signed and enough witnesses cosigned.

    Raises TooFewCosigned where nothing is wrong but that, else NoteInvalid.
    """
    checkpoint = open_checkpoint(note, log, others=True)
    text, signatures = parse_note(note)
    times = [(cosigner.name, cosigner.time_of(text, signatures)) for cosigner in witnesses.cosigners]
    found = tuple((name, time) for name, time in times if time is not None)
    if len(found) < witnesses.least:
        lacking = [name for name, time in times if time is None]
        raise TooFewCosigned(checkpoint.size, witnesses.least, [name for name, _ in found], lacking)
    return Cosigned(checkpoint, found)
