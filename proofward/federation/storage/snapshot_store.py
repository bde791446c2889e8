"""Where a party keeps snapshots of its own state: parts by their SHA-256, and which one is the newest core.

A party trusts them as it trusts its other files, and still looks: a part has its digest. Nothing is lost with
them, since all of it follows from the ledger. A new core takes the place of the one before; chapters stay.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from proofward.ledger.errors import LedgerError
from proofward.ledger.files import write_file
from proofward.ledger.objects import ObjectStore

SNAPSHOT_TABLE = (
    "CREATE TABLE IF NOT EXISTS snapshots (digest BLOB PRIMARY KEY, data BLOB NOT NULL, core INTEGER)"
)
_NEWEST = "newest"
_DIGEST = re.compile(rb"[0-9a-f]{64}\n")


class SnapshotStore(Protocol):
    """What a party asks of it."""

    def newest(self) -> bytes | None:
        """Digest of the newest core, if there is one."""
        ...

    def part(self, digest: bytes) -> bytes | None:
        """A core or a chapter; its bytes are not looked at."""
        ...

    def keep(self, core: bytes, chapters: Iterable[bytes]) -> None:
        """Stores a new core with the chapters that are not there yet, or nothing of it."""
        ...


class SnapshotTable:
    """In a member's database; `keep` belongs to the transaction that stores what is described."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._db = database
        self._db.execute(SNAPSHOT_TABLE)

    def newest(self) -> bytes | None:
        """See SnapshotStore."""
        row = self._db.execute("SELECT digest FROM snapshots WHERE core = 1").fetchone()
        return None if row is None else bytes(row[0])

    def part(self, digest: bytes) -> bytes | None:
        """See SnapshotStore."""
        row = self._db.execute("SELECT data FROM snapshots WHERE digest = ?", (digest,)).fetchone()
        return None if row is None else bytes(row[0])

    def keep(self, core: bytes, chapters: Iterable[bytes]) -> None:
        """See SnapshotStore."""
        self._db.execute("DELETE FROM snapshots WHERE core = 1")
        rows = [(hashlib.sha256(data).digest(), data, 0) for data in chapters]
        rows.append((hashlib.sha256(core).digest(), core, 1))
        self._db.executemany("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?)", rows)


class SnapshotFolder:
    """In a folder beside the ledger's files: a file a part, and one that names the newest core."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._store = ObjectStore(directory, create=False)

    def newest(self) -> bytes | None:
        """See SnapshotStore."""
        try:
            named = (self.directory / _NEWEST).read_bytes()
        except OSError:
            return None
        return bytes.fromhex(named.decode()) if _DIGEST.fullmatch(named) else None

    def part(self, digest: bytes) -> bytes | None:
        """See SnapshotStore; a damaged part is none."""
        try:
            return self._store.get(digest)
        except LedgerError:
            return None

    def keep(self, core: bytes, chapters: Iterable[bytes]) -> None:
        """See SnapshotStore."""
        before = self.newest()
        for data in chapters:
            self._store.put(data)
        digest = self._store.put(core)
        path = self.directory / _NEWEST
        write_file(path, f"{digest.hex()}\n".encode(), path.with_suffix(f".{os.getpid()}"))
        if before is not None and before != digest:
            self._store.path(before).unlink(missing_ok=True)

    def remove(self) -> None:
        """Removes all of it."""
        shutil.rmtree(self.directory, ignore_errors=True)
