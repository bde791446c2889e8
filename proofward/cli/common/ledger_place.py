"""Where the ledger of the folder lies that a command was given."""

from __future__ import annotations

from pathlib import Path

import click


def ledger_at(source: Path) -> Path:
    """The ledger's folder of a run or of a kit; raises UsageError where there is none."""
    from proofward.report.handover.model_source import NotASource, ledger_of

    try:
        return ledger_of(source)
    except NotASource as error:
        raise click.UsageError(str(error)) from error
