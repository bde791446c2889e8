"""A ledger's entries where they lie, read without changing or holding anything.

Every call opens the file, takes what it needs and closes it: a process that seals the ledger or erases
secrets waits for readers, and never for this one. What the files hold is not trusted.
"""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from proofward.engines.remote.agreement.home import STATE
from proofward.ledger.database import FILE_NAME, MAX_ENTRIES, WAL, Database
from proofward.ledger.errors import LedgerCorrupt, LedgerError, LedgerUnavailable
from proofward.ledger.guarding import Guarded

MOST_ENTRIES, MOST_BYTES = 2000, 16 << 20
"""Of one reading: then the file is closed, and opened again for what follows."""
_PATIENCE = 0.2


class StoredEntries(ABC):
    """Raises LedgerUnavailable where there is nothing to read now, LedgerCorrupt for what cannot be one."""

    path: Path

    @abstractmethod
    def read(self, first: int) -> list[bytes]:
        """Entries number `first` and following, as many as one reading takes."""

    @abstractmethod
    def at(self, positions: Sequence[int]) -> list[bytes]:
        """The entries at these positions."""

    @abstractmethod
    def checkpoint(self, most: int) -> bytes | None:
        """The latest signed checkpoint of at most so many entries, if one is here."""

    def mark(self) -> tuple[object, ...]:
        """Changes whenever entries were added."""
        found: list[object] = []
        for path in (self.path, self.path.with_name(f"{self.path.name}-wal")):
            try:
                known = path.stat()
                found.append((known.st_ino, known.st_mtime_ns, known.st_size))
            except OSError:
                found.append(None)
        return tuple(found)

    def changed(self) -> float | None:
        """When the file or its write-ahead log changed last, in seconds since 1970."""
        times = []
        for path in (self.path, self.path.with_name(f"{self.path.name}-wal")):
            try:
                times.append(path.stat().st_mtime)
            except OSError:
                continue
        return max(times, default=None)


def _batch(rows: Iterator[tuple[object, ...]], first: int) -> list[bytes]:
    """The entries of rows (position, data) from position `first` on, without a gap."""
    found: list[bytes] = []
    held = 0
    for position, data in rows:
        expected = first + len(found)
        if position != expected or type(data) is not bytes or expected >= MAX_ENTRIES:
            said = f"position {position!r:.40}, {type(data).__name__}"
            raise LedgerCorrupt(f"entry {expected}", f"position {expected} with bytes", said)
        found.append(data)
        held += len(data)
        if len(found) == MOST_ENTRIES or held > MOST_BYTES:
            break
    return found


class HostedLedger(StoredEntries):
    """The log of whoever hosts it: the server's, or that of a run on one machine."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / FILE_NAME
        assert self.path.with_name(f"{FILE_NAME}-wal").name == WAL

    def _opened(self) -> closing[Database]:
        return closing(Database(self.directory, writable=False, live=True))

    def read(self, first: int) -> list[bytes]:
        """See StoredEntries."""
        query = f"SELECT position, data FROM entries WHERE position >= {int(first)} ORDER BY position"
        with self._opened() as database:
            return _batch(database.rows(query, "entries"), first)

    def at(self, positions: Sequence[int]) -> list[bytes]:
        """See StoredEntries."""
        with self._opened() as database:
            return [database.entry(position) for position in positions]

    def checkpoint(self, most: int) -> bytes | None:
        """See StoredEntries."""
        query = f"SELECT note FROM checkpoints WHERE size <= {int(most)} ORDER BY size DESC LIMIT 1"
        with self._opened() as database:
            notes = [row[0] for row in database.rows(query, "checkpoints")]
        return notes[0] if notes and isinstance(notes[0], bytes) else None


class MemberCopy(StoredEntries):
    """The ledger as a member follows it, in the database of its state."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / STATE

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            empty = self.path.stat().st_size == 0
        except OSError:
            empty = True
        if empty:
            raise LedgerUnavailable(STATE, "a member's state", "nothing yet")
        with Guarded(STATE):
            place = f"file:{quote(str(self.path.resolve()))}?mode=ro"
            database = sqlite3.connect(place, uri=True, timeout=_PATIENCE)
            try:
                names = {row[0] for row in database.execute("SELECT name FROM sqlite_master LIMIT 100")}
                if not {"entries", "facts", "outbox"} <= names:
                    raise LedgerUnavailable(STATE, "a member's state", "one that is just being made")
                yield database
            finally:
                database.close()

    def read(self, first: int) -> list[bytes]:
        """See StoredEntries."""
        query = "SELECT number, data FROM entries WHERE number >= ? ORDER BY number"
        with self._opened() as database:
            return _batch(database.execute(query, (first,)), first)

    def at(self, positions: Sequence[int]) -> list[bytes]:
        """See StoredEntries."""
        found = []
        with self._opened() as database:
            for position in positions:
                row = database.execute("SELECT data FROM entries WHERE number = ?", (position,)).fetchone()
                if row is None or type(row[0]) is not bytes:
                    raise LedgerCorrupt(f"entry {position}", "a row with bytes", "nothing")
                found.append(row[0])
        return found

    def checkpoint(self, most: int) -> bytes | None:
        """See StoredEntries."""
        with self._opened() as database:
            row = database.execute("SELECT value FROM facts WHERE name = 'checkpoint'").fetchone()
        return row[0] if row is not None and type(row[0]) is bytes else None

    def waiting(self) -> list[tuple[str, int]]:
        """(slot, bytes) of what this member says and its copy of the ledger does not have yet."""
        query = "SELECT slot, length(packet) FROM outbox WHERE length(packet) > 0 ORDER BY slot LIMIT 1000"
        try:
            with self._opened() as database:
                return [(str(slot), int(count)) for slot, count in database.execute(query)]
        except LedgerError:
            return []
