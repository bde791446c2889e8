"""Reading files that somebody else made.

Only regular files are read, no more bytes than are admitted, and folders of bounded size. A folder from
outside may hold pipes that never answer, links to anywhere, and sparse files that weigh nothing and claim a
terabyte. Each costs one look at the file's type and length here, and a typed error.
"""

from __future__ import annotations

import os
import stat
from io import BufferedReader
from pathlib import Path

from proofward.ledger.errors import LedgerError

MAX_OBJECT_BYTES = (1 << 27) + (1 << 20)
"""Most bytes of any object: a ciphertext of 2^24 parameters."""
MAX_OBJECTS = 1 << 20
"""Most objects of a ledger."""
MOST_FLAWS = 1000
"""So many flaws of one folder are named; what comes after them is not looked at."""

_KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOCTTY", 0)


class NotReadable(LedgerError):
    """A file is missing, of another type, too long, or refused by the system; `missing` tells the first."""

    def __init__(self, subject: str, expected: str, actual: str, missing: bool = False) -> None:
        super().__init__(subject, expected, actual)
        self.missing = missing


def check_regular(path: Path, most: int) -> None:
    """Raises NotReadable unless this is a regular file, no link, of at most so many bytes."""
    try:
        found = path.lstat()
    except (OSError, ValueError) as error:
        raise _unreadable(path, most, error) from error
    _check(path, most, found)


def open_regular(path: Path, most: int, *, follow: bool = False) -> BufferedReader:
    """A regular file of at most so many bytes, at its beginning. Raises NotReadable; never waits.

    follow: whether `path` may be a link to such a file, as where a user names a file.
    """
    try:
        descriptor = os.open(path, _FLAGS | (0 if follow else getattr(os, "O_NOFOLLOW", 0)))
    except (OSError, ValueError) as error:
        if not follow and path.is_symlink():
            raise NotReadable(path.name, _wanted(most), "a symbolic link") from error
        raise _unreadable(path, most, error) from error
    try:
        _check(path, most, os.fstat(descriptor))
        return open(path, "rb", opener=lambda *_: descriptor)
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: Path, most: int, *, follow: bool = False) -> bytes:
    """All bytes of a regular file of at most `most` bytes; raises NotReadable."""
    with open_regular(path, most, follow=follow) as file:
        try:
            data = file.read(most + 1)
        except OSError as error:
            raise _unreadable(path, most, error) from error
    if len(data) > most:
        raise NotReadable(path.name, _wanted(most), "more bytes")
    return data


def entries_of(directory: Path, most: int) -> list[os.DirEntry[str]]:
    """What a directory holds, sorted by name; nothing where there is none.

    Raises NotReadable for what is no directory (a link to one is none), and for more than `most` entries.
    """
    wanted = f"a directory of at most {most} files"
    try:
        if not stat.S_ISDIR(directory.lstat().st_mode):
            raise NotReadable(directory.name, wanted, "no directory")
        found: list[os.DirEntry[str]] = []
        with os.scandir(directory) as entries:
            for entry in entries:
                if len(found) == most:
                    raise NotReadable(directory.name, wanted, "more")
                found.append(entry)
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise NotReadable(directory.name, wanted, _reason(error)) from error
    return sorted(found, key=lambda entry: os.fsencode(entry.name))


def _check(path: Path, most: int, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = next((name for test, name in _KINDS if test(found.st_mode)), "another kind of file")
        raise NotReadable(path.name, _wanted(most), kind)
    if found.st_size > most:
        raise NotReadable(path.name, _wanted(most), f"{found.st_size} bytes")


def _wanted(most: int) -> str:
    return f"a regular file of at most {most} bytes"


def _unreadable(path: Path, most: int, error: Exception) -> NotReadable:
    missing = isinstance(error, FileNotFoundError | NotADirectoryError)
    return NotReadable(path.name, _wanted(most), "nothing" if missing else _reason(error), missing)


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or type(error).__name__)[:120]
