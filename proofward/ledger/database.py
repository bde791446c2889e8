"""The log's SQLite file: schema, connections and typed rows.

Nothing in the file is trusted, and no error of SQLite leaves this module. Before any other query the tables
are compared with SCHEMA, so that no view, trigger, virtual table, generated column or expression of the file
is ever evaluated. For readers, the length of the file and of a value and the steps of a query are limited.

One transaction per append (synchronous=FULL, write-ahead log) holds the entry, the tree nodes that it
completes and the signed checkpoint: after a crash at any moment the log has all of it or nothing.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from proofward.ledger.errors import LedgerCorrupt, LedgerUnavailable
from proofward.ledger.guarding import Guarded
from proofward.ledger.reading import NotReadable, check_regular
from proofward.ledger.snapshot import copy_with_log

FILE_NAME = "ledger.db"
COMPANIONS = (f"{FILE_NAME}-wal", f"{FILE_NAME}-shm", f"{FILE_NAME}-journal")
WAL, JOURNAL = COMPANIONS[0], COMPANIONS[2]
APPLICATION_ID = 0x50574C31
MAX_DATABASE_BYTES = 1 << 30
MAX_ENTRY_BYTES = 1 << 22
MAX_ENTRIES = 1 << 20
READERS_LEAVE, _LOOK_AGAIN = 60.0, 0.05
"""Seconds that sealing waits for others who read the file, as `status` does, and between two attempts."""
_PAGE_BYTES = 4096
_STEPS, _STEPS_A_BYTE, _TICK = 1 << 20, 8, 1000
"""Steps of SQLite's machine that one answer may take, in all and for each byte of the file: more than any
honest row takes. A tree whose pages point at one another would take for ever."""
SCHEMA = {
    "meta": "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "entries": "CREATE TABLE entries (position INTEGER PRIMARY KEY, kind TEXT NOT NULL, data BLOB NOT NULL)",
    "nodes": "CREATE TABLE nodes (level INTEGER NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL,"
    " PRIMARY KEY (level, position)) WITHOUT ROWID",
    "checkpoints": "CREATE TABLE checkpoints (size INTEGER PRIMARY KEY, note BLOB NOT NULL)",
}


def expect(value: object, kind: type, subject: str) -> None:
    """Raises LedgerCorrupt unless a column holds a value of this type."""
    if type(value) is not kind:
        raise LedgerCorrupt(subject, kind.__name__, type(value).__name__)


class Database:
    """A connection to the file in `directory`. Reading never changes the file when `writable` is false."""

    def __init__(self, directory: Path, writable: bool, *, live: bool = False) -> None:
        """live: a reader of this machine's own log, which may be in use, reads it in its place.

        Raises LedgerUnavailable, and for readers LedgerCorrupt and NotReadable: whatever the folder holds.
        """
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        self._steps = self._most_steps = 0
        path = directory / FILE_NAME
        if not writable:
            path = self._checked(directory, live)
        mode = "rwc" if writable else "ro"
        if not writable and self._copy is None and not (live and (directory / WAL).exists()):
            mode += "&immutable=1"
        with self._closing_on_error(), Guarded(FILE_NAME):
            self.connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}",
                uri=True, isolation_level=None, check_same_thread=False, timeout=5,
            )  # fmt: skip
        with self._closing_on_error(), Guarded(FILE_NAME):
            self._limit(writable)
            for pragma in ("trusted_schema=OFF", "cell_size_check=ON", "mmap_size=0"):
                self.connection.execute(f"PRAGMA {pragma}")
            if writable:
                self.connection.execute("PRAGMA journal_mode=WAL")
                self.connection.execute("PRAGMA synchronous=FULL")
                pages = MAX_DATABASE_BYTES // _PAGE_BYTES
                self.connection.execute(f"PRAGMA max_page_count={pages}")
            else:
                self.check_schema()
                self.connection.execute("PRAGMA cache_size=-8192")  # the file may name another

    def _checked(self, directory: Path, live: bool) -> Path:
        """The file to read: the database itself, or a private copy with its write-ahead log."""
        path, wal = directory / FILE_NAME, directory / WAL
        try:
            check_regular(path, MAX_DATABASE_BYTES)
        except NotReadable as error:
            if error.missing:
                raise LedgerUnavailable(FILE_NAME, "a file", "nothing") from None
            raise
        if os.path.lexists(directory / JOURNAL):
            raise LedgerCorrupt(FILE_NAME, "no rollback journal, which a log does not have", JOURNAL)
        size = path.lstat().st_size
        if os.path.lexists(wal):
            check_regular(wal, MAX_DATABASE_BYTES)
            size += wal.lstat().st_size
            if not live:
                self._copy = copy_with_log(path, wal, MAX_DATABASE_BYTES)
                path = Path(self._copy.name) / FILE_NAME
        self._most_steps = _STEPS + _STEPS_A_BYTE * size
        return path

    def _limit(self, writable: bool) -> None:
        connection = self.connection
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_ENTRY_BYTES + _PAGE_BYTES)
        if not writable:
            for limit, most in (
                (sqlite3.SQLITE_LIMIT_SQL_LENGTH, 10_000),
                (sqlite3.SQLITE_LIMIT_COLUMN, 16),
                (sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 20),
                (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
                (sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 1),
            ):
                connection.setlimit(limit, most)
            connection.set_progress_handler(self._tick, _TICK)

    def _tick(self) -> bool:
        """Whether the present query has had all its steps: SQLite then ends it with an error."""
        self._steps -= _TICK
        return self._steps < 0

    def _query(self, subject: str) -> Guarded:
        """`Guarded`, with the steps that one answer may take."""
        self._steps = self._most_steps
        return Guarded(subject)

    @contextmanager
    def _closing_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Closes the connection and removes what was copied."""
        try:
            if hasattr(self, "connection"):
                with Guarded(FILE_NAME):
                    self.connection.close()
        finally:
            if self._copy is not None:
                self._copy.cleanup()

    def is_empty(self) -> bool:
        """Whether no table was ever made (also after a crash during creation)."""
        with Guarded(FILE_NAME):
            return int(self.connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]) == 0

    def create(self, verifier: str) -> None:
        """Makes the tables of a log whose checkpoints are signed by this verifier key, in one transaction."""
        with Guarded(FILE_NAME), self.transaction():
            for statement in SCHEMA.values():
                self.connection.execute(statement)
            self.connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            self.connection.execute("INSERT INTO meta VALUES ('format', '1'), ('verifier', ?)", (verifier,))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One write transaction: all of the block or nothing."""
        with Guarded(FILE_NAME):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    def check_schema(self) -> None:
        """Raises LedgerCorrupt unless the file has exactly the log's tables, and nothing else to evaluate."""
        expected = [("table", name, name, sql) for name, sql in SCHEMA.items()]
        with Guarded(FILE_NAME):
            self._steps = _TICK * (len(SCHEMA) + 1)
            cursor = self.connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master")
            found = cursor.fetchmany(2 * len(SCHEMA))
            cursor.close()
        if sorted(found, key=str) != sorted(expected):
            shown = sorted(f"{kind} {name}" for kind, name, *_ in found)
            raise LedgerCorrupt(FILE_NAME, f"the tables {sorted(SCHEMA)}", f"{shown}"[:200])

    def check_structure(self) -> None:
        """Raises LedgerCorrupt unless the tables are exactly the log's and SQLite finds the file intact."""
        self.check_schema()
        with self._query(FILE_NAME):
            problems = [str(row[0]) for row in self.connection.execute("PRAGMA integrity_check(3)")]
            identity = self.connection.execute("PRAGMA application_id").fetchone()[0]
        if problems != ["ok"]:
            raise LedgerCorrupt(FILE_NAME, "an intact database", "; ".join(problems)[:200])
        if identity != APPLICATION_ID:
            raise LedgerCorrupt(FILE_NAME, f"application ID {APPLICATION_ID}", str(identity))

    def verifier(self) -> str:
        """The verifier key in the file, as C2SP writes it: a claim of the file about itself."""
        with self._query(FILE_NAME):
            meta = dict(self.connection.execute("SELECT name, value FROM meta LIMIT 3"))
        if set(meta) != {"format", "verifier"} or meta["format"] != "1" or type(meta["verifier"]) is not str:
            raise LedgerCorrupt(FILE_NAME, "format 1 and a verifier key", repr(meta)[:200])
        return meta["verifier"]

    def size(self) -> int:
        """Number of entries: one more than the last position."""
        with self._query(FILE_NAME):
            last = self.connection.execute("SELECT max(position) FROM entries").fetchone()[0]
        if last is None:
            return 0
        expect(last, int, "entries")
        if not 0 <= last < MAX_ENTRIES:
            raise LedgerCorrupt("entries", f"at most {MAX_ENTRIES} from position 0", f"position {last}")
        return int(last) + 1

    def entries(self) -> Iterator[bytes]:
        """Bytes of all entries, in order, one at a time. Raises LedgerCorrupt for a row out of place."""
        rows = self.rows("SELECT position, data FROM entries ORDER BY position", "entries")
        for expected, (position, data) in enumerate(rows):
            if position != expected or type(data) is not bytes or expected >= MAX_ENTRIES:
                found = f"position {position!r:.40}, {type(data).__name__}"
                raise LedgerCorrupt(f"entry {expected}", f"position {expected} with bytes", found)
            yield data

    def entry(self, position: int) -> bytes:
        """Bytes of one entry. Raises LedgerCorrupt when the row is not there."""
        with self._query(f"entry {position}"):
            row = self.connection.execute(
                "SELECT data FROM entries WHERE position = ?", (position,)
            ).fetchone()
        if row is None:
            raise LedgerCorrupt(f"entry {position}", "a row", "nothing")
        expect(row[0], bytes, f"entry {position}")
        return bytes(row[0])

    def rows(self, query: str, subject: str) -> Iterator[tuple[object, ...]]:
        """Rows of a query, one at a time, every error typed."""
        with self._query(subject):
            cursor = self.connection.execute(query)
        while True:
            with self._query(subject):
                row = cursor.fetchone()
            if row is None:
                return
            yield row

    def node(self, level: int, position: int) -> bytes:
        """Hash (32 bytes) of a complete subtree."""
        subject = f"node ({level}, {position})"
        with self._query(subject):
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
        with self._query(f"checkpoint {size}"):
            row = self.connection.execute("SELECT note FROM checkpoints WHERE size = ?", (size,)).fetchone()
        if row is None:
            return None
        expect(row[0], bytes, f"checkpoint {size}")
        return bytes(row[0])

    def compact(self, patience: float = READERS_LEAVE) -> None:
        """Rewrites the file without unused pages, as one file without companions.

        For that nobody else may have it open. SQLite does not wait for readers there, so this does, for
        `patience` seconds; then it raises LedgerUnavailable.
        """
        until = time.monotonic() + patience
        while True:
            try:
                with self._query(FILE_NAME):
                    self.connection.execute("VACUUM")
                    mode = self.connection.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
                break
            except LedgerUnavailable:
                if time.monotonic() > until:
                    raise
                time.sleep(_LOOK_AGAIN)
        if mode != "delete":
            raise LedgerUnavailable(FILE_NAME, "exclusive use", f"journal mode {mode}")
