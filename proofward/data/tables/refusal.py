"""Why a file of a table is not read: what is expected, what was found, never a value."""

from __future__ import annotations

from proofward.encoding.errors import OtherKind


class FileRefused(ValueError):
    """A file that is not read as a table."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}, found {found}")


class NoTable(FileRefused, OtherKind):
    """A folder, or a file that is no table at all."""


class TablesExtraMissing(ValueError):
    """A library that a format needs is not installed: which, and what to do."""
