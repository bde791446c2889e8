"""Kernels of a command that mostly needs none: all are loaded, with one announcement, when it calls one."""

from __future__ import annotations

import click

from proofward.cli.common.console import make_console
from proofward.field.jit import before_the_first


def expect_kernels() -> None:
    """Until the command ends, its first kernel has all loaded, as `kernels.load_kernels` does."""
    before_the_first(_load)
    click.get_current_context().call_on_close(lambda: before_the_first(None))


def _load() -> None:
    from proofward.cli.common.kernels import load_kernels

    load_kernels(make_console(quiet=True))
