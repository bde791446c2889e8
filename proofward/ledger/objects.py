"""Content-addressed objects: a file per object, named by the SHA-256 of its bytes.

An object is verified whenever it is read. Large objects need not be held in memory: `create`, `adopt` and
`open` go through them in small pieces. Whoever reads says how long an object may be, and a longer file is
refused before its first byte is read.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import BinaryIO

from proofward.ledger.errors import ObjectCorrupt, ObjectMissing
from proofward.ledger.files import make_directory, sync_directory, write_file
from proofward.ledger.reading import MAX_OBJECT_BYTES, MAX_OBJECTS, NotReadable, entries_of, open_regular

_TEMPORARY = ".writing-"
_NUMBERS = count()
_PIECE = 1 << 20
_FOLDER, _NAME = re.compile("[0-9a-f]{2}"), re.compile("[0-9a-f]{62}")


class ObjectStore:
    """Objects under one directory, in `ab/cdef...` for digest abcdef....

    An object is always either complete or absent.
    """

    def __init__(self, directory: Path, create: bool = True) -> None:
        self.directory = directory
        if create:
            make_directory(directory)

    def path(self, digest: bytes) -> Path:
        """Where the object with this digest (32 bytes) is, or would be."""
        if type(digest) is not bytes or len(digest) != 32:
            raise ValueError(f"an object's digest has 32 bytes, not {digest!r:.80}")
        name = digest.hex()
        return self.directory / name[:2] / name[2:]

    def put(self, data: bytes) -> bytes:
        """Stores `data` durably and returns its digest (32 bytes).

        A damaged file of that name is repaired.
        """
        digest = hashlib.sha256(data).digest()
        path = self.path(digest)
        if self._is_intact(path, digest):
            return digest
        make_directory(path.parent)
        write_file(path, data, path.with_name(f"{_TEMPORARY}{os.getpid()}-{path.name}"))
        return digest

    def create(self) -> Path:
        """A new empty file in the store's directory, to be filled and then adopted; no object before that."""
        make_directory(self.directory)
        path = self.directory / f"{_TEMPORARY}{os.getpid()}-{next(_NUMBERS)}"
        path.touch(0o644, exist_ok=False)
        return path

    def adopt(self, path: Path, digest: bytes) -> None:
        """Makes a complete file of the same file system the object with this digest, durably.

        The file is gone afterwards. Raises ObjectMissing or ObjectCorrupt, and then leaves the file.
        """
        target = self.path(digest)
        with _opened(path, digest) as file:
            _verify(file, digest)
            os.fsync(file.fileno())
        if self._is_intact(target, digest):
            path.unlink()
            return
        make_directory(target.parent)
        os.replace(path, target)
        sync_directory(target.parent)

    def get(self, digest: bytes, most: int = MAX_OBJECT_BYTES) -> bytes:
        """The object's bytes, at most so many. Raises ObjectMissing or ObjectCorrupt."""
        with _opened(self.path(digest), digest, most) as file:
            try:
                data = file.read(most + 1)
            except OSError as error:
                raise ObjectCorrupt(digest, error.strerror or type(error).__name__) from error
        _compare(digest, hashlib.sha256(data).digest(), len(data))
        return data

    def open(self, digest: bytes, most: int = MAX_OBJECT_BYTES) -> BinaryIO:
        """The object as a file of at most so many bytes, at its beginning; all bytes are verified before.

        Raises ObjectMissing or ObjectCorrupt.
        """
        file = _opened(self.path(digest), digest, most)
        try:
            _verify(file, digest)
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return file

    def size(self, digest: bytes) -> int:
        """The number of bytes, which are not looked at. Raises ObjectMissing."""
        try:
            return self.path(digest).stat().st_size
        except OSError:
            raise ObjectMissing(digest) from None

    def __contains__(self, digest: bytes) -> bool:
        return self.path(digest).is_file()

    def digests(self) -> list[bytes]:
        """Digests of all objects, sorted; their bytes are not looked at.

        Raises NotReadable when there are more than MAX_OBJECTS files.
        """
        found: list[bytes] = []
        for folder in self._folders():
            files = entries_of(Path(folder), MAX_OBJECTS - len(found))
            found += (bytes.fromhex(folder.name + file.name) for file in files if _is_object(file))
        return sorted(found)

    def strays(self) -> Iterator[Path]:
        """Whatever is in the directory and is no object."""
        folders = self._folders()
        names = {folder.name for folder in folders}
        others = (entry for entry in entries_of(self.directory, MAX_OBJECTS) if entry.name not in names)
        yield from (self.directory / entry.name for entry in others)
        for folder in folders:
            files = entries_of(Path(folder), MAX_OBJECTS)
            yield from (Path(file) for file in files if not _is_object(file))

    def remove_unfinished(self) -> int:
        """Deletes files that an interrupted `put` or `create` left behind; returns how many.

        It may be called only while nobody else writes.
        """
        unfinished = [path for path in self.strays() if path.name.startswith(_TEMPORARY)]
        for path in unfinished:
            path.unlink()
        return len(unfinished)

    def _folders(self) -> list[os.DirEntry[str]]:
        entries = entries_of(self.directory, MAX_OBJECTS)
        return [
            entry
            for entry in entries
            if _FOLDER.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
        ]

    @staticmethod
    def _is_intact(path: Path, digest: bytes) -> bool:
        try:
            with _opened(path, digest) as file:
                _verify(file, digest)
        except (ObjectMissing, ObjectCorrupt):
            return False
        return True


def _is_object(file: os.DirEntry[str]) -> bool:
    return _NAME.fullmatch(file.name) is not None and file.is_file(follow_symlinks=False)


def _opened(path: Path, digest: bytes, most: int = MAX_OBJECT_BYTES) -> BinaryIO:
    try:
        return open_regular(path, most)
    except NotReadable as error:
        if error.missing:
            raise ObjectMissing(digest) from None
        raise ObjectCorrupt(digest, f"{error.actual}, where {error.expected} can be") from error


def _verify(file: BinaryIO, digest: bytes) -> None:
    found, size = hashlib.sha256(), 0
    try:
        while piece := file.read(_PIECE):
            found.update(piece)
            size += len(piece)
    except OSError as error:
        raise ObjectCorrupt(digest, error.strerror or type(error).__name__) from error
    _compare(digest, found.digest(), size)


def _compare(digest: bytes, actual: bytes, size: int) -> None:
    if actual != digest:
        raise ObjectCorrupt(digest, f"SHA-256 {actual.hex()} of {size} bytes")
