"""What an Excel file declares, looked at before its reader believes it: sizes, sheets, how far they reach.

The reader makes a full rectangle of a sheet, so that two cells in opposite corners would be a table of
gigabytes; and it takes a cell with an error, or a formula without a value, for an empty one.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from posixpath import join, normpath
from xml.etree import ElementTree

import numpy as np

from proofward.data.tables.limits import check_extent
from proofward.data.tables.refusal import FileRefused

MOST_MEMBERS, MOST_SMALL, MOST_BYTES, MOST_RATIO = 4096, 1 << 22, 1 << 31, 250
MOST_CELLS = 1 << 25
_PIECE, _OVERLAP = 1 << 20, 200
_ERRORS = (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, ValueError)
_REFERENCE = re.compile(rb"""\br\s*=\s*["']([A-Z]{1,3})(\d{1,7})["']""")
_ROW = re.compile(rb"""<(?:\w+:)?row\b[^>]*?\br\s*=\s*["'](\d{1,9})["']""")
_ERROR = re.compile(rb"""<(?:\w+:)?c\b[^>]*?\bt\s*=\s*["']e["']""")
_UNKNOWN = re.compile(
    rb"</(?:\w+:)?f>\s*<(?:\w+:)?v\s*(?:/>|></)|<(?:\w+:)?f>[^<]*</(?:\w+:)?f>\s*</(?:\w+:)?c>"
)


@dataclass
class _Extent:
    """What the cells of a sheet say of it."""

    width: int = 0
    height: int = 0
    errors: int = 0
    unknown: int = 0

    def look(self, piece: bytes, new: int) -> None:
        """At a piece, of which `new` bytes were not seen before."""
        width, height = _furthest(piece)
        self.width, self.height = max(self.width, width), max(self.height, height)
        seen = len(piece) - new
        if any(mark in piece for mark in (b't="e"', b"t='e'", b"t =", b"t= ")):
            self.errors += sum(match.end() > seen for match in _ERROR.finditer(piece))
        if b"f>" in piece:
            self.unknown += sum(match.end() > seen for match in _UNKNOWN.finditer(piece))

    def check(self, name: str) -> None:
        """Raises FileRefused."""
        check_extent(self.height, self.width, MOST_CELLS)
        if self.errors:
            raise FileRefused(
                f"values in all cells of the sheet {name}", f"errors, such as #N/A: {self.errors}"
            )
        if self.unknown:
            found = f"formulas without a value: {self.unknown}; open the file in Excel and save it"
            raise FileRefused(f"values in all cells of the sheet {name}", found)


def _furthest(piece: bytes) -> tuple[int, int]:
    """The furthest column and row that a piece names in cells `r="AB12"` or rows `r="12"`."""
    if b"'" in piece or b" =" in piece or b"= " in piece:
        found = _REFERENCE.findall(piece)
        rows = [int(row) for row in (*(row for _, row in found), *_ROW.findall(piece))]
        return max((_number(letters) for letters, _ in found), default=0), max(rows, default=0)
    text = np.frombuffer(piece + b'"' * 16, dtype=np.uint8)
    at = np.flatnonzero((text[:-2] == 114) & (text[1:-1] == 61) & (text[2:] == 34)) + 3
    at = at[at < len(piece)]
    column, row = np.zeros(len(at), np.int64), np.zeros(len(at), np.int64)
    for _ in range(3):
        letter = text[at].astype(np.int64) - 64
        here = (letter >= 1) & (letter <= 26)
        column, at = np.where(here, 26 * column + letter, column), at + here
    for _ in range(7):
        digit = text[at].astype(np.int64) - 48
        here = (digit >= 0) & (digit <= 9)
        row, at = np.where(here, 10 * row + digit, row), at + here
    return int(column.max(initial=0)), int(row.max(initial=0))


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number


def check_workbook(path: Path, sheet: str) -> str:
    """The name of the sheet with this name, or of the only one; raises FileRefused."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MOST_MEMBERS or len({member.filename for member in members}) != len(members):
                raise FileRefused(f"at most {MOST_MEMBERS} parts of different names", str(len(members)))
            for member in members:
                _check_member(member)
            chosen, part = _chosen(_sheets(archive), sheet)
            for member in members:
                extent = _Extent()
                _look(path, member, extent)
                if member.filename == part:
                    extent.check(chosen)
    except _ERRORS as error:
        if isinstance(error, FileRefused):
            raise
        raise FileRefused(
            "an Excel file (.xlsx)", f"one that cannot be opened ({type(error).__name__})"
        ) from None
    return chosen


def _check_member(member: zipfile.ZipInfo) -> None:
    if member.flag_bits & 1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise FileRefused(
            "an Excel file without a password", "a part that is encrypted or packed in another way"
        )
    large = member.file_size > MOST_SMALL and member.file_size > MOST_RATIO * max(1, member.compress_size)
    if member.file_size > MOST_BYTES or large:
        expected = f"parts of at most {MOST_BYTES} bytes, and {MOST_RATIO} times their packed size"
        raise FileRefused(expected, f"{member.file_size} bytes from {member.compress_size}")


def _sheets(archive: zipfile.ZipFile) -> dict[str, str]:
    """The part of each sheet, by the sheet's name."""
    kinds, targets = {}, {}
    for relation in _tree(archive, "xl/_rels/workbook.xml.rels"):
        target = relation.get("Target", "")
        targets[relation.get("Id")] = (
            target.lstrip("/") if target.startswith("/") else normpath(join("xl", target))
        )
        kinds[relation.get("Id")] = relation.get("Type", "").rpartition("/")[2]
    found: dict[str, str] = {}
    for element in _tree(archive, "xl/workbook.xml").iter():
        if element.tag.rpartition("}")[2] == "sheet":
            own = next((value for name, value in element.items() if name.rpartition("}")[2] == "id"), None)
            name = element.get("name", "")
            if name in found:
                raise FileRefused("sheets of different names", "two of one name")
            if kinds.get(own) == "worksheet":
                found[name] = targets[own]
    return found


def _tree(archive: zipfile.ZipFile, name: str) -> ElementTree.Element:
    try:
        member = archive.getinfo(name)
    except KeyError:
        raise FileRefused("an Excel file (.xlsx)", f"an archive without {name}") from None
    if member.file_size > MOST_SMALL:
        raise FileRefused(f"{name} of at most {MOST_SMALL} bytes", str(member.file_size))
    data = archive.read(member)
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise FileRefused(f"{name} without definitions of its own", "some")
    try:
        return ElementTree.fromstring(data)
    except ElementTree.ParseError:
        raise FileRefused(f"{name} in XML", "what is none") from None


def _chosen(sheets: dict[str, str], sheet: str) -> tuple[str, str]:
    shown = ", ".join(list(sheets)[:8]) + (f" and {len(sheets) - 8} more" if len(sheets) > 8 else "")
    if sheet and sheet not in sheets:
        raise FileRefused(f"a sheet {sheet}", f"the sheets {shown or 'of none'}")
    if not sheet and len(sheets) != 1:
        raise FileRefused(
            "the name of a sheet, with --sheet", f"none given, and in the file: {shown or 'none'}"
        )
    name = sheet or next(iter(sheets))
    return name, sheets[name]


def _look(path: Path, member: zipfile.ZipInfo, extent: _Extent) -> None:
    """Inflates a part as any reader would, whatever its length is said to be."""
    length, kept, sheet = 0, b"", member.filename.endswith(".xml")
    for piece in _inflated(path, member):
        length += len(piece)
        if length > member.file_size:
            raise FileRefused(f"{member.file_size} bytes of a part, which the file declares", "more")
        if sheet:
            if b"\0" in piece:
                raise FileRefused("sheets in UTF-8", "another encoding")
            extent.look(kept + piece, len(piece))
            kept = piece[-_OVERLAP:]


def _inflated(path: Path, member: zipfile.ZipInfo) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(member.header_offset)
        header = file.read(30)
        if header[:4] != b"PK\x03\x04":
            raise FileRefused("an Excel file (.xlsx)", "a damaged one")
        file.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), 1)
        stored = member.compress_type == zipfile.ZIP_STORED
        unpack, left = zlib.decompressobj(-15), member.compress_size
        while left and (data := file.read(min(left, _PIECE // 4))):
            left -= len(data)
            if stored:
                yield data
                continue
            while data:
                yield unpack.decompress(data, _PIECE)
                data = unpack.unconsumed_tail
