"""Typed errors of the ledger. Each carries what was expected and what was found."""

from __future__ import annotations


class LedgerError(Exception):
    """Base of every error raised by `proofward.ledger`.

    It says what it is about, what was expected, and what was found.
    """

    def __init__(self, subject: str, expected: str, actual: str) -> None:
        super().__init__(f"{subject}: expected {expected}, found {actual}")
        self.subject = subject
        self.expected = expected
        self.actual = actual


class LedgerCorrupt(LedgerError):
    """Stored bytes are not what was written."""


class LedgerUnavailable(LedgerError):
    """The storage refuses: no such ledger, no permission, disk full, or in use by another process."""


class LogTruncated(LedgerError):
    """The log is shorter than a checkpoint that was signed for it."""

    def __init__(self, remembered_size: int, actual_size: int) -> None:
        super().__init__("log", f"at least {remembered_size} entries", f"{actual_size} entries")
        self.remembered_size = remembered_size
        self.actual_size = actual_size


class LogRewritten(LedgerError):
    """The log does not continue the one that a checkpoint was signed for.

    `first_entry` is the first that differs, if that is known.
    """

    def __init__(self, size: int, expected_root: bytes, actual_root: bytes, first_entry: int | None) -> None:
        where = "" if first_entry is None else f", first different entry {first_entry}"
        super().__init__(
            f"log of {size} entries{where}", f"root {expected_root.hex()}", f"root {actual_root.hex()}"
        )
        self.size = size
        self.first_entry = first_entry


class MerkleProofInvalid(LedgerError):
    """An inclusion or consistency proof does not verify."""


class NoteInvalid(LedgerError):
    """Bytes are no signed note, checkpoint or seal, or its signature is not the expected key's."""


class SealBroken(LedgerError):
    """A ledger's files are not the sealed ones; or there is no seal."""


class ObjectMissing(LedgerError):
    """No object with this digest is in the store."""

    def __init__(self, digest: bytes) -> None:
        super().__init__(f"object {digest.hex()}", "a stored object", "nothing")
        self.digest = digest


class ObjectCorrupt(LedgerError):
    """The stored bytes do not hash to the object's digest."""

    def __init__(self, digest: bytes, actual: str) -> None:
        super().__init__(f"object {digest.hex()}", f"SHA-256 {digest.hex()}", actual)
        self.digest = digest


class SignatureInvalid(LedgerError):
    """A signature is not the key's over this payload in this context."""


class KeyFileInvalid(LedgerError):
    """A key file is missing, malformed, or readable by others."""
