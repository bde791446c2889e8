"""Cosignatures of checkpoints with Ed25519 (c2sp.org/tlog-cosignature, version 1).

A cosigner says: at this time, this was the largest consistent tree of the log that I had seen. What is
signed are the lines "cosignature/v1" and "time SECONDS", then the checkpoint's text. A key that cosigns
signs nothing else, and its ID is made with the byte 0x04 in place of the 0x01 of notes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from proofward.ledger.errors import NoteInvalid
from proofward.ledger.keys import PublicKey, SigningKey
from proofward.ledger.note import key_id, read_key, signature_line, write_key

ALGORITHM = b"\x04"
TIME_BYTES, RAW_BYTES = 8, 4 + 8 + 64
MAX_TIME = (1 << 63) - 1


def cosigned_message(text: str, time: int) -> bytes:
    """What is signed for the text of a checkpoint at a time (seconds since 1970)."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


@dataclass(frozen=True)
class Cosigner:
    """A witness as others know it: its name and its public key."""

    name: str
    key: PublicKey

    @property
    def key_id(self) -> bytes:
        """Key ID (4 bytes)."""
        return key_id(self.name, ALGORITHM, self.key.raw)

    def __str__(self) -> str:
        """The verifier key as C2SP writes it."""
        return write_key(self.name, ALGORITHM, self.key.raw)

    @classmethod
    def parse(cls, text: str) -> Cosigner:
        """Inverse of `str`. Raises NoteInvalid."""
        return cls(*read_key(text, ALGORITHM, "an Ed25519 key that cosigns"))

    def time_of(self, text: str, signatures: Iterable[tuple[str, bytes]]) -> int | None:
        """When this witness cosigned the text, in seconds since 1970; None where it did not.

        Signatures of other keys are ignored. Raises NoteInvalid where one bears this key's ID and is not
        valid.
        """
        latest = None
        for name, raw in signatures:
            if name != self.name or raw[:4] != self.key_id:
                continue
            subject = f"cosignature of {self.name}"
            if len(raw) != RAW_BYTES:
                raise NoteInvalid(subject, f"{RAW_BYTES} bytes", f"{len(raw)} bytes")
            time = int.from_bytes(raw[4:12], "big")
            if not 0 < time <= MAX_TIME:
                raise NoteInvalid(subject, f"a time from 1 to {MAX_TIME}", str(time))
            if not self.key.verify_raw(cosigned_message(text, time), raw[12:]):
                raise NoteInvalid(subject, "a valid signature", "an invalid one")
            latest = time if latest is None else max(latest, time)
        return latest


@dataclass(frozen=True)
class CosigningKey:
    """A witness's name and private key."""

    name: str
    key: SigningKey

    @property
    def cosigner(self) -> Cosigner:
        """The public half."""
        return Cosigner(self.name, self.key.public)

    def line(self, text: str, time: int) -> str:
        """The signature line for a checkpoint's text at a time (seconds since 1970)."""
        if not 0 < time <= MAX_TIME:
            raise ValueError(f"time {time}: expected 1 to {MAX_TIME}")
        signature = self.key.sign_raw(cosigned_message(text, time))
        return signature_line(self.name, self.cosigner.key_id + time.to_bytes(TIME_BYTES, "big") + signature)
