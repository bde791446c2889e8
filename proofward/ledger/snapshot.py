"""A private copy of a database that somebody may still be writing, or that nobody here wrote.

SQLite trusts the shared index beside a write-ahead log (`-shm`) of whoever made it, and would write into a
folder that an audit must leave as it is. So a reader takes the database and its log alone, as they are at one
moment, and SQLite makes the index anew from the log's own checksums.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from proofward.ledger.errors import LedgerUnavailable
from proofward.ledger.reading import open_regular

_TRIES = 5
_HEADER = 32
"""Bytes of a log's header, whose salts change whenever the log is begun again."""


def copy_with_log(path: Path, log: Path, most: int) -> tempfile.TemporaryDirectory[str]:
    """A directory with copies of a database and its write-ahead log, under their names.

    Each may have at most `most` bytes. Raises NotReadable, and LedgerUnavailable while a writer does not let
    the copy come about.

    A page that a checkpoint writes during the copy is in the log as well, as long as the log was not begun
    again meanwhile; then the copy is made once more.
    """
    for _ in range(_TRIES):
        before = _begin(log, most)
        folder = tempfile.TemporaryDirectory(prefix="proofward-ledger-")
        try:
            for source in (path, log):
                with open_regular(source, most) as read, (Path(folder.name) / source.name).open("wb") as copy:
                    shutil.copyfileobj(read, copy, 1 << 20)
            if _begin(log, most) == before == _begin(Path(folder.name) / log.name, most):
                return folder
        except OSError as error:
            folder.cleanup()
            reason = error.strerror or type(error).__name__
            raise LedgerUnavailable(path.name, "room for a private copy", reason) from error
        except BaseException:
            folder.cleanup()
            raise
        folder.cleanup()
    raise LedgerUnavailable(path.name, "a moment without a writer", "a log that is always begun again")


def _begin(log: Path, most: int) -> bytes:
    with open_regular(log, most) as file:
        return os.read(file.fileno(), _HEADER)
