"""The engine of a kit or of a consortium, with what is wrong in words of the command line."""

from __future__ import annotations

from pathlib import Path

import click

from proofward.engines.contract import Engine, EngineMissing, KitError
from proofward.engines.registry import ENGINES, USUAL, engine_of

ENGINE = click.option("--engine", "engine_name", type=click.Choice(list(ENGINES)), default=USUAL,
                      show_default=True, help="What carries the bytes between sites.")  # fmt: skip


def installed(engine: Engine) -> Engine:
    """The engine, if what it needs is installed; raises UsageError, which says what to install."""
    try:
        engine.require_installed()
    except EngineMissing as error:
        raise click.UsageError(str(error)) from error
    return engine


def engine_for(kit: Path) -> Engine:
    """The installed engine that made the kit; raises UsageError."""
    try:
        return installed(engine_of(kit))
    except KitError as error:
        raise click.UsageError(str(error)) from error
