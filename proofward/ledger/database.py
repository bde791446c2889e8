"""The log's SQLite file: schema, connections, and typed rows; nothing in it is trusted, no error of SQLite
leaves it.

One transaction per append (synchronous=FULL, write-ahead log) holds the entry, the tree nodes that it
completes and the signed checkpoint: after a crash at any moment the log has all of it or nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from proofward.ledger.errors import LedgerCorrupt, LedgerUnavailable

FILE_NAME = "ledger.db"
COMPANIONS = (f"{FILE_NAME}-wal", f"{FILE_NAME}-shm", f"{FILE_NAME}-journal")
APPLICATION_ID = 0x50574C31
SCHEMA = {
    "meta": "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "entries": "CREATE TABLE entries (position INTEGER PRIMARY KEY, kind TEXT NOT NULL, data BLOB NOT NULL)",
    "nodes": "CREATE TABLE nodes (level INTEGER NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL,"
    " PRIMARY KEY (level, position)) WITHOUT ROWID",
    "checkpoints": "CREATE TABLE checkpoints (size INTEGER PRIMARY KEY, note BLOB NOT NULL)",
}
_UNAVAILABLE = {
    sqlite3.SQLITE_BUSY: "a file in use by another process",
    sqlite3.SQLITE_LOCKED: "a file in use",
    sqlite3.SQLITE_FULL: "a full disk",
    sqlite3.SQLITE_READONLY: "a file that cannot be written",
    sqlite3.SQLITE_CANTOPEN: "a file that cannot be opened",
    sqlite3.SQLITE_PERM: "no permission",
}


@contextmanager
def guarded(subject: str) -> Iterator[None]:
    """Turns every error of SQLite into LedgerUnavailable (the storage) or LedgerCorrupt (the bytes)."""
    try:
        yield
    except (sqlite3.Error, sqlite3.Warning, MemoryError, OverflowError, UnicodeError) as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code is not None and code & 0xFF in _UNAVAILABLE:
            raise LedgerUnavailable(subject, "a file to work with", _UNAVAILABLE[code & 0xFF]) from error
        raise LedgerCorrupt(
            subject, "a readable database", f"{type(error).__name__}: {error}"[:200]
        ) from error


def expect(value: object, kind: type, subject: str) -> None:
    """Raises LedgerCorrupt unless a column holds a value of this type."""
    if type(value) is not kind:
        raise LedgerCorrupt(subject, kind.__name__, type(value).__name__)


class Database:
    """A connection to the file in `directory`. Reading never changes the file when `writable` is false."""

    def __init__(self, directory: Path, writable: bool) -> None:
        path = directory / FILE_NAME
        if not writable and not path.is_file():
            raise LedgerUnavailable(FILE_NAME, "a file", "nothing")
        mode = "rwc" if writable else "ro"
        if not writable and not (directory / COMPANIONS[0]).exists():
            mode += "&immutable=1"
        with guarded(FILE_NAME):
            self.connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}",
                uri=True, isolation_level=None, check_same_thread=False, timeout=5,
            )  # fmt: skip
        with self._closing_on_error(), guarded(FILE_NAME):
            for pragma in ("trusted_schema=OFF", "cell_size_check=ON", "mmap_size=0"):
                self.connection.execute(f"PRAGMA {pragma}")
            if writable:
                self.connection.execute("PRAGMA journal_mode=WAL")
                self.connection.execute("PRAGMA synchronous=FULL")

    @contextmanager
    def _closing_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.connection.close()
            raise

    def close(self) -> None:
        """Closes the connection."""
        with guarded(FILE_NAME):
            self.connection.close()

    def is_empty(self) -> bool:
        """Whether no table was ever made (also after a crash during creation)."""
        with guarded(FILE_NAME):
            return int(self.connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]) == 0

    def create(self, verifier: str) -> None:
        """Makes the tables of a log whose checkpoints are signed by this verifier key, in one transaction."""
        with guarded(FILE_NAME), self.transaction():
            for statement in SCHEMA.values():
                self.connection.execute(statement)
            self.connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            self.connection.execute("INSERT INTO meta VALUES ('format', '1'), ('verifier', ?)", (verifier,))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One write transaction: all of the block or nothing."""
        with guarded(FILE_NAME):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    def check_structure(self) -> None:
        """Raises LedgerCorrupt unless SQLite finds the file intact and the tables are exactly the log's."""
        with guarded(FILE_NAME):
            problems = [str(row[0]) for row in self.connection.execute("PRAGMA integrity_check(3)")]
            tables = dict(self.connection.execute("SELECT name, sql FROM sqlite_master"))
            identity = self.connection.execute("PRAGMA application_id").fetchone()[0]
        if problems != ["ok"]:
            raise LedgerCorrupt(FILE_NAME, "an intact database", "; ".join(problems)[:200])
        if tables != SCHEMA:
            raise LedgerCorrupt(
                FILE_NAME, f"the tables {sorted(SCHEMA)}", f"{sorted(map(str, tables))}"[:200]
            )
        if identity != APPLICATION_ID:
            raise LedgerCorrupt(FILE_NAME, f"application ID {APPLICATION_ID}", str(identity))

    def verifier(self) -> str:
        """The verifier key in the file, as C2SP writes it: a claim of the file about itself."""
        with guarded(FILE_NAME):
            meta = dict(self.connection.execute("SELECT name, value FROM meta"))
        if set(meta) != {"format", "verifier"} or meta["format"] != "1" or type(meta["verifier"]) is not str:
            raise LedgerCorrupt(FILE_NAME, "format 1 and a verifier key", repr(meta)[:200])
        return meta["verifier"]

    def size(self) -> int:
        """Number of entries: one more than the last position."""
        with guarded(FILE_NAME):
            last = self.connection.execute("SELECT max(position) FROM entries").fetchone()[0]
        if last is None:
            return 0
        expect(last, int, "entries")
        return int(last) + 1

    def entry(self, position: int) -> bytes:
        """Bytes of one entry. Raises LedgerCorrupt when the row is not there."""
        with guarded(f"entry {position}"):
            row = self.connection.execute(
                "SELECT data FROM entries WHERE position = ?", (position,)
            ).fetchone()
        if row is None:
            raise LedgerCorrupt(f"entry {position}", "a row", "nothing")
        expect(row[0], bytes, f"entry {position}")
        return bytes(row[0])

    def rows(self, query: str, subject: str) -> Iterator[tuple[object, ...]]:
        """Rows of a query, one at a time, every error typed."""
        with guarded(subject):
            cursor = self.connection.execute(query)
        while True:
            with guarded(subject):
                row = cursor.fetchone()
            if row is None:
                return
            yield row

    def node(self, level: int, position: int) -> bytes:
        """Hash (32 bytes) of a complete subtree."""
        subject = f"node ({level}, {position})"
        with guarded(subject):
            row = self.connection.execute(
                "SELECT hash FROM nodes WHERE level = ? AND position = ?", (level, position)
            ).fetchone()
        if row is None or type(row[0]) is not bytes or len(row[0]) != 32:
            raise LedgerCorrupt(
                subject, "a hash of 32 bytes", "nothing" if row is None else repr(row[0])[:80]
            )
        return row[0]

    def checkpoint(self, size: int) -> bytes | None:
        """The signed note stored for this size, if any."""
        with guarded(f"checkpoint {size}"):
            row = self.connection.execute("SELECT note FROM checkpoints WHERE size = ?", (size,)).fetchone()
        if row is None:
            return None
        expect(row[0], bytes, f"checkpoint {size}")
        return bytes(row[0])

    def compact(self) -> None:
        """Rewrites the file without unused pages, as one file without companions."""
        with guarded(FILE_NAME):
            self.connection.execute("VACUUM")
            mode = self.connection.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
        if mode != "delete":
            raise LedgerUnavailable(FILE_NAME, "exclusive use", f"journal mode {mode}")
