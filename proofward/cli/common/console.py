"""What the commands share: consoles, exit codes, JSON."""

from __future__ import annotations

import errno
import json
import os
from contextvars import ContextVar
from pathlib import Path
from typing import NoReturn

import click
from rich.console import Console

OK, FLAW, USAGE = 0, 1, 2
INTERRUPTED, CLOSED_PIPE = 130, 141
"""As shells count what SIGINT and SIGPIPE end."""

document_printed: ContextVar[bool] = ContextVar("document_printed", default=False)
"""Whether the command has printed its JSON document, to which nothing may be added."""


class PipeConsole(Console):
    """A console that leaves it to the command's guard to end when nobody reads on."""

    def on_broken_pipe(self) -> NoReturn:
        """Called by rich while it handles BrokenPipeError."""
        raise BrokenPipeError(errno.EPIPE, "nobody reads on")


def make_console(quiet: bool = False) -> Console:
    """Standard output, or standard error when that carries JSON."""
    return PipeConsole(stderr=quiet, highlight=False)


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(value, indent=1))
    document_printed.set(True)


class WrongThing(click.ClickException):
    """The command was given a file or a folder of another kind; no hint at the usage is wanted."""

    exit_code = USAGE


class KitPath(click.Path):
    """A folder that has what a start-up kit has, or a file where one will do; others are wrong use."""

    def __init__(self, file_okay: bool = False) -> None:
        super().__init__(exists=True, file_okay=file_okay, path_type=Path)

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        """The path; raises WrongThing where neither FLARE's files nor ProofWard's are."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if path.is_dir() and not any((path / part).is_dir() for part in ("startup", "proofward")):
            raise WrongThing(f"{path} is no start-up kit: it has neither startup nor proofward in it")
        return path


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
