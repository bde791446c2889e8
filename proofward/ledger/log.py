"""The append-only log of a ledger: entries, their Merkle tree, and a checkpoint signed with every append.

Opening recomputes the tree from the entries and compares it with what is stored and signed; nothing is
appended to a log that does not add up. A log opened with the signer's key signs for itself; a replica takes
each checkpoint from the signer, and only if it is the one of its own tree.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from proofward.encoding import kind_of as record_kind
from proofward.ledger.checkpoint import open_checkpoint, sign_checkpoint
from proofward.ledger.checks import (
    Finding,
    KindOf,
    Tree,
    checkpoint_checks,
    entry_checks,
    remembered_check,
    tree_check,
)
from proofward.ledger.database import FILE_NAME, MAX_ENTRIES, MAX_ENTRY_BYTES, Database, expect
from proofward.ledger.errors import LedgerCorrupt, LedgerError, LedgerUnavailable, LogRewritten, LogTruncated
from proofward.ledger.files import make_directory, sync_directory
from proofward.ledger.merkle_log import (
    completed_nodes,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    tree_root,
)
from proofward.ledger.note import NoteSigner, NoteVerifier
from proofward.ledger.objects import ObjectStore
from proofward.ledger.seal import OBJECTS_NAME, SEAL_NAME, check_seal, remove_seal, write_seal


def _require(finding: Finding) -> None:
    if isinstance(finding.error, LogRewritten | LogTruncated | LedgerCorrupt | LedgerUnavailable):
        raise finding.error
    if finding.error is not None:
        raise LedgerCorrupt(
            finding.error.subject, finding.error.expected, finding.error.actual
        ) from finding.error


class Log:
    """A log in `directory`, open for appending by one process at a time; safe to use from several threads.

    `objects` is the ledger's store of content-addressed objects.

    verifier    the key that signs the checkpoints; its name is the log's origin
    signer      with that key, `append` works; without it, the log is a replica and `replicate` works
    create      make the log if there is none
    remembered  a checkpoint kept elsewhere (bytes of a note), which the log must continue
    kind_of     derives an entry's kind from its bytes; raises MalformedMessage for what may not be an entry
    seal_verifier   the key of the party that sealed the ledger, if it is not `verifier`

    Raises LedgerUnavailable, LedgerCorrupt, LogTruncated, LogRewritten, SealBroken, NoteInvalid. A seal is
    checked, then removed: the ledger is open again.
    """

    def __init__(
        self,
        directory: Path,
        verifier: NoteVerifier,
        signer: NoteSigner | None = None,
        *,
        create: bool = False,
        remembered: bytes | None = None,
        kind_of: KindOf = record_kind,
        seal_verifier: NoteVerifier | None = None,
    ) -> None:
        if signer is not None and signer.verifier != verifier:
            raise LedgerError("signer", str(verifier), str(signer.verifier))
        self.directory, self.verifier = directory, verifier
        self.objects = ObjectStore(directory / OBJECTS_NAME, create=False)
        self._signer, self._kind_of, self._lock = signer, kind_of, threading.RLock()
        if os.path.lexists(directory / SEAL_NAME):
            check_seal(directory, seal_verifier or verifier)
        if create:
            make_directory(directory)
        elif not (directory / FILE_NAME).is_file():
            raise LedgerUnavailable(FILE_NAME, "a ledger", "nothing")
        self._database = Database(directory, writable=True)
        try:
            if create and self._database.is_empty():
                self._database.create(str(verifier))
            self._reconcile(remembered)
            remove_seal(directory)
            sync_directory(directory)
        except BaseException:
            self._database.close()
            raise

    def _reconcile(self, remembered: bytes | None) -> None:
        database, tree = self._database, Tree()
        database.check_structure()
        if database.verifier() != str(self.verifier):
            raise LedgerCorrupt("verifier key", str(self.verifier), database.verifier()[:200])
        for finding in entry_checks(database, self._kind_of, tree):
            _require(finding)
        for finding in checkpoint_checks(database, self.verifier, tree):
            _require(finding)
        _require(tree_check(database, tree))
        if remembered is not None:
            _require(remembered_check(remembered, self.verifier, database, tree))

    @property
    def size(self) -> int:
        """Number of entries."""
        with self._lock:
            return self._database.size()

    def append(self, *entries: bytes, kind: str | None = None) -> bytes:
        """Appends entries in one durable transaction; returns the signed checkpoint.

        It needs the signer's key. `kind` is that of the entries, where whoever appends has derived it.
        """
        signer = self._signer
        if signer is None:
            raise LedgerUnavailable("log", f"the key of {self.verifier.name}", "no signer: a replica")
        kinds = [self._kind_of(entry) if kind is None else kind for entry in entries]
        return self._extend(entries, kinds, lambda size, root: sign_checkpoint(size, root, signer))

    def replicate(self, entries: Sequence[bytes], note: bytes) -> None:
        """Appends entries that the signer appended, up to its checkpoint `note`, in one durable transaction.

        Raises NoteInvalid when the note is not the signer's, LogTruncated or LogRewritten when it is of
        another log.
        """
        kinds = [self._kind_of(entry) for entry in entries]
        self._extend(entries, kinds, lambda size, root: self._agreed(size, root, note))

    def _extend(
        self, entries: Sequence[bytes], kinds: Sequence[str], note_for: Callable[[int, bytes], bytes]
    ) -> bytes:
        if not entries:
            raise ValueError("at least one entry is appended at a time")
        if (longest := max(map(len, entries))) > MAX_ENTRY_BYTES:
            raise LedgerUnavailable("entry", f"at most {MAX_ENTRY_BYTES} bytes", f"{longest} bytes")
        database = self._database
        with self._lock, database.transaction():
            size = database.size()
            if size + len(entries) > MAX_ENTRIES:
                raise LedgerUnavailable("log", f"at most {MAX_ENTRIES} entries", f"{size + len(entries)}")
            for kind, entry in zip(kinds, entries, strict=True):
                execute = database.connection.execute
                execute("INSERT INTO entries VALUES (?, ?, ?)", (size, kind, entry))
                for node in list(completed_nodes(size, leaf_hash(entry), database.node)):
                    execute("INSERT INTO nodes VALUES (?, ?, ?)", node)
                size += 1
            root = tree_root(size, database.node)
            signed = note_for(size, root)
            database.connection.execute("INSERT INTO checkpoints VALUES (?, ?)", (size, signed))
        return signed

    def _agreed(self, size: int, root: bytes, note: bytes) -> bytes:
        checkpoint = open_checkpoint(note, self.verifier)
        if checkpoint.size > size:
            raise LogTruncated(checkpoint.size, size)
        if checkpoint.size != size or checkpoint.root != root:
            raise LogRewritten(size, checkpoint.root, root, None)
        return note

    def entry(self, position: int) -> bytes:
        """Bytes of an entry.

        Raises IndexError outside the log, LedgerCorrupt when they are not what was appended.
        """
        with self._lock:
            if not 0 <= position < self._database.size():
                raise IndexError(f"entry {position} of a log of {self._database.size()} entries")
        return self._sound(position)

    def _sound(self, position: int) -> bytes:
        """An entry below the size."""
        with self._lock:
            data = self._database.entry(position)
            expected = self._database.node(0, position)
        if leaf_hash(data) != expected:
            raise LedgerCorrupt(f"entry {position}", f"leaf hash {expected.hex()}", leaf_hash(data).hex())
        return data

    def entries(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Entries from `start` up to `end` (default: the size at the time of the call)."""
        size = self.size
        for position in range(start, size if end is None else end):
            yield self._sound(position) if 0 <= position < size else self.entry(position)

    def positions(self, kind: str) -> list[int]:
        """Positions of the entries of a kind, ascending."""
        with self._lock:
            rows = list(
                self._database.rows("SELECT position, kind FROM entries ORDER BY position", "entries")
            )
        for position, _ in rows:
            expect(position, int, "entries")
        return [int(str(position)) for position, its_kind in rows if its_kind == kind]

    def root(self, size: int | None = None) -> bytes:
        """Root (32 bytes) of the tree over the first `size` entries, by default all."""
        with self._lock:
            return tree_root(self._database.size() if size is None else size, self._database.node)

    def checkpoint(self, size: int | None = None) -> bytes | None:
        """The signed note of this size, by default the latest; None if none was signed then."""
        with self._lock:
            return self._database.checkpoint(self._database.size() if size is None else size)

    def inclusion_proof(self, position: int, size: int | None = None) -> list[bytes]:
        """Proof that an entry is in the tree of `size` entries, for `merkle_log.verify_inclusion`."""
        with self._lock:
            return inclusion_proof(position, self._bounded(size), self._database.node)

    def consistency_proof(self, first: int, second: int | None = None) -> list[bytes]:
        """Proof that the tree of `first` entries is a prefix of that of `second`.

        It is made for `merkle_log.verify_consistency`.
        """
        with self._lock:
            return consistency_proof(first, self._bounded(second), self._database.node)

    def _bounded(self, size: int | None) -> int:
        whole = self._database.size()
        if size is not None and size > whole:
            raise ValueError(f"tree of {size} entries in a log of {whole}")
        return whole if size is None else size

    def check_continues(self, note: bytes) -> None:
        """Raises unless the log continues the one that this checkpoint was signed for.

        The errors are LogTruncated and LogRewritten.
        """
        tree = Tree()
        with self._lock:
            for entry in self._stored():
                tree.append(entry)
            finding = remembered_check(note, self.verifier, self._database, tree)
        if finding.error is not None:
            raise finding.error

    def _stored(self) -> Iterable[bytes]:
        return (self._database.entry(position) for position in range(self._database.size()))

    def seal(self, signer: NoteSigner | None = None) -> bytes:
        """Closes the ledger for good: one compact file, and a signed seal over it and the objects.

        Returns the seal.

        `signer` is by default the log's. Raises LedgerUnavailable while another process uses the file.
        """
        sealer = signer or self._signer
        if sealer is None:
            raise LedgerUnavailable("seal", "a key to sign it", "no signer: a replica")
        with self._lock:
            size, root = self.size, self.root()
            self._database.compact()
            self._database.close()
            return write_seal(self.directory, size, root, sealer)

    def close(self) -> None:
        """Closes the file without sealing it."""
        with self._lock:
            self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
