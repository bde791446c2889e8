"""A party's private state on disk: its copy of the ledger, what it sent, its secrets.

It is an SQLite database, and everything is durable before it is used.

Every change is one transaction with synchronous=FULL: after a crash a party finds either all of a step or
none of it. Every transaction increments a counter, here and then in the ratchet file, before anything that
depends on it is sent. So a database of the past is refused: its counter is lower than the ratchet's.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from urllib.parse import quote

from proofward.federation.messages.randomness import ByteSource
from proofward.federation.storage.continuity import StateRefused
from proofward.federation.storage.ratchet import REMEDY_COPY, Ratchet
from proofward.federation.storage.secret_store import TABLE, SecretStore
from proofward.federation.storage.snapshot_store import SnapshotTable

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (number INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS outbox (slot TEXT PRIMARY KEY, packet BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS continuity (counter INTEGER NOT NULL, key_name BLOB NOT NULL);
"""
_TABLES = ("entries", "outbox", "facts", "secrets")
RATCHET_SUFFIX = ".ratchet"


class StateStore:
    """A party's ledger, outbox, facts and secrets in one database.

    `entries` is the ledger as followed. `outbox` holds packets by slot, of which the first one wins. `facts`
    are notes by name, none of them secret. Secrets are kept in `secrets`, in a way that can be erased.
    """

    def __init__(self, path: Path, rng: ByteSource = os.urandom) -> None:
        """Opens or creates the database and the ratchet file beside it, readable by their owner only.

        Their folder must exist. Raises StateRefused for a state that was copied, restored or damaged.
        """
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA secure_delete=ON")
            self._db.executescript(_SCHEMA + TABLE)
            self._ratchet = self._continued(path.with_suffix(RATCHET_SUFFIX), rng)
        except BaseException:
            self._db.close()
            raise
        self.secrets = SecretStore(self._db, self._ratchet, self.transaction, rng)
        self.secrets.settle()
        self.snapshots = SnapshotTable(self._db)

    def _continued(self, path: Path, rng: ByteSource) -> Ratchet:
        """The ratchet file, if this database is the one that goes with it; made for a new database."""
        row = self._db.execute("SELECT counter, key_name FROM continuity").fetchone()
        if row is None:
            return self._begun(path, rng)
        ratchet = Ratchet(path)
        counter, held = int(row[0]), ratchet.counter
        try:
            if counter < held:
                found = f"a database of an earlier time: change {counter}"
                raise StateRefused("state-restored", f"the database after change {held}", found, REMEDY_COPY)
            if counter > held + 1 or bytes(row[1]) not in ratchet.names():
                found = f"one of an earlier time: change {held}"
                raise StateRefused(
                    "ratchet-restored", f"the ratchet file of change {counter}", found, REMEDY_COPY
                )
            ratchet.advance(counter)
        except BaseException:
            ratchet.close()
            raise
        return ratchet

    def _begun(self, path: Path, rng: ByteSource) -> Ratchet:
        """The ratchet file of a new database; what an interrupted creation left is begun again."""
        used = any(self._db.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() for table in _TABLES)
        if used:
            raise StateRefused(
                "state-format", "a state of this version", "one of an earlier version", REMEDY_COPY
            )
        if path.exists():
            try:
                earlier = Ratchet(path)
            except StateRefused as refusal:
                if refusal.check != "ratchet-damaged":
                    raise
            else:
                counter = earlier.counter
                earlier.close()
                if counter > 0:
                    expected = f"the database after change {counter}"
                    raise StateRefused("state-restored", expected, "a new database", REMEDY_COPY)
        ratchet = Ratchet.create(path, rng)
        self._db.execute("INSERT INTO continuity VALUES (0, ?)", (ratchet.names()[0],))
        return ratchet

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes within, or none; counted in the database and then in the ratchet file."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("UPDATE continuity SET counter = counter + 1")
            (counter,) = self._db.execute("SELECT counter FROM continuity").fetchone()
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        self._ratchet.advance(counter)

    def entries(self, first: int = 0) -> list[bytes]:
        """The ledger's entries from number `first` on, in order."""
        rows = self._db.execute("SELECT data FROM entries WHERE number >= ? ORDER BY number", (first,))
        return [row[0] for row in rows]

    def entry(self, number: int) -> bytes | None:
        """An entry of the ledger, if there is one of this number."""
        return self._one("SELECT data FROM entries WHERE number = ?", number)

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

    def fact_names(self, prefix: str) -> list[str]:
        """Names of the facts that begin so, ascending."""
        query = "SELECT name FROM facts WHERE substr(name, 1, ?) = ? ORDER BY name"
        return [str(name) for (name,) in self._db.execute(query, (len(prefix), prefix))]

    def put(self, name: str, value: bytes) -> None:
        """Stores or replaces a value."""
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def drop_others(self, prefix: str, keep: str) -> None:
        """Erases the values whose names begin with `prefix`, but for `keep`."""
        where = "substr(name, 1, ?) = ? AND name <> ?"
        self._db.execute(f"DELETE FROM facts WHERE {where}", (len(prefix), prefix, keep))

    def close(self) -> None:
        """Ends the use of the files."""
        self._db.close()
        self._ratchet.close()

    def _one(self, query: str, key: str | int) -> bytes | None:
        row = self._db.execute(query, (key,)).fetchone()
        return None if row is None else bytes(row[0])


def stored_secrets(path: Path) -> dict[str, bytes]:
    """All secrets of a state by name, and the key under which they lie as "ratchet"; nothing is changed.

    Raises StateRefused, and sqlite3.Error.
    """
    database = sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True, timeout=30.0)
    with closing(database), closing(Ratchet(path.with_suffix(RATCHET_SUFFIX))) as ratchet:
        store = SecretStore(database, ratchet, nullcontext, os.urandom)
        found = {name: store.get(name) for name in store.names()}
        keys = {f"ratchet {name.hex()}": ratchet.key(name) for name in ratchet.names()}
    return {name: data for name, data in (*found.items(), *keys.items()) if data is not None}
