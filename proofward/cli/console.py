"""What the commands share: consoles, exit codes, JSON."""

from __future__ import annotations

import json

import click
from rich.console import Console

OK, FLAW, USAGE = 0, 1, 2


def make_console(quiet: bool = False) -> Console:
    """Standard output, or standard error when that carries JSON."""
    return Console(stderr=quiet, highlight=False)


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(value, indent=1))


def hexadecimal(_context: click.Context, _parameter: click.Parameter, value: str | None) -> bytes | None:
    """Callback of options that are a SHA-256 digest."""
    if value is None:
        return None
    try:
        digest = bytes.fromhex(value)
    except ValueError:
        digest = b""
    if len(digest) != 32:
        raise click.BadParameter("expected 64 hexadecimal digits")
    return digest
