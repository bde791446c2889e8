"""Hostile ledger folders: each makes one out of an honest folder. Nothing in them weighs more than a few MB."""

from __future__ import annotations

import os
import socket
import sqlite3
import struct
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from proofward.ledger.database import FILE_NAME, SCHEMA
from proofward.ledger.objects import ObjectStore

TERABYTE = 1 << 40
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n)"


def _statements(folder: Path, *statements: str, without: tuple[str, ...] = ()) -> None:
    """Runs SQL on the database, where tables of the log are left out first."""
    with sqlite3.connect(folder / FILE_NAME) as database:
        database.execute("PRAGMA journal_mode=DELETE")
        for name in without:
            database.execute(f"DROP TABLE {name}")
        for statement in statements:
            database.execute(statement)
    database.close()


def _endless_view(name: str, columns: str) -> Callable[[Path], None]:
    view = f"CREATE VIEW {name} AS {ENDLESS} SELECT {columns} FROM n"
    return lambda folder: _statements(folder, view, without=(name,))


def _trigger(folder: Path) -> None:
    _statements(folder, "CREATE TRIGGER t AFTER INSERT ON entries BEGIN SELECT randomblob(1000000000); END")


def _generated(folder: Path) -> None:
    columns = "position INTEGER PRIMARY KEY, kind TEXT, data BLOB AS (zeroblob(1000000000)) VIRTUAL"
    _statements(
        folder,
        f"CREATE TABLE entries ({columns})",
        "INSERT INTO entries VALUES (0, 'x')",
        without=("entries",),
    )


def _virtual(folder: Path) -> None:
    _statements(folder, "CREATE VIRTUAL TABLE more USING fts5(x)")


def _expression_index(folder: Path) -> None:
    _statements(folder, "CREATE INDEX slow ON entries (length(kind || hex(data)))")


def _two_names(folder: Path) -> None:
    """A second row of the schema under the name of a table."""
    _statements(folder, "PRAGMA writable_schema=ON", "INSERT INTO sqlite_master SELECT * FROM sqlite_master")


def _huge_schema(folder: Path) -> None:
    rows = f"{ENDLESS} SELECT 'view', 'v' || i, 'v' || i, 0, 'CREATE VIEW v' || i || ' AS SELECT 1' FROM n LIMIT 30000"
    _statements(folder, "PRAGMA writable_schema=ON", f"INSERT INTO sqlite_master {rows}")


def _huge_cell(folder: Path) -> None:
    _statements(folder, "UPDATE entries SET data = zeroblob(40000000) WHERE position = 0")


def _huge_note(folder: Path) -> None:
    _statements(folder, "UPDATE checkpoints SET note = zeroblob(40000000)")


def _wrong_types(folder: Path) -> None:
    _statements(folder, "UPDATE entries SET data = 5.5", "UPDATE checkpoints SET note = 'text'")


def _far_positions(folder: Path) -> None:
    _statements(
        folder,
        "UPDATE entries SET position = position + 4611686018427387904",
        "UPDATE checkpoints SET size = size - 9",
    )


def _bad_text(folder: Path) -> None:
    _statements(folder, "UPDATE entries SET kind = CAST(x'ff00fe' AS TEXT)", "UPDATE meta SET value = x'00'")


def _endless_tree(folder: Path) -> None:
    """An inner page of `entries` whose cells all point at the same page, on twelve levels: 100 to the 12th rows."""
    statements = [f"CREATE TABLE {name} (x)" for name in "abcdefghijkl"]
    _statements(folder, *statements)
    path = folder / FILE_NAME
    with sqlite3.connect(path) as database:
        roots = dict(database.execute("SELECT name, rootpage FROM sqlite_master"))
        size = database.execute("PRAGMA page_size").fetchone()[0]
        for name in "abcdefghijkl":
            database.execute("PRAGMA writable_schema=ON")
            database.execute("DELETE FROM sqlite_master WHERE name = ?", (name,))
    database.close()
    chain = [roots["nodes"], *(roots[name] for name in "abcdefghijkl")]
    data = bytearray(path.read_bytes())
    leaf = data[(roots["entries"] - 1) * size : roots["entries"] * size]
    chain[0] = roots["entries"]
    for page, child in pairwise(chain):
        cells = b"".join(struct.pack(">I", child) + b"\x00" for _ in range(100))
        start = size - len(cells)
        pointers = b"".join(struct.pack(">H", start + 5 * i) for i in range(100))
        head = struct.pack(">BHHHBI", 5, 0, 100, start, 0, child)
        content = head + pointers
        data[(page - 1) * size : page * size] = content + bytes(start - len(content)) + cells
    data[(chain[-1] - 1) * size : chain[-1] * size] = leaf
    path.write_bytes(bytes(data))


def _sparse(name: str, size: int = TERABYTE) -> Callable[[Path], None]:
    """A file cut out to this length; its blocks are not on the disk."""

    def make(folder: Path) -> None:
        (folder / name).touch()
        os.truncate(folder / name, size)

    return make


def _replaced(name: str, make: Callable[[Path], object]) -> Callable[[Path], None]:
    """The file replaced by what `make` makes at its path."""

    def replace(folder: Path) -> None:
        path = folder / name
        path.rename(folder.with_name(folder.name + "-taken")) if path.exists() else None
        make(path)

    return replace


