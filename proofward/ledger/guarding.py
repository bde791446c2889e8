"""Errors of SQLite as the ledger's own: what the storage does not do, or what the bytes are not."""

from __future__ import annotations

import sqlite3

from proofward.ledger.errors import LedgerCorrupt, LedgerUnavailable

_OF_SQLITE = (sqlite3.Error, sqlite3.Warning, MemoryError, OverflowError, UnicodeError)
_UNAVAILABLE = {
    sqlite3.SQLITE_BUSY: "a file in use by another process",
    sqlite3.SQLITE_LOCKED: "a file in use",
    sqlite3.SQLITE_FULL: "a full disk",
    sqlite3.SQLITE_READONLY: "a file that cannot be written",
    sqlite3.SQLITE_CANTOPEN: "a file that cannot be opened",
    sqlite3.SQLITE_PERM: "no permission",
}


class Guarded:
    """Turns every error of SQLite into LedgerUnavailable (the storage) or LedgerCorrupt (the bytes)."""

    __slots__ = ("_subject",)

    def __init__(self, subject: str) -> None:
        self._subject = subject

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, _OF_SQLITE):
            return
        code = getattr(error, "sqlite_errorcode", None)
        if code is not None and code & 0xFF in _UNAVAILABLE:
            found = _UNAVAILABLE[code & 0xFF]
            raise LedgerUnavailable(self._subject, "a file to work with", found) from error
        raise LedgerCorrupt(
            self._subject, "a readable database", f"{type(error).__name__}: {error}"[:200]
        ) from error
