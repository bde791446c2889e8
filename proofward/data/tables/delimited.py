"""CSV files: any delimiter, a mark of byte order, and the line `sep=;` that Excel takes for its own."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

_SEP = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
GUESSES = (",", ";", "\t", "|")


@contextmanager
def opened(path: Path, delimiter: str, usual: str) -> Iterator[Iterator[list[str]]]:
    """The rows of a file, from its header on; they raise csv.Error, and UnicodeDecodeError.

    delimiter: "" for that of the file's line `sep=`, else the usual one. That line is no row, as in Excel.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        own = _own_delimiter(file)
        yield csv.reader(file, delimiter=delimiter or own or usual, strict=True)


def _own_delimiter(file: TextIO) -> str:
    """What the line `sep=` says, after which the file stands; "" where it is none, and nothing is read."""
    start = file.tell()
    found = _SEP.fullmatch(file.readline(16).rstrip("\r\n"))
    if found is None or found[1] in '"\r\n':
        file.seek(start)
        return ""
    return found[1]


def guessed(path: Path) -> str:
    """The delimiter that parts the first row into the most cells, of those that are usual."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        if own := _own_delimiter(file):
            return own
        line = file.readline(1 << 20)
    return max(GUESSES, key=line.count)
