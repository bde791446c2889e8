"""The table [scales] put into a consortium.toml by a command: every other byte of the file stays."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from proofward.cli.common.answering import Refused
from proofward.cli.project.project_file import MAX_BYTES
from proofward.engines.contract import AUTHORITY, KITS
from proofward.layers.model import OF_LAYERS
from proofward.ledger.files import write_file
from proofward.ledger.reading import NotReadable, read_regular

_HEADER = re.compile(rb"^[ \t]*\[scales\][ \t]*(?:#[^\r\n]*)?(\r?\n|\Z)", re.MULTILINE)
_VALUE = rb"(?:[0-9_]+|\[[0-9_, \t]*\])"
_NEXT = re.compile(rb"^[ \t]*\[", re.MULTILINE)


def require_unprovisioned(path: Path) -> None:
    """Raises Refused where kits were made from the file already: members confirm what it says."""
    found = [name for name in (KITS, AUTHORITY) if (path.parent / name).exists()]
    if found:
        words = f"{path.parent} has {' and '.join(found)}: kits with its fingerprint are made already"
        raise Refused(f"{path} is not changed, {words}; found a new consortium with other scales")


def write_scales(path: Path, values: Mapping[str, object]) -> None:
    """Raises Refused, OSError; that all else still says the same is checked before anything is written."""
    require_unprovisioned(path)
    try:
        before = read_regular(path, MAX_BYTES, follow=True)
    except NotReadable as error:
        raise Refused(f"{path}: expected {error.expected}, found {error.actual}") from error
    after = with_scales(before, values)
    expected = {**tomllib.loads(before.decode()), "scales": dict(values)}
    try:
        found = tomllib.loads(after.decode())
    except ValueError:
        found = {}
    if found != expected:
        lines = "; ".join(f"{name} = {value}" for name, value in values.items())
        words = "its scales are written in a way that the command does not change"
        raise Refused(f"{path}: {words}: write them by hand, in [scales]: {lines}")
    real = path.resolve()
    temporary = real.with_name(f".{real.name}.writing")
    write_file(real, after, temporary, mode=real.stat().st_mode & 0o777)


def with_scales(text: bytes, values: Mapping[str, object]) -> bytes:
    """A file's bytes with these values in [scales], which is added at the end where there is none.

    Ranges of hidden layers that are not among the values are taken out.
    """
    line = b"\r\n" if b"\r\n" in text else b"\n"
    if (header := _HEADER.search(text)) is None:
        end = b"" if not text or text.endswith(b"\n") else line
        return text + end + line + b"[scales]" + line + _lines(values, line)
    start = header.end()
    following = _NEXT.search(text, start)
    end_of_table = following.start() if following else len(text)
    table, missing = text[start:end_of_table], dict[str, object]()
    for name in OF_LAYERS.keys() - values.keys():
        own = re.compile(rb"^[ \t]*" + name.encode() + rb"[ \t]*=[ \t]*" + _VALUE + rb".*\n?", re.MULTILINE)
        table = own.sub(b"", table)
    for name, value in values.items():
        own = re.compile(rb"^([ \t]*" + name.encode() + rb"[ \t]*=[ \t]*)" + _VALUE, re.MULTILINE)
        table, count = own.subn(rb"\g<1>" + str(value).encode(), table)
        if not count:
            missing[name] = value
    first = b"" if text[:start].endswith(b"\n") else line
    return text[:start] + first + _lines(missing, line) + table + text[end_of_table:]


def _lines(values: Mapping[str, object], line: bytes) -> bytes:
    return b"".join(f"{name} = {value}".encode() + line for name, value in values.items())
