"""Values put into the tables of a TOML file by a command: every other byte of the file stays."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

from proofward.cli.common.answering import Refused
from proofward.cli.project.consortium_file.reading import MAX_BYTES
from proofward.engines.contract import AUTHORITY, KITS
from proofward.ledger.files import write_file
from proofward.ledger.reading import NotReadable, read_regular

_NEXT = re.compile(rb"^[ \t]*\[", re.MULTILINE)
_VALUE = rb"(?:[-+0-9_.eE]+|\[[0-9_, \t]*\]|\"[^\"\\\r\n]*\")"


def require_unprovisioned(path: Path, what: str = "scales") -> None:
    """Raises Refused where kits were made from the file already: members confirm what it says."""
    found = [name for name in (KITS, AUTHORITY) if (path.parent / name).exists()]
    if found:
        words = f"{path.parent} has {' and '.join(found)}: kits with its fingerprint are made already"
        raise Refused(f"{path} is not changed, {words}; found a new consortium with other {what}")


def rewrite(
    path: Path, edit: Callable[[bytes], bytes], expected: Mapping[str, object], otherwise: str
) -> None:
    """Writes the edited file if it then says what is expected; raises Refused with `otherwise`, OSError."""
    try:
        before = read_regular(path, MAX_BYTES, follow=True)
    except NotReadable as error:
        raise Refused(f"{path}: expected {error.expected}, found {error.actual}") from error
    after = edit(before)
    try:
        found = tomllib.loads(after.decode())
    except ValueError:
        found = {}
    if found != expected:
        raise Refused(f"{path}: {otherwise}")
    real = path.resolve()
    temporary = real.with_name(f".{real.name}.writing")
    write_file(real, after, temporary, mode=real.stat().st_mode & 0o777)


def line_end(text: bytes) -> bytes:
    """How lines of a file end."""
    return b"\r\n" if b"\r\n" in text else b"\n"


def end_of_table(text: bytes, start: int) -> int:
    """Where the table ends whose values begin at `start`."""
    following = _NEXT.search(text, start)
    return following.start() if following else len(text)


def with_values(table: bytes, values: Mapping[str, object], line: bytes) -> bytes:
    """A table's values, without its header, with these in place of their own; new ones come first."""
    missing = dict[str, object]()
    for name, value in values.items():
        own = re.compile(rb"^([ \t]*" + name.encode() + rb"[ \t]*=[ \t]*)" + _VALUE, re.MULTILINE)
        table, count = own.subn(rb"\g<1>" + str(value).encode(), table)
        if not count:
            missing[name] = value
    return lines(missing, line) + table


def without(table: bytes, name: str) -> bytes:
    """A table's values without one."""
    own = re.compile(rb"^[ \t]*" + name.encode() + rb"[ \t]*=[ \t]*" + _VALUE + rb".*\n?", re.MULTILINE)
    return own.sub(b"", table)


def lines(values: Mapping[str, object], line: bytes) -> bytes:
    """A line each."""
    return b"".join(f"{name} = {value}".encode() + line for name, value in values.items())


def with_table(text: bytes, header: str, values: Mapping[str, object]) -> bytes:
    """The file with a table at its end."""
    line = line_end(text)
    end = b"" if not text or text.endswith(b"\n") else line
    return text + end + line + header.encode() + line + lines(values, line)
