"""The key under which a party's secrets lie, in a file of its own that is rewritten in its place.

A secret is erased by replacing this key: 32 bytes are overwritten, and every ciphertext under the old key, in
whatever copy, page or log it may be left, is of no use any more. The file is never renamed or copied by this
program, so that no old key stays behind in blocks that are free.

The file also shows that a state is not an old one. It holds its own identity (`file_identity`), which no copy
has, and a counter that grows with every change of the database: the database's counter is the same, or one
more after a crash between the two. Blocks of 512 bytes, each written by itself, with a checksum:

    0       identity: number of the file, time of birth, device
    1, 2    counter: its even and its odd values, so that a torn write leaves the one before
    3, 4    key: one of them is in force, the database says which; the other is empty but during a change

Message order of a change: the new key into the empty block; the database's transaction, which wraps what is
kept under the new key and names it; zeros over the old key. Each step is durable before the next, and a crash
between two of them is mended by the name in the database.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from proofward.federation.messages.randomness import ByteSource
from proofward.federation.storage.continuity import StateRefused
from proofward.federation.storage.file_identity import identity_of

KEY_BYTES, NAME_BYTES = 32, 16
_DOMAIN = b"proofward/ratchet/v2/"
_BLOCK, _SUM_BYTES = 512, 16
_IDENTITY, _COUNTERS, _KEYS, _BLOCKS = 0, (1, 2), (3, 4), 5
HERE = "the ratchet file in the place where it was made"
REMEDY_COPY = (
    "a copied or restored state is of no use, since its secrets may have been spent: start the member from "
    "the disk and folder where it ran, or ask the verifiers to revoke it"
)


def name_of(key: bytes) -> bytes:
    """A key's public name (16 bytes), from which nothing can be learned about it."""
    return hashlib.sha256(_DOMAIN + b"name" + key).digest()[:NAME_BYTES]


class Ratchet:
    """The file, open for reading and writing. Nothing of it is kept in memory."""

    def __init__(self, path: Path) -> None:
        """Opens the file.

        Raises StateRefused when it is missing, damaged, or not in the place where it was made.
        """
        self.path = path
        try:
            self._file = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0))
        except OSError as error:
            found = error.strerror or type(error).__name__
            raise StateRefused("ratchet-missing", HERE, found, REMEDY_COPY) from error
        try:
            identity = self._read(_IDENTITY)
            if identity is None or len(identity) != len(_identity(self._file)):
                raise StateRefused("ratchet-damaged", HERE, "a damaged file", REMEDY_COPY)
            if identity != _identity(self._file):
                raise StateRefused("state-copied", HERE, "a copy of it", REMEDY_COPY)
        except BaseException:
            os.close(self._file)
            raise

    @classmethod
    def create(cls, path: Path, rng: ByteSource) -> Ratchet:
        """A new file with counter 0 and a fresh key, durably; for its owner only.

        Whatever was there before, left by an interrupted creation, is overwritten.
        """
        path.unlink(missing_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            os.pwrite(file, bytes(_BLOCK * _BLOCKS), 0)
            _write(file, _COUNTERS[0], bytes(8))
            _write(file, _KEYS[0], rng(KEY_BYTES))
            _write(file, _IDENTITY, _identity(file))
            directory = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        finally:
            os.close(file)
        return cls(path)

    @property
    def counter(self) -> int:
        """The last value that was stored whole."""
        found = [data for block in _COUNTERS if (data := self._read(block)) is not None]
        return max((int.from_bytes(data, "little") for data in found if len(data) == 8), default=-1)

    def advance(self, counter: int) -> None:
        """Stores a later value, durably."""
        if counter > self.counter:
            _write(self._file, _COUNTERS[counter % 2], counter.to_bytes(8, "little"))

    def key(self, name: bytes) -> bytes | None:
        """The key of this name, if it is in the file."""
        return next((key for key in self._keys().values() if name_of(key) == name), None)

    def names(self) -> list[bytes]:
        """The names of all keys in the file."""
        return [name_of(key) for key in self._keys().values()]

    def add(self, key: bytes, in_force: bytes) -> None:
        """Stores a key beside the one that is in force, durably, over any other."""
        block = next((b for b, held in self._keys().items() if name_of(held) == in_force), _KEYS[0])
        _write(self._file, _KEYS[1] if block == _KEYS[0] else _KEYS[0], key)

    def erase_others(self, name: bytes) -> None:
        """Overwrites every key block but that of this name, durably."""
        for block in _KEYS:
            held = self._keys().get(block)
            if held is None or name_of(held) != name:
                _overwrite(self._file, block)

    def close(self) -> None:
        """Ends the use of the file; may be called again."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def _keys(self) -> dict[int, bytes]:
        found = {block: self._read(block) for block in _KEYS}
        return {block: key for block, key in found.items() if key is not None and len(key) == KEY_BYTES}

    def _read(self, block: int) -> bytes | None:
        """The content of a block, None when it is empty or was not written whole."""
        data = os.pread(self._file, _BLOCK, _BLOCK * block)
        length = int.from_bytes(data[:2], "little")
        content, found = data[2 : 2 + length], data[2 + length : 2 + length + _SUM_BYTES]
        return content if length and found == _sum(block, content) else None


def _identity(file: int) -> bytes:
    return b"".join(number.to_bytes(16, "little", signed=True) for number in identity_of(file))


def _sum(block: int, content: bytes) -> bytes:
    return hashlib.sha256(_DOMAIN + b"block" + bytes([block]) + content).digest()[:_SUM_BYTES]


def _write(file: int, block: int, content: bytes) -> None:
    data = len(content).to_bytes(2, "little") + content + _sum(block, content)
    os.pwrite(file, data.ljust(_BLOCK, b"\0"), _BLOCK * block)
    os.fsync(file)


def _overwrite(file: int, block: int) -> None:
    if os.pread(file, _BLOCK, _BLOCK * block).strip(b"\0"):
        os.pwrite(file, bytes(_BLOCK), _BLOCK * block)
        os.fsync(file)
