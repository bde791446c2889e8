"""Files that are complete or absent, whatever happens to the process or the machine."""

from __future__ import annotations

import os
from pathlib import Path


def sync_directory(directory: Path) -> None:
    """Makes creations, renames and removals in a directory durable.

    It has no effect where directories cannot be opened.
    """
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(directory: Path) -> None:
    """Creates a directory and its parents, durably; no effect if it is there."""
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    directory.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync_directory(path.parent)


def write_out(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Writes a file that a user named, whole and durably; folders on the way to it are made."""
    make_directory(path.parent)
    write_file(path, data, path.with_name(f".{path.name}.writing"), mode)


def write_file(path: Path, data: bytes, temporary: Path, mode: int = 0o644) -> None:
    """Writes `data` to `temporary`, syncs, renames it to `path` (same file system), syncs the directory.

    Where `temporary` cannot be made the error names `path`, the file that was asked for.
    """
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    except OSError as error:
        error.filename = str(path)
        raise
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    sync_directory(path.parent)
