"""Data sheets of hospitals that run in one process: what each says of its records, as `enrol` takes it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import click

from proofward.cli.kit.enrol import read_sheet


def named_sheets(given: Sequence[str], hospitals: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The lines of files, by hospital, of words SITE=FILE; raises UsageError, WrongThing, Refused."""
    found: dict[str, tuple[str, ...]] = {}
    for word in given:
        name, sign, file = word.partition("=")
        if not sign or name not in hospitals:
            names = ", ".join(hospitals)
            raise click.UsageError(f"--data-sheet: expected SITE=FILE of {names}, found {word}")
        if name in found:
            raise click.UsageError(f"--data-sheet: two files for {name}")
        path = Path(file)
        if not path.is_file():
            raise click.UsageError(f"--data-sheet: {path} is no file")
        found[name] = read_sheet(path)
    return found
