"""The pages of a Parquet file, as their headers declare them: looked at before any of them is unpacked.

A page is unpacked as a whole into as much memory as its own header says, whatever the file's other parts say
of its column. So the headers are read first, which are structs of Thrift's compact protocol: of a page its
size as it is unpacked (field 2) and as it lies in the file (field 3), behind which the next header begins.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from proofward.data.tables.refusal import FileRefused

MOST_PAGE, MOST_AT_ONCE = 1 << 28, 1 << 30
"""Bytes of a page as it is unpacked, and of one page of each column together."""
_HEADER, _LONGEST_HEADER = 1 << 12, 1 << 22
_UNPACKED, _PACKED = 2, 3
_TRUE, _FALSE, _BYTE, _INTEGERS, _DOUBLE, _BINARY, _LISTS, _STRUCT = 1, 2, 3, (4, 5, 6), 7, 8, (9, 10), 12
_DEEPEST = 8


class _NoHeader(Exception):
    """Bytes that are no header of a page, or too few of them."""


def check_pages(path: Path, held: Any) -> None:
    """held: the file's metadata as pyarrow read it. Raises FileRefused, OSError."""
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        for number in range(held.num_row_groups):
            group = held.row_group(number)
            largest = [_largest(file, size, group.column(at)) for at in range(group.num_columns)]
            if sum(largest) > MOST_AT_ONCE:
                found = f"pages that unpack to {sum(largest)}"
                raise FileRefused(f"pages of all columns of at most {MOST_AT_ONCE} bytes together", found)


def _largest(file: BinaryIO, size: int, chunk: Any) -> int:
    """How large the largest page of a column in a group of rows is, unpacked."""
    starts = [chunk.data_page_offset, chunk.dictionary_page_offset]
    start = min(at for at in starts if at)
    end, declared, largest = start + chunk.total_compressed_size, chunk.total_uncompressed_size, 0
    if not 0 < start <= end <= size:
        raise FileRefused("columns that lie within the file", "one that does not")
    for unpacked in _pages(file, start, end):
        if not 0 <= unpacked <= min(MOST_PAGE, max(declared, 0)):
            expected = f"pages of at most {MOST_PAGE} bytes, and none larger than its column"
            raise FileRefused(expected, f"one that declares {unpacked} in a column of {declared}")
        largest = max(largest, unpacked)
    return largest


def _pages(file: BinaryIO, start: int, end: int) -> Iterator[int]:
    while start < end:
        unpacked, packed, length = _header(file, start, end)
        if packed < 0 or start + length + packed > end:
            raise FileRefused("pages that lie within their column", "one that does not")
        yield unpacked
        start += length + packed


def _header(file: BinaryIO, start: int, end: int) -> tuple[int, int, int]:
    """Size unpacked and packed, and the length of the header itself."""
    wanted = _HEADER
    while True:
        file.seek(start)
        data = file.read(min(wanted, end - start))
        try:
            return _Fields(data).sizes()
        except (_NoHeader, IndexError) as error:
            if wanted >= min(_LONGEST_HEADER, end - start):
                raise FileRefused("a whole Parquet file", "a page whose header cannot be read") from error
            wanted *= 16


class _Fields:
    """Reads a struct from its first byte on."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def sizes(self) -> tuple[int, int, int]:
        """See `_header`; raises _NoHeader, IndexError."""
        found = self._struct(_DEEPEST)
        if _UNPACKED not in found or _PACKED not in found:
            raise _NoHeader
        return found[_UNPACKED], found[_PACKED], self.at

    def _byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise _NoHeader

    def _signed(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _skip(self, count: int) -> None:
        self.at += count
        if self.at > len(self.data):
            raise IndexError

    def _struct(self, deepest: int) -> dict[int, int]:
        """The whole numbers among its fields."""
        if not deepest:
            raise _NoHeader
        found, number = dict[int, int](), 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._signed()
            value = self._value(head & 15, deepest)
            if value is not None:
                found[number] = value
        return found

    def _value(self, kind: int, deepest: int) -> int | None:
        """A field of a struct, or an element of a list; its value if it is a whole number."""
        if kind in _INTEGERS:
            return self._signed()
        if kind == _BYTE:
            self._skip(1)
        elif kind == _DOUBLE:
            self._skip(8)
        elif kind == _BINARY:
            self._skip(self._varint())
        elif kind in _LISTS:
            head = self._byte()
            count = head >> 4 if head >> 4 < 15 else self._varint()
            for _ in range(count):
                if head & 15 in (_TRUE, _FALSE):
                    self._skip(1)
                else:
                    self._value(head & 15, deepest - 1)
        elif kind == _STRUCT:
            self._struct(deepest - 1)
        elif kind not in (_TRUE, _FALSE):
            raise _NoHeader
        return None
