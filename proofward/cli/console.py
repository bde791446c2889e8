"""What the commands share: consoles, exit codes, JSON, and the compilation of kernels with its progress."""

from __future__ import annotations

import importlib
import json
import time

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

OK, FLAW, USAGE = 0, 1, 2
LATER_KERNELS = ("proofward.lattice.kernels",)
ANNOUNCEMENT = "compiling kernels, the first time only"
SLOW_SECONDS = 0.5  # longer than loading one module from its cache


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


def load_kernels(console: Console) -> None:
    """Compiles the kernels on the first run, and loads them from their cache on later ones."""
    from proofward.field.warm_up import warm_up

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    bars = Progress(
        *columns, TimeElapsedColumn(), console=console, transient=True, disable=not console.is_terminal
    )
    last, modules = time.perf_counter(), 0
    with bars as progress:
        bar = progress.add_task(ANNOUNCEMENT, total=None)

        def show(module: str, done: int, of: int) -> None:
            nonlocal last, modules
            total, now = of + len(LATER_KERNELS), time.perf_counter()
            what = module.removeprefix("proofward.")
            progress.update(bar, completed=done, total=total, description=f"{ANNOUNCEMENT}: {what}")
            if not console.is_terminal and now - last > SLOW_SECONDS:
                console.print(f"{ANNOUNCEMENT}: {done} of {total}, {now - last:.1f} s")
            last, modules = now, of

        warm_up(show)
        for index, name in enumerate(LATER_KERNELS, 1):
            importlib.import_module(name)
            show(name, modules + index, modules)
