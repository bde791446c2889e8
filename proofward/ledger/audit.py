"""Checks of everything that a ledger's directory holds.

Each gives one typed finding, needs no secret and writes nothing into the directory. Whoever made the files
may be hostile: types, lengths and numbers of files are bounded before anything is read (see `ledger.reading`
and `ledger.database`), and after MOST_FLAWS flaws of a directory no more are looked for.

What is checked: the seal against the files; the database's structure; each entry's place, kind and leaf hash;
the stored tree; each checkpoint's signature and root; checkpoints remembered elsewhere; each object's digest;
files that belong to nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from proofward.encoding import kind_of as record_kind
from proofward.ledger.checks import (
    Finding,
    KindOf,
    Tree,
    checkpoint_checks,
    compare,
    entry_checks,
    remembered_check,
    tree_check,
)
from proofward.ledger.database import FILE_NAME, Database
from proofward.ledger.errors import LedgerError
from proofward.ledger.note import NoteVerifier
from proofward.ledger.objects import ObjectStore
from proofward.ledger.reading import MAX_OBJECT_BYTES, MAX_OBJECTS, MOST_FLAWS, entries_of
from proofward.ledger.seal import OBJECTS_NAME, SEAL_NAME, Seal, check_seal


def stored_verifier(directory: Path) -> NoteVerifier:
    """The verifier key that a ledger names itself, for those who have no other source. Raises LedgerError."""
    database = Database(directory, writable=False)
    try:
        return NoteVerifier.parse(database.verifier())
    finally:
        database.close()


def verify_all(
    directory: Path,
    verifier: NoteVerifier,
    *,
    remembered: Sequence[bytes] = (),
    sealed: bool = True,
    seal_verifier: NoteVerifier | None = None,
    kind_of: KindOf = record_kind,
    sizes: Mapping[bytes, int] | None = None,
) -> Iterator[Finding]:
    """Findings about the ledger in `directory`, in a fixed order.

    Never raises for anything that the files hold.

    verifier        key of the log's checkpoints          seal_verifier  key of the seal (default: the same)
    remembered      notes kept elsewhere                  sealed         whether an unsealed ledger is a flaw
    sizes           most bytes of each object that may be there, by digest; others are not read, and whoever
                    gives `sizes` has to say what they are (default: read all)
    With `sealed`, any changed byte of any of the ledger's files makes at least one finding fail.
    """
    findings = _findings(directory, verifier, remembered, sealed, seal_verifier or verifier, kind_of, sizes)
    failed = 0
    for finding in findings:
        yield finding
        failed += not finding.passed
        if failed == MOST_FLAWS:
            error = LedgerError("ledger", f"fewer than {MOST_FLAWS} flaws", "so many; the rest is not read")
            yield Finding(finding.check, "further flaws", error)
            return


def _findings(
    directory: Path,
    verifier: NoteVerifier,
    remembered: Sequence[bytes],
    sealed: bool,
    seal_verifier: NoteVerifier,
    kind_of: KindOf,
    sizes: Mapping[bytes, int] | None,
) -> Iterator[Finding]:
    seal: Seal | None = None
    if sealed or os.path.lexists(directory / SEAL_NAME):
        try:
            seal = check_seal(directory, seal_verifier)
            yield Finding("seal", SEAL_NAME)
        except LedgerError as error:
            yield Finding("seal", SEAL_NAME, error)
    try:
        database = Database(directory, writable=False)
    except LedgerError as error:
        yield Finding("structure", FILE_NAME, error)
    else:
        try:
            yield from _log_findings(database, verifier, remembered, kind_of, seal)
        finally:
            database.close()
    try:
        yield from _object_findings(directory, sizes)
    except LedgerError as error:
        yield Finding("object", OBJECTS_NAME, error)
    except OSError as error:
        found = error.strerror or type(error).__name__
        yield Finding("object", OBJECTS_NAME, LedgerError(OBJECTS_NAME, "a readable directory", found))


def _log_findings(
    database: Database,
    verifier: NoteVerifier,
    remembered: Sequence[bytes],
    kind_of: KindOf,
    seal: Seal | None,
) -> Iterator[Finding]:
    tree = Tree()
    try:
        database.check_structure()
        yield compare("structure", "verifier key", str(verifier), database.verifier())
    except LedgerError as error:
        yield Finding("structure", FILE_NAME, error)
    try:
        yield from entry_checks(database, kind_of, tree)
        yield tree_check(database, tree)
    except LedgerError as error:
        yield Finding("tree", FILE_NAME, error)
    try:
        yield from checkpoint_checks(database, verifier, tree)
    except LedgerError as error:
        yield Finding("checkpoint", FILE_NAME, error)
    for note in remembered:
        yield remembered_check(note, verifier, database, tree)
    if seal is not None:
        yield compare("seal", "size of the log", seal.size, tree.size)
        yield compare("seal", "root of the log", seal.root, tree.root(tree.size))


def _object_findings(directory: Path, sizes: Mapping[bytes, int] | None) -> Iterator[Finding]:
    store = ObjectStore(directory / OBJECTS_NAME, create=False)
    for digest in store.digests():
        if sizes is not None and digest not in sizes:
            continue
        try:
            store.open(digest, MAX_OBJECT_BYTES if sizes is None else sizes[digest]).close()
            yield Finding("object", digest.hex())
        except LedgerError as error:
            yield Finding("object", digest.hex(), error)
    own = {FILE_NAME, SEAL_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm"}
    names = [entry.name for entry in entries_of(directory, MAX_OBJECTS)]
    strays = [name for name in names if name.startswith("ledger.") and name not in own]
    for name in chain(strays, (str(path.relative_to(directory)) for path in store.strays())):
        yield Finding(
            "stray", name, LedgerError(name, "only files of the ledger", "a file that belongs to nothing")
        )
