"""The table [scales] put into a consortium.toml by a command: every other byte of the file stays."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from proofward.cli.common.answering import Refused
from proofward.cli.project.consortium_file.reading import MAX_BYTES
from proofward.cli.project.consortium_file.toml_tables import (
    end_of_table,
    line_end,
    require_unprovisioned,
    rewrite,
    with_table,
    with_values,
    without,
)
from proofward.layers.rules.model import OF_LAYERS, WEIGHT_RANGE
from proofward.ledger.reading import NotReadable, read_regular

_HEADER = re.compile(rb"^[ \t]*\[scales\][ \t]*(?:#[^\r\n]*)?(\r?\n|\Z)", re.MULTILINE)


def write_scales(path: Path, values: Mapping[str, object]) -> None:
    """Raises Refused, OSError; that all else still says the same is checked before anything is written."""
    require_unprovisioned(path)
    try:
        before = tomllib.loads(read_regular(path, MAX_BYTES, follow=True).decode())
    except NotReadable as error:
        raise Refused(f"{path}: expected {error.expected}, found {error.actual}") from error
    given = "; ".join(f"{name} = {value}" for name, value in values.items())
    words = "its scales are written in a way that the command does not change: write them by hand, in"
    expected = {**before, "scales": dict(values)}
    rewrite(path, lambda text: with_scales(text, values), expected, f"{words} [scales]: {given}")


def with_scales(text: bytes, values: Mapping[str, object]) -> bytes:
    """A file's bytes with these values in [scales], which is added at the end where there is none.

    Ranges of hidden layers and of weights that are not among the values are taken out.
    """
    line = line_end(text)
    if (header := _HEADER.search(text)) is None:
        return with_table(text, "[scales]", values)
    start = header.end()
    end = end_of_table(text, start)
    table = text[start:end]
    for name in {*OF_LAYERS, WEIGHT_RANGE} - values.keys():
        table = without(table, name)
    first = b"" if text[:start].endswith(b"\n") else line
    return text[:start] + first + with_values(table, values, line) + text[end:]
