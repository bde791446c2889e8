"""Arrays in an npz archive, read in order and in pieces: an archive may be larger than memory.

What its headers declare is checked before anything is inflated; arrays of Python objects, which only
unpickling could read, are refused.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from proofward.data.images.contract.admission import Limits
from proofward.data.images.contract.refusal import DAMAGED, NO_IMAGE, TOO_LARGE, UNSUPPORTED, ImageRefused
from proofward.encoding.errors import printable

_SMALL = 1 << 24
_MOST_MEMBERS = 256
_MOST_HEADER = 10_000
_ERRORS = (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError)
"""What the standard library raises on a damaged archive, one with a password, or an unknown compression."""


@dataclass(frozen=True)
class ArrayHeader:
    """Shape and type of a member."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def row_bytes(self) -> int:
        """Bytes of one entry along axis 0."""
        return prod(self.shape[1:]) * self.dtype.itemsize


class Npz:
    """An open archive; a context manager. Everything raises ImageRefused."""

    def __init__(self, path: Path, limits: Limits) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except _ERRORS as error:
            found = f"one that cannot be opened ({type(error).__name__})"
            raise ImageRefused(DAMAGED, "an npz archive", found) from None
        self._members = {info.filename.removesuffix(".npy"): info for info in self._zip.infolist()}
        if len(self._zip.infolist()) > _MOST_MEMBERS or len(self._members) != len(self._zip.infolist()):
            self._zip.close()
            found = f"{len(self._zip.infolist())}, {len(self._members)} of them of different names"
            raise ImageRefused(TOO_LARGE, f"at most {_MOST_MEMBERS} arrays of different names", found)
        self._ratio = limits.ratio

    def __enter__(self) -> Npz:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the arrays."""
        return tuple(self._members)

    def header(self, name: str) -> ArrayHeader:
        """An array's shape and type, with no more of it inflated."""
        with self._opened(name) as (_, header):
            return header

    def rows(self, name: str, piece_bytes: int = 1 << 22) -> Iterator[NDArray[Any]]:
        """An array's entries along axis 0, in pieces of about so many bytes; the last checks the checksum."""
        with self._opened(name) as (file, header):
            step = max(1, piece_bytes // max(1, header.row_bytes))
            for first in range(0, header.shape[0], step):
                count = min(step, header.shape[0] - first)
                data = self._read(file, count * header.row_bytes, name)
                yield np.frombuffer(data, dtype=header.dtype).reshape(count, *header.shape[1:])
            self._read(file, 0, name)
            try:
                if file.read(1):  # also lets the archive compare the checksum
                    raise ImageRefused(DAMAGED, f"an array {name} that ends", "more bytes")
            except _ERRORS as error:
                raise _broken(name, error) from None

    def whole(self, name: str, most_bytes: int) -> NDArray[Any]:
        """A small array at once."""
        header = self.header(name)
        size = header.row_bytes * header.shape[0]
        if size > most_bytes:
            raise ImageRefused(TOO_LARGE, f"at most {most_bytes} bytes as {name}", str(size))
        pieces = list(self.rows(name))
        return np.concatenate(pieces) if pieces else np.zeros(header.shape, dtype=header.dtype)

    def _opened(self, name: str) -> _Member:
        info = self._members[name]
        if info.file_size > _SMALL and info.file_size > self._ratio * max(1, info.compress_size):
            found = f"{info.file_size} bytes from {info.compress_size}"
            expected = f"{name} of at most {self._ratio} times its compressed bytes"
            raise ImageRefused(TOO_LARGE, expected, found)
        return _Member(self._zip, info, name)

    @staticmethod
    def _read(file: IO[bytes], size: int, name: str) -> bytes:
        parts, left = [], size
        try:
            while left:
                part = file.read(left)
                if not part:
                    raise ImageRefused(DAMAGED, f"{size} more bytes of {name}", f"{size - left}")
                parts.append(part)
                left -= len(part)
        except _ERRORS as error:
            raise _broken(name, error) from None
        return b"".join(parts)


class _Member:
    """A member of an archive, open behind its checked header."""

    def __init__(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> None:
        self._archive, self._info, self._name = archive, info, name

    def __enter__(self) -> tuple[IO[bytes], ArrayHeader]:
        try:
            self._file = self._archive.open(self._info)
        except _ERRORS as error:
            raise _broken(self._name, error) from None
        try:
            return self._file, self._header(self._file)
        except BaseException:
            self._file.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def _header(self, file: IO[bytes]) -> ArrayHeader:
        formats = np.lib.format
        try:
            version = formats.read_magic(file)
            read = formats.read_array_header_1_0 if version == (1, 0) else formats.read_array_header_2_0
            if version not in ((1, 0), (2, 0)):
                raise ValueError
            shape, fortran, dtype = read(file, max_header_size=_MOST_HEADER)
        except _ERRORS as error:
            raise _broken(self._name, error) from None
        except Exception:
            raise ImageRefused(NO_IMAGE, f"{self._name} in the format npy", "another") from None
        if dtype.hasobject:
            found = "Python objects, which are never read"
            raise ImageRefused(UNSUPPORTED, f"numbers as {self._name}", found)
        if fortran or not shape or any(side < 0 for side in shape):
            found = f"{'Fortran order, ' if fortran else ''}shape {printable(str(shape))}"
            raise ImageRefused(UNSUPPORTED, f"{self._name} as a sequence in C order", found)
        header = ArrayHeader(tuple(shape), dtype)
        declared = header.row_bytes * header.shape[0]
        if declared != self._info.file_size - file.tell():
            found = f"{self._info.file_size - file.tell()} in the archive"
            raise ImageRefused(DAMAGED, f"{declared} bytes of {self._name}", found)
        return header


def _broken(name: str, error: BaseException) -> ImageRefused:
    return ImageRefused(DAMAGED, f"a whole array {name}", f"one that is damaged ({type(error).__name__})")
