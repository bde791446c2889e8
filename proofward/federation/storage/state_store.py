"""A party's private state on disk: its copy of the ledger, what it sent, its secrets. SQLite, durable before
use.

Every change is one transaction with synchronous=FULL: after a crash a party finds either all of a step or
none of it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (number INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS outbox (slot TEXT PRIMARY KEY, packet BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value BLOB NOT NULL);
"""


class StateStore:
    """entries: the ledger as followed; outbox: packets by slot, first one wins; facts: secrets and notes by
    name.
    """

    def __init__(self, path: Path) -> None:
        """Opens or creates the file, readable by its owner only; its folder must exist."""
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("PRAGMA secure_delete=ON")
        self._db.executescript(_SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes within, or none."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def entries(self) -> list[bytes]:
        """The ledger's entries, in order."""
        return [row[0] for row in self._db.execute("SELECT data FROM entries ORDER BY number")]

    def append(self, first: int, entries: list[bytes]) -> None:
        """Adds entries number `first` and following."""
        rows = [(first + offset, data) for offset, data in enumerate(entries)]
        self._db.executemany("INSERT INTO entries VALUES (?, ?)", rows)

    def sent(self, slot: str) -> bytes | None:
        """The packet sent on a slot."""
        return self._one("SELECT packet FROM outbox WHERE slot = ?", slot)

    def packets(self) -> list[bytes]:
        """All packets kept."""
        return [bytes(row[0]) for row in self._db.execute("SELECT packet FROM outbox ORDER BY slot")]

    def keep_sent(self, slot: str, packet: bytes) -> None:
        """Records a packet; a slot is filled once."""
        self._db.execute("INSERT INTO outbox VALUES (?, ?)", (slot, packet))

    def replace_sent(self, slot: str, packet: bytes) -> None:
        """Puts a packet with the same record, signed with a later key, in the place of an unrecorded one."""
        self._db.execute("UPDATE outbox SET packet = ? WHERE slot = ?", (packet, slot))

    def forget_sent(self, slot: str) -> None:
        """Frees the space of a packet that the ledger has recorded; the slot stays filled."""
        self._db.execute("UPDATE outbox SET packet = x'' WHERE slot = ?", (slot,))

    def fact(self, name: str) -> bytes | None:
        """A stored value."""
        return self._one("SELECT value FROM facts WHERE name = ?", name)

    def put(self, name: str, value: bytes) -> None:
        """Stores or replaces a value."""
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def drop_others(self, prefix: str, keep: str) -> None:
        """Erases the values whose names begin with `prefix`, but for `keep`."""
        where = "substr(name, 1, ?) = ? AND name <> ?"
        self._db.execute(f"DELETE FROM facts WHERE {where}", (len(prefix), prefix, keep))

    def close(self) -> None:
        """Ends the use of the file."""
        self._db.close()

    def _one(self, query: str, key: str) -> bytes | None:
        row = self._db.execute(query, (key,)).fetchone()
        return None if row is None else bytes(row[0])
