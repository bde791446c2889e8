"""Centres and spreads put into a consortium.toml, with where they come from: every other byte stays."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from proofward.cli.common.answering import Refused
from proofward.cli.project.consortium_file.reading import MAX_BYTES
from proofward.cli.project.consortium_file.toml_tables import (
    end_of_table,
    line_end,
    rewrite,
    with_table,
    with_values,
)
from proofward.data.columns.column_kinds import CATEGORY
from proofward.data.columns.feature import folded
from proofward.ledger.reading import read_regular
from proofward.report.statistics import Statistics

_FEATURE = re.compile(rb"^[ \t]*\[\[feature\]\][ \t]*(?:#[^\r\n]*)?(\r?\n|\Z)", re.MULTILINE)
_RECORD = re.compile(rb"^[ \t]*\[statistics\][ \t]*(?:#[^\r\n]*)?(\r?\n|\Z)", re.MULTILINE)
Constants = dict[str, dict[str, float]]


def constants_of(found: Statistics) -> Constants:
    """Centre and spread of every column that has them; raises Refused where too few values are known."""
    wanted = [own for own in found.columns if own.levels is None or own.kind == "ordinal"]
    if lacking := [own.name for own in wanted if own.moments is None]:
        words = "no hospital has as many values as the least count"
        raise Refused(f"nothing was written: of {', '.join(lacking)} {words}")
    return {
        folded(name): {"centre": centre, "spread": spread}
        for name, (centre, spread) in found.constants().items()
    }


def write_statistics(path: Path, constants: Constants, ledger: bytes) -> None:
    """ledger: the root of the sealed ledger that the statistics are in. Raises Refused, OSError."""
    plain = tomllib.loads(read_regular(path, MAX_BYTES, follow=True).decode())
    record = {"ledger": ledger.hex()}
    features = [{**entry, **_own(entry, constants)} for entry in plain["feature"]]
    expected = {**plain, "feature": features, "statistics": record}
    given = "; ".join(f"{name}: {own['centre']!r}, {own['spread']!r}" for name, own in constants.items())
    words = "its columns are written in a way that the command does not change: write centre and spread by"
    rewrite(path, lambda text: _edited(text, constants, record), expected, f"{words} hand: {given}")


def _own(entry: Mapping[str, Any], constants: Constants) -> Mapping[str, float]:
    return {} if entry.get("kind") == CATEGORY else constants.get(folded(str(entry["name"])), {})


def _edited(text: bytes, constants: Constants, record: Mapping[str, str]) -> bytes:
    line, parts, start = line_end(text), list[bytes](), 0
    for header in _FEATURE.finditer(text):
        end = end_of_table(text, header.end())
        table = text[header.end() : end]
        values = {name: repr(value) for name, value in _own(_values(table), constants).items()}
        parts += [text[start : header.end()], _behind_name(table, values, line)]
        start = end
    whole = b"".join([*parts, text[start:]])
    quoted = {name: f'"{value}"' for name, value in record.items()}
    if (own := _RECORD.search(whole)) is None:
        return with_table(whole, "[statistics]", quoted)
    end = end_of_table(whole, own.end())
    return whole[: own.end()] + with_values(whole[own.end() : end], quoted, line) + whole[end:]


def _values(table: bytes) -> Mapping[str, Any]:
    return {"name": "", **tomllib.loads(table.decode())}


def _behind_name(table: bytes, values: Mapping[str, str], line: bytes) -> bytes:
    """A column's table with these values, the new ones behind its first line, which usually is its name."""
    first, end, rest = table.partition(b"\n")
    known = tomllib.loads(table.decode())
    if not first.lstrip().startswith(b"name") or not end:
        return with_values(table, values, line)
    old = {name: value for name, value in values.items() if name in known}
    new = {name: value for name, value in values.items() if name not in known}
    return first + end + with_values(with_values(rest, new, line), old, line)
