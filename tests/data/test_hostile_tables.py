"""Files that lie about their size, lead elsewhere or are damaged: refused in a sentence, before memory is taken."""

from __future__ import annotations

import struct
import zipfile
from contextlib import suppress

import numpy as np
import pytest

from proofward.data.tables.limits import MOST_ROWS
from proofward.data.tables.parquet_pages import _pages, check_pages
from tests.data.own_formats import write, write_group, write_sheets
from tests.data.test_table_formats import COLUMNS, said
from tests.peak_memory import begin_peak, peak_megabytes


def repacked(path, part: str, data: bytes, **declared: int) -> None:
    """The archive with a part of other content, whose header may lie."""
    with zipfile.ZipFile(path) as archive:
        parts = {info.filename: archive.read(info) for info in archive.infolist()}
    parts[part] = data
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    if declared:
        raw = path.read_bytes()
        true = struct.pack("<L", len(data))
        assert raw.count(true) >= 2
        path.write_bytes(raw.replace(true, struct.pack("<L", declared["size"])))


SHEET = "xl/worksheets/sheet1.xml"


def sheet_of(cells: str) -> bytes:
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return f'<?xml version="1.0"?><worksheet xmlns="{space}"><sheetData>{cells}</sheetData></worksheet>'.encode()


@pytest.fixture
def book(tmp_path):
    return write_sheets(tmp_path / "t.xlsx", {"records": COLUMNS})


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        ('<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>', "1048576 rows of 16384 columns"),
        ("<row><c r='A1'><v>1</v></c><c r = 'XFD900000'><v>1</v></c></row>", "900000 rows of 16384 columns"),
        ('<row r="1"><c r="A1" t="e"><v>#N/A</v></c></row>', "errors, such as #N/A: 1"),
        ('<row r="1"><c r="A1"><f>B1*2</f><v/></c><c r="B1"><f>2</f></c></row>', "formulas without a value: 2"),
    ],
)
def test_sheets_that_reach_too_far_or_hold_no_values(book, cells, what):
    repacked(book, SHEET, sheet_of(cells))
    assert what in said(book)


def test_a_sheet_that_inflates_without_end(book):
    repacked(book, SHEET, b" " * (1 << 26))
    assert "times their packed size" in said(book)
    repacked(book, SHEET, b" " * (1 << 24), size=1000)
    assert "expected 1000 bytes of a part, which the file declares, found more" in said(book)


@pytest.mark.parametrize(
    ("part", "data", "what"),
    [
        ("xl/workbook.xml", b"<!DOCTYPE x [<!ENTITY a 'aaaa'>]><x>&a;</x>", "without definitions of its own"),
        ("xl/workbook.xml", b"<x", "in XML"),
        ("xl/workbook.xml", b"<x/>", "the name of a sheet, with --sheet, found none given, and in the file: none"),
        (SHEET, sheet_of("").decode().encode("utf-16"), "sheets in UTF-8"),
        (SHEET, b"<worksheet><sheetData><row", "one that cannot be read"),
    ],
)
def test_workbooks_that_are_none(book, part, data, what):
    repacked(book, part, data)
    assert what in said(book)


def test_other_workbooks(tmp_path):
    for data, what in ((b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "with a password, or of before 2007"),
                       (b"age,size\n", "one that cannot be opened"), (b"", "one that cannot be opened")):  # fmt: skip
        (tmp_path / "t.xlsx").write_bytes(data)
        assert what in said(tmp_path / "t.xlsx")
    (tmp_path / "t.xls").write_bytes(b"")
    assert "a file .xls; save it as one of these" in said(tmp_path / "t.xls")


