"""What a witness remembers: for each log the largest checkpoint that it cosigned, in a file of SQLite.

Comparing with what is remembered and remembering the next is one transaction, durable before anything is
answered; otherwise two requests at once, or a loss of power, could make a witness sign two histories.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from proofward.ledger.errors import LedgerCorrupt, LedgerUnavailable

_TABLE = (
    "CREATE TABLE IF NOT EXISTS logs (origin TEXT PRIMARY KEY, size INTEGER, root BLOB, note BLOB) STRICT"
)
_WAIT = 30.0


class Turn:
    """One transaction: what was seen of logs, and what is seen now."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def seen(self, origin: str) -> tuple[int, bytes]:
        """Size and root (32 bytes) that were cosigned last; (0, b"") if none was."""
        found = self._connection.execute("SELECT size, root FROM logs WHERE origin = ?", (origin,)).fetchone()
        if found is None:
            return 0, b""
        size, root = found
        if type(size) is not int or size < 0 or type(root) is not bytes or len(root) != 32:
            raise LedgerCorrupt(f"memory of {origin}", "a size and a root of 32 bytes", repr(found)[:80])
        return size, root

    def remember(self, origin: str, size: int, root: bytes, note: bytes) -> None:
        """What is cosigned now, with the note that has the cosignature."""
        self._connection.execute(
            "INSERT OR REPLACE INTO logs VALUES (?, ?, ?, ?)", (origin, size, root, note)
        )

    def note(self, origin_hash: str) -> bytes | None:
        """The checkpoint cosigned last of the log whose origin has this SHA-256, in hexadecimal."""
        for origin, note in self._connection.execute("SELECT origin, note FROM logs"):
            if hashlib.sha256(origin.encode()).hexdigest() == origin_hash:
                return bytes(note)
        return None


class Memory:
    """The file; one process or several may use it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self.turn():
            pass

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """A transaction, given up when an error is raised. Raises LedgerUnavailable and LedgerCorrupt."""
        try:
            with closing(sqlite3.connect(self.path, timeout=_WAIT, isolation_level=None)) as connection:
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(_TABLE)
                try:
                    yield Turn(connection)
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise LedgerUnavailable(self.path.name, "a file of a witness", str(error)) from error
        except sqlite3.DatabaseError as error:
            raise LedgerCorrupt(self.path.name, "a file of a witness", str(error)) from error
