"""The ledger of the folder that a command was given: where it lies, and what it says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from proofward.cli.common.answering import Refused
from proofward.cli.common.console import WrongThing

if TYPE_CHECKING:
    from proofward.federation.history.history import History
    from proofward.federation.storage.objects import Objects


def ledger_at(source: Path) -> Path:
    """The ledger's folder of a run or of a kit; raises UsageError where there is none."""
    from proofward.report.handover.models.model_source import NotASource, ledger_of

    try:
        return ledger_of(source)
    except NotASource as error:
        raise click.UsageError(str(error)) from error


def history_of(source: Path) -> History:
    """The ledger of a run or of a kit, as far as it has come; raises WrongThing and what reading raises."""
    return followed_of(source)[0]


def followed_of(source: Path) -> tuple[History, Objects]:
    """The same with the objects that are here."""
    from proofward.report.handover.models.model_source import NoModel, NotASource, followed_so_far

    try:
        return followed_so_far(source)
    except NotASource as error:
        raise WrongThing(str(error)) from error
    except NoModel as error:
        raise Refused(str(error)) from error