def _object(make: Callable[[Path], object], named: bool) -> Callable[[Path], None]:
    """One object, of the honest ones or another, replaced by what `make` makes."""

    def replace(folder: Path) -> None:
        store = ObjectStore(folder / "objects")
        path = store.path(store.digests()[0] if named else bytes(32))
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        make(path)

    return replace


def _terabyte(path: Path) -> None:
    path.touch()
    os.truncate(path, TERABYTE)


def _socket(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)  # a socket's path may be short only
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(f"/proc/self/fd/{folder}/{path.name}")
    os.close(folder)


def _deep(path: Path) -> None:
    """Directories in directories, deeper than whoever descends into them expects."""
    path.mkdir(exist_ok=True)
    held = os.open(path, os.O_RDONLY)
    for _ in range(400):
        os.mkdir("d", dir_fd=held)
        below = os.open("d", os.O_RDONLY, dir_fd=held)
        os.close(held)
        held = below
    os.close(held)


def _many(path: Path, count: int = 30_000) -> None:
    path.mkdir(exist_ok=True)
    first = path / "0"
    first.touch()
    for number in range(1, count):
        os.link(first, path / str(number)) if number % 20_000 else (first := path / str(number)).touch()


def _many_objects(folder: Path) -> None:
    store = ObjectStore(folder / "objects")
    first = store.path(bytes(32))
    first.parent.mkdir(exist_ok=True)
    first.touch()
    for number in range(1, 20_000):
        os.link(first, first.parent / f"{number:062x}")


def _to_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _to_pipe(path: Path) -> None:
    os.mkfifo(path.with_name("pipe"))
    path.symlink_to("pipe")


def _wal(folder: Path) -> None:
    """A log and an index beside the database that nobody wrote with SQLite."""
    for name, data in (("-wal", b"\x37\x7f\x06\x82" + os.urandom(100_000)), ("-shm", os.urandom(32768))):
        (folder / (FILE_NAME + name)).write_bytes(data)


def _journal(folder: Path) -> None:
    header = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + struct.pack(">IIIII", 0xFFFFFFFF, 7, 1 << 30, 512, 4096)
    (folder / f"{FILE_NAME}-journal").write_bytes(header + os.urandom(4096))


def _cache(folder: Path) -> None:
    """A header that asks for a cache of many gigabytes, and says that it is of a future format."""
    data = bytearray((folder / FILE_NAME).read_bytes())
    data[48:52] = struct.pack(">i", 0x7FFFFFFF)
    (folder / FILE_NAME).write_bytes(bytes(data))


FOLDERS: dict[str, Callable[[Path], None]] = {
    "entries are an endless view": _endless_view("entries", "i AS position, 'x' AS kind, x'' AS data"),
    "meta is an endless view": _endless_view("meta", "'a' || i AS name, 'x' AS value"),
    "nodes are an endless view": _endless_view("nodes", "0 AS level, i AS position, x'' AS hash"),
    "checkpoints are an endless view": _endless_view("checkpoints", "i AS size, x'' AS note"),
    "a trigger": _trigger,
    "a generated column": _generated,
    "a virtual table": _virtual,
    "an index of an expression": _expression_index,
    "a table twice in the schema": _two_names,
    "a huge schema": _huge_schema,
    "a huge entry": _huge_cell,
    "a huge checkpoint": _huge_note,
    "values of other types": _wrong_types,
    "positions at 2^62": _far_positions,
    "text that is none": _bad_text,
    "a tree without an end": _endless_tree,
    "a huge cache in the header": _cache,
    "random bytes as log and index": _wal,
    "a rollback journal": _journal,
    "a log of a terabyte": _sparse(f"{FILE_NAME}-wal"),
    "a log that is a pipe": lambda folder: os.mkfifo(folder / f"{FILE_NAME}-wal"),
    "a database of a terabyte": _sparse(FILE_NAME),
    "a database cut out to a gigabyte": _sparse(FILE_NAME, 1 << 30),
    "a database that is a pipe": _replaced(FILE_NAME, os.mkfifo),
    "a database that is a directory": _replaced(FILE_NAME, Path.mkdir),
    "a database that is a link to a device": _replaced(FILE_NAME, _to_device),
    "a database that is a link to a pipe": _replaced(FILE_NAME, _to_pipe),
    "a database that is a socket": _replaced(FILE_NAME, _socket),
    "a seal of a gigabyte": _sparse("ledger.seal", 1 << 30),
    "a seal that is a pipe": _replaced("ledger.seal", os.mkfifo),
    "a seal that is a directory": _replaced("ledger.seal", Path.mkdir),
    "a seal that is a link to a device": _replaced("ledger.seal", _to_device),
    "a named object of a terabyte": _object(_terabyte, True),
    "another object of a terabyte": _object(_terabyte, False),
    "a named object that is a pipe": _object(os.mkfifo, True),
    "another object that is a pipe": _object(os.mkfifo, False),
    "a named object that is a link to a device": _object(_to_device, True),
    "a named object that is a directory": _object(Path.mkdir, True),
    "objects that are a pipe": _replaced("objects", os.mkfifo),
    "objects that are a link": _replaced("objects", lambda path: path.symlink_to("/")),
    "a deep tree among the objects": lambda folder: _deep(folder / "objects" / "aa"),
    "a deep tree beside the ledger": lambda folder: _deep(folder / "ledger.d"),
    "many strays": lambda folder: _many(folder / "objects" / "aa"),
    "many objects": _many_objects,
}
"""By what is wrong with it."""
assert set(SCHEMA) == {"meta", "entries", "nodes", "checkpoints"}
