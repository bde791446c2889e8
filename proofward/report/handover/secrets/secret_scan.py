"""Searches files for known secrets, wherever in them they begin, in memory that does not grow with the files.

A secret of 32 bytes or more is found by the hash of one window of four words of it: the hashes of all windows
of a file, at all eight alignments, are looked up, and what fits is compared byte by byte. Among a secret's
windows the one with the most different words is taken. Shorter secrets are searched for one by one.
"""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

LEAST_BYTES = 16
WINDOW = 32
"""Bytes of a secret from which on it costs no more to search for many."""
_WORDS = 4
_PIECE = 1 << 22
_FACTORS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5], dtype=np.uint64
)


@dataclass(frozen=True)
class Secret:
    """what: whose, for messages. forms: all byte strings that give it away, each of LEAST_BYTES or more."""

    what: str
    forms: tuple[bytes, ...]

    @classmethod
    def key(cls, what: str, data: bytes) -> Secret:
        """Random bytes: as they are, in hexadecimal, in base64."""
        coded = {base64.b64encode(data).rstrip(b"="), base64.urlsafe_b64encode(data).rstrip(b"=")}
        text = data.hex()
        return cls(what, (data, text.encode(), text.upper().encode(), *sorted(coded)))


class Scanner:
    """Finds secrets in files."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        self._by_hash: dict[int, list[tuple[bytes, int, str]]] = defaultdict(list)
        self._short: list[tuple[bytes, str]] = []
        self._longest = WINDOW
        for secret in secrets:
            for form in secret.forms:
                if len(form) < LEAST_BYTES:
                    raise ValueError(f"{secret.what}: {len(form)} bytes are too few to be searched for")
                self._longest = max(self._longest, len(form))
                if len(form) < WINDOW:
                    self._short.append((form, secret.what))
                    continue
                offset = _telling_window(form)
                key = int(_hashes(np.frombuffer(form, "<u8", _WORDS, offset))[0])
                self._by_hash[key].append((form, offset, secret.what))
        self._table = np.array(sorted(self._by_hash), dtype=np.uint64)

    def scan(self, file: BinaryIO) -> set[str]:
        """Whose secrets are in a file."""
        found: set[str] = set()
        for data in _pieces(file, self._longest):
            found |= {what for form, what in self._short if form in data}
            for alignment in range(8) if len(self._table) else ():
                found |= self._aligned(data, alignment)
        return found

    def _aligned(self, data: bytes, alignment: int) -> set[str]:
        words = np.frombuffer(data, "<u8", max(len(data) - alignment, 0) // 8, alignment) if data else None
        if words is None or len(words) < _WORDS:
            return set()
        hashes = _hashes(words)
        places = np.minimum(np.searchsorted(self._table, hashes), len(self._table) - 1)
        found = set()
        for hit in np.flatnonzero(self._table[places] == hashes):
            for form, offset, what in self._by_hash[int(hashes[hit])]:
                start = alignment + 8 * int(hit) - offset
                if start >= 0 and data[start : start + len(form)] == form:
                    found.add(what)
        return found


def _hashes(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Of every window of four words, modulo 2^64."""
    count = len(words) - _WORDS + 1
    total = np.zeros(count, dtype=np.uint64)
    for place, factor in enumerate(_FACTORS):
        total += words[place : place + count] * factor
    return total


def _telling_window(form: bytes) -> int:
    """Where a window begins that has as many different words as any."""
    starts = range(0, len(form) - WINDOW + 1, 8)
    return max(starts, key=lambda start: len(set(_words(form[start : start + WINDOW]))))


def _words(data: bytes) -> Iterator[bytes]:
    return (data[at : at + 8] for at in range(0, len(data) - 7, 8))


def telling(data: bytes) -> bool:
    """Whether bytes are no such pattern as files have anyway: three words of them differ, and from 0."""
    return len(set(_words(data)) - {bytes(8)}) >= 3


def _pieces(file: BinaryIO, overlap: int) -> Iterator[bytes]:
    """A file in pieces, each beginning with the end of the one before."""
    kept = b""
    while piece := file.read(_PIECE):
        data = kept + piece
        yield data
        kept = data[-overlap:]
