"""A table's file, of whatever format: which one it is, and its rows as texts or its columns as values."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from proofward.data.tables import delimited, excel, hdf5, parquet
from proofward.data.tables.batches import Batches
from proofward.data.tables.refusal import FileRefused, NoTable

CSV, PARQUET, EXCEL, HDF5 = "CSV", "Parquet", "Excel", "HDF5"
_ENDINGS = {
    ".parquet": PARQUET, ".pq": PARQUET, ".xlsx": EXCEL, ".xlsm": EXCEL,
    ".h5": HDF5, ".hdf5": HDF5, ".hdf": HDF5,
}  # fmt: skip
_OLD = (".xls", ".xlsb", ".ods", ".sav", ".sas7bdat", ".dta", ".rds", ".pkl", ".pickle", ".feather")
_ENCRYPTED = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""What a workbook with a password begins with, and one of before 2007."""
_LOOKED_AT = 1 << 16
CSV_ERRORS = (csv.Error, UnicodeDecodeError)


@dataclass(frozen=True)
class TableFile:
    """Where a table lies, and what is said of its notation.

    delimiter: of a CSV file, "" for the usual one. sheet: of an Excel file, "" for the only one. key: of an
    HDF5 file, likewise. What is said of another format is not looked at.
    """

    path: Path
    delimiter: str = ""
    sheet: str = ""
    key: str = ""

    @property
    def format(self) -> str:
        """By the name's ending: what has none that is known is CSV."""
        return _ENDINGS.get(self.path.suffix.lower(), CSV)

    @property
    def typed(self) -> bool:
        """Whether cells have a type of their own."""
        return self.format != CSV

    def rows(self, usual: str = ",", decimal: str = ".") -> AbstractContextManager[Iterator[list[str]]]:
        """The header and the rows, as texts.

        usual: the delimiter of a CSV file that says none. decimal: the mark in the texts of typed numbers.
        They raise FileRefused, TablesExtraMissing, and of CSV what CSV_ERRORS says.
        """
        self._check()
        if not self.typed:
            return delimited.opened(self.path, self.delimiter, usual)
        return self._typed_rows(decimal)

    @contextmanager
    def _typed_rows(self, decimal: str) -> Iterator[Iterator[list[str]]]:
        with self.batches() as table:
            yield table.rows(decimal)

    def batches(self) -> AbstractContextManager[Batches]:
        """The columns of a file whose cells have types; raises FileRefused, TablesExtraMissing."""
        self._check()
        if self.format == PARQUET:
            return parquet.opened(self.path)
        return (
            excel.opened(self.path, self.sheet) if self.format == EXCEL else hdf5.opened(self.path, self.key)
        )

    def check_options(self) -> None:
        """Raises FileRefused for what is said of another format."""
        said = {"sheet": (self.sheet, EXCEL), "key": (self.key, HDF5), "delimiter": (self.delimiter, CSV)}
        for option, (given, of) in said.items():
            if given and self.format != of:
                raise FileRefused(f"--{option} with a table of {of} only", f"one of {self.format}")

    def check_kind(self) -> None:
        """Raises NoTable for a folder, and for what begins with a line that no text has.

        A byte of zero further down is the fault of its row, which the reader names.
        """
        if self.path.is_dir():
            raise NoTable("a table's file", "a folder")
        if self.typed:
            return
        with self.path.open("rb") as file:
            start = file.readline(_LOOKED_AT)
        if b"\0" in start and not start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise NoTable("a table as text, .xlsx, .parquet or .h5", "no UTF-8 text: save it as CSV UTF-8")

    def _check(self) -> None:
        """Raises FileRefused for what is read in no format."""
        self.check_kind()
        ending = self.path.suffix.lower()
        if ending in _OLD:
            raise FileRefused(
                "a table as .csv, .xlsx, .parquet or .h5", f"a file {ending}; save it as one of these"
            )
        if self.format == EXCEL:
            with self.path.open("rb") as file:
                if file.read(8) == _ENCRYPTED:
                    raise FileRefused(
                        "an Excel file without a password", "one with a password, or of before 2007"
                    )
