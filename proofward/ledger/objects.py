"""Content-addressed objects: a file per object, named by the SHA-256 of its bytes, verified whenever it is
read.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from proofward.ledger.errors import ObjectCorrupt, ObjectMissing
from proofward.ledger.files import make_directory, write_file

_TEMPORARY = ".writing-"
_FOLDER, _NAME = re.compile("[0-9a-f]{2}"), re.compile("[0-9a-f]{62}")


class ObjectStore:
    """Objects under one directory, in `ab/cdef...` for digest abcdef...; an object is complete or absent,
    always.
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
        """Stores `data` durably and returns its digest (32 bytes). A damaged file of that name is
        repaired.
        """
        digest = hashlib.sha256(data).digest()
        path = self.path(digest)
        if self._is_intact(path, digest):
            return digest
        make_directory(path.parent)
        write_file(path, data, path.with_name(f"{_TEMPORARY}{os.getpid()}-{path.name}"))
        return digest

    def get(self, digest: bytes) -> bytes:
        """The object's bytes. Raises ObjectMissing or ObjectCorrupt."""
        try:
            data = self.path(digest).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise ObjectMissing(digest) from None
        except OSError as error:
            raise ObjectCorrupt(digest, error.strerror or type(error).__name__) from error
        actual = hashlib.sha256(data).digest()
        if actual != digest:
            raise ObjectCorrupt(digest, f"SHA-256 {actual.hex()} of {len(data)} bytes")
        return data

    def __contains__(self, digest: bytes) -> bool:
        return self.path(digest).is_file()

    def digests(self) -> list[bytes]:
        """Digests of all objects, sorted; their bytes are not looked at."""
        return sorted(
            bytes.fromhex(folder.name + file.name)
            for folder in self._folders()
            for file in folder.iterdir()
            if _NAME.fullmatch(file.name) and file.is_file()
        )

    def strays(self) -> Iterator[Path]:
        """Whatever is in the directory and is no object."""
        if not self.directory.is_dir():
            return
        folders = self._folders()
        yield from (path for path in sorted(self.directory.iterdir()) if path not in folders)
        for folder in folders:
            yield from (p for p in sorted(folder.iterdir()) if not (_NAME.fullmatch(p.name) and p.is_file()))

    def remove_unfinished(self) -> int:
        """Deletes files that an interrupted `put` left behind; returns how many. Only while nobody else
        writes.
        """
        unfinished = [path for path in self.strays() if path.name.startswith(_TEMPORARY)]
        for path in unfinished:
            path.unlink()
        return len(unfinished)

    def _folders(self) -> list[Path]:
        if not self.directory.is_dir():
            return []
        return sorted(p for p in self.directory.iterdir() if _FOLDER.fullmatch(p.name) and p.is_dir())

    @staticmethod
    def _is_intact(path: Path, digest: bytes) -> bool:
        try:
            return hashlib.sha256(path.read_bytes()).digest() == digest
        except OSError:
            return False
