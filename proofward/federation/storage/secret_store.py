"""Secrets that can be erased: encrypted in the state's database under a key that a ratchet file replaces.

Every secret has a data key of its own, drawn at random, under which it is encrypted (ChaCha20-Poly1305).
The data key is wrapped, by the same cipher, under a key that follows from the ratchet's key and the secret's
name. Erasing replaces the ratchet's key and wraps anew the data keys of what is kept, 60 bytes each however
large the secrets are. What was dropped stays on the disk as ciphertext at most, under a key that is nowhere.

Both ciphertexts are bound to the name, so one secret cannot be put in another's place.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from proofward.federation.messages.randomness import ByteSource
from proofward.federation.storage.continuity import StateRefused
from proofward.federation.storage.ratchet import HERE, KEY_BYTES, REMEDY_COPY, Ratchet, name_of

_DOMAIN = b"proofward/secret-store/v2/"
_NONCE_BYTES = 12
TABLE = """
CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, wrapped BLOB NOT NULL, sealed BLOB NOT NULL);
"""


class SecretStore:
    """Secrets by name. Changes are part of the state's transactions; `keep_only` makes its own."""

    def __init__(
        self,
        database: sqlite3.Connection,
        ratchet: Ratchet,
        transaction: Callable[[], AbstractContextManager[None]],
        rng: ByteSource,
    ) -> None:
        self._db = database
        self._ratchet = ratchet
        self._transaction = transaction
        self._rng = rng

    def put(self, name: str, secret: bytes) -> None:
        """Stores or replaces a secret, within a transaction of the state."""
        key = self._rng(KEY_BYTES)
        sealed = _seal(key, b"data", name, secret, self._rng(_NONCE_BYTES))
        row = (name, self._wrap(self._key_in_force(), name, key), sealed)
        self._db.execute("INSERT OR REPLACE INTO secrets VALUES (?, ?, ?)", row)

    def get(self, name: str) -> bytes | None:
        """A secret; None if there is none of this name, or it was erased.

        Raises StateRefused when it cannot be decrypted.
        """
        row = self._db.execute("SELECT wrapped, sealed FROM secrets WHERE name = ?", (name,)).fetchone()
        if row is None:
            return None
        return _open(self._unwrap(name, bytes(row[0])), b"data", name, bytes(row[1]))

    def names(self) -> list[str]:
        """The names of all secrets, ascending."""
        return [str(row[0]) for row in self._db.execute("SELECT name FROM secrets ORDER BY name")]

    def keep_only(self, names: Collection[str]) -> bool:
        """Erases all other secrets, also from every earlier copy of the database; whether there were any.

        When it returns, their key is overwritten and the write-ahead log is empty. After a crash within, all
        secrets are there or only those that are kept; who calls it again ends what was begun.
        """
        dropped = [name for name in self.names() if name not in names]
        if not dropped:
            return False
        old_name = self._name_in_force()
        new = self._rng(KEY_BYTES)
        self._ratchet.add(new, old_name)
        with self._transaction():
            self._db.executemany("DELETE FROM secrets WHERE name = ?", [(name,) for name in dropped])
            for name in self.names():
                (wrapped,) = self._db.execute(
                    "SELECT wrapped FROM secrets WHERE name = ?", (name,)
                ).fetchone()
                again = self._wrap(new, name, self._unwrap(name, bytes(wrapped)))
                self._db.execute("UPDATE secrets SET wrapped = ? WHERE name = ?", (again, name))
            self._db.execute("UPDATE continuity SET key_name = ?", (name_of(new),))
        self.settle()
        return True

    def settle(self) -> None:
        """Overwrites every key but the one in force, and empties the write-ahead log.

        It also ends what a crash interrupted.
        """
        self._ratchet.erase_others(self._name_in_force())
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def _name_in_force(self) -> bytes:
        return bytes(self._db.execute("SELECT key_name FROM continuity").fetchone()[0])

    def _key_in_force(self) -> bytes:
        key = self._ratchet.key(self._name_in_force())
        if key is None:
            raise StateRefused("state-restored", HERE, "one without the key of this database", REMEDY_COPY)
        return key

    def _wrap(self, ratchet_key: bytes, name: str, key: bytes) -> bytes:
        return _seal(_wrapping_key(ratchet_key, name), b"key", name, key, self._rng(_NONCE_BYTES))

    def _unwrap(self, name: str, wrapped: bytes) -> bytes:
        return _open(_wrapping_key(self._key_in_force(), name), b"key", name, wrapped)


def _wrapping_key(ratchet_key: bytes, name: str) -> bytes:
    return hashlib.sha256(_DOMAIN + b"wrapping-key" + ratchet_key + name.encode()).digest()


def _seal(key: bytes, purpose: bytes, name: str, data: bytes, nonce: bytes) -> bytes:
    return nonce + ChaCha20Poly1305(key).encrypt(nonce, data, _DOMAIN + purpose + b"/" + name.encode())


def _open(key: bytes, purpose: bytes, name: str, sealed: bytes) -> bytes:
    nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return ChaCha20Poly1305(key).decrypt(nonce, rest, _DOMAIN + purpose + b"/" + name.encode())
    except (InvalidTag, ValueError) as error:
        raise StateRefused(
            "state-damaged", f"the secret {name} as stored", "other bytes", REMEDY_COPY
        ) from error