@pytest.mark.parametrize("kind", ["xlsx", "parquet", "h5"])
def test_damaged_files(tmp_path, kind):
    path = write(tmp_path / f"t.{kind}", COLUMNS)
    data = path.read_bytes()
    for damaged in (data[: len(data) // 2], data[::-1], b"\0" * 100):
        path.write_bytes(damaged)
        assert "expected a" in said(path)
    rng = np.random.default_rng(3)
    for _ in range(40):
        raw = bytearray(data)
        for at in rng.integers(0, len(raw), 3):
            raw[at] = rng.integers(256)
        path.write_bytes(raw)
        with suppress(pytest.fail.Exception):  # a change of no consequence
            said(path)


def test_datasets_that_declare_what_they_have_not(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "t.h5"
    with h5py.File(path, "w") as file:
        for name in COLUMNS:
            file.create_dataset(f"records/{name}", shape=(1 << 50,), dtype="f8", chunks=(1024,))
    assert f"at most {MOST_ROWS} rows" in said(path)
    with h5py.File(path, "w") as file:
        for name in COLUMNS:
            file.create_dataset(f"records/{name}", shape=(1 << 25,), dtype="f8", chunks=(1 << 25,), compression="gzip")
    assert "expected pieces of at most" in said(path)
    with h5py.File(path, "w") as file:
        for name in COLUMNS:
            file.create_dataset(f"records/{name}", shape=(1 << 20,), dtype="f8")
    assert "expected all rows that the dataset declares, found fewer in the file" in said(path)


def test_datasets_that_lie_elsewhere(tmp_path):
    h5py = pytest.importorskip("h5py")
    write_group(tmp_path / "other.h5", "records", COLUMNS)
    path = tmp_path / "t.h5"
    for link in (h5py.ExternalLink("other.h5", "/records"), h5py.SoftLink("/elsewhere")):
        with h5py.File(path, "w") as file:
            file["records"] = link
        assert "found a link" in said(path, key="records")
    with h5py.File(path, "w") as file:
        file.create_dataset("records/age", shape=(3,), dtype="f8", external=[("/etc/hostname", 0, 24)])
    assert "found one that is kept in others" in said(path, key="records")


def test_tables_of_pandas_with_pickled_names(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = write_group(tmp_path / "t.h5", "records", COLUMNS)
    with h5py.File(path, "a") as file:
        file["records"].attrs["pandas_type"] = "frame_table"
    assert "pickled names, which are not read: write it with to_parquet" in said(path)


@pytest.mark.parametrize("cell", [[1], {"a": 1}, b"x"])
def test_cells_that_are_no_single_values(tmp_path, cell):
    path = write(tmp_path / "t.parquet", {**COLUMNS, "size": [cell] * 3})
    assert "expected numbers, texts, truth values, dates and times in all columns, found column 3 of" in said(path)


@pytest.mark.slow
def test_a_text_that_stands_in_a_million_rows_is_not_multiplied(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    long = arrow.DictionaryArray.from_arrays(arrow.array([0] * 3000, arrow.int8()), ["x" * 1_000_000])
    path = write(tmp_path / "t.parquet", dict.fromkeys(COLUMNS, long))
    assert "expected texts of at most" in said(path)


def test_a_packed_sheet_costs_no_memory(book):
    repacked(book, SHEET, b" " * (1 << 27))
    said(book)
    before = begin_peak()
    said(book)
    assert peak_megabytes() - before < 32


def varint(value: int) -> bytes:
    """A whole number as the headers of pages have it."""
    value, found = 2 * value, b""
    while value > 127:
        found, value = found + bytes([value & 127 | 128]), value >> 7
    return found + bytes([value])


def test_a_page_that_unpacks_to_more_than_its_column_is_refused_before_it_is(tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "t.parquet"
    parquet.write_table(arrow.table({"a": [n + 0.5 for n in range(60)]}), path, use_dictionary=False)
    chunk = parquet.ParquetFile(path).metadata.row_group(0).column(0)
    data, start = bytearray(path.read_bytes()), chunk.data_page_offset
    assert data[start : start + 3] == bytes([0x15, 0, 0x15]) and data[start + 4] < 128 <= data[start + 3]
    data[start + 3 : start + 5] = varint(8191)
    path.write_bytes(data)
    words = f"none larger than its column, found one that declares 8191 in a column of {chunk.total_uncompressed_size}"
    assert words in said(path)
    data[start : start + 3] = b"\xff" * 3
    path.write_bytes(data)
    assert "a page whose header cannot be read" in said(path)


@pytest.mark.parametrize(("limit", "words"), [("MOST_PAGE", "one that declares"), ("MOST_AT_ONCE", "that unpack to")])
def test_large_pages(tmp_path, monkeypatch, limit, words):
    path = write(tmp_path / "t.parquet", COLUMNS)
    monkeypatch.setattr(f"proofward.data.tables.parquet_pages.{limit}", 8)
    assert words in said(path)


def test_headers_of_pages_say_what_pyarrow_says(tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rng = np.random.default_rng(1)
    table = arrow.table({"a": rng.normal(size=5000), "b": [f"text {n % 90}" for n in range(5000)]})
    for options in ({}, {"data_page_version": "2.0", "compression": "zstd"}, {"use_dictionary": False, "compression": "none"},
                    {"data_page_size": 1000, "row_group_size": 1500, "write_page_checksum": True}):  # fmt: skip
        parquet.write_table(table, tmp_path / "t.parquet", **options)
        held = parquet.ParquetFile(tmp_path / "t.parquet").metadata
        check_pages(tmp_path / "t.parquet", held)
        chunk = held.row_group(0).column(0)
        start = chunk.dictionary_page_offset or chunk.data_page_offset
        with (tmp_path / "t.parquet").open("rb") as file:
            sizes = list(_pages(file, start, start + chunk.total_compressed_size))
        assert 0 < sum(sizes) <= chunk.total_uncompressed_size
        assert sum(sizes) > chunk.total_uncompressed_size - 100 * len(sizes), "all but the headers"
