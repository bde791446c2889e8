"""Why something that was asked of a federation in Python was not done: what, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click


class FederationError(ValueError):
    """What was asked was not done.

    Attributes:
        problems: All that was found, a line each, never a value of a record.
    """

    def __init__(self, words: str, problems: Sequence[str] = ()) -> None:
        self.problems = tuple(problems)
        super().__init__("\n  ".join((words, *self.problems)))


class SettingsRefused(FederationError):
    """Settings that make no sense, or with which no round can be proved."""


class TablesRefused(FederationError):
    """Tables that are not taken in: they differ, values are missing, there are too few rows."""


class RunRefused(FederationError):
    """The folder cannot be used, or the federation did not come to its end."""


class ExportRefused(FederationError):
    """The model cannot be written in this format, or not there."""


class NotFitted(FederationError):
    """There is no model yet."""


@contextmanager
def refusing(kind: type[FederationError]) -> Iterator[None]:
    """Whatever is refused within is raised as `kind`, with the words of who refused it.

    The refusals of lower layers are left out of the traceback: their words say all.
    """
    from proofward.cli.common.answering import Refused
    from proofward.cli.project.tables.table import ProjectError
    from proofward.cli.run.running.in_process_run import Unfinished
    from proofward.data.columns.schema import FeaturesInvalid
    from proofward.data.reading.problems import CsvRefused
    from proofward.data.tables.refusal import FileRefused, TablesExtraMissing
    from proofward.federation.messages.basics.refusal import Refusal
    from proofward.federation.messages.consortium.rules import RulesError
    from proofward.layers.basics.errors import TrainingError
    from proofward.ledger.errors import LedgerError
    from proofward.models.graph.parts.refusals import ImportRefused
    from proofward.report.handover.handed_model import NotOurs
    from proofward.report.handover.models.exported_model import ModelInvalid
    from proofward.report.handover.models.model_source import NoModel, NotASource
    from proofward.report.handover.predictions.prediction import TableRefused

    try:
        yield
    except FederationError:
        raise
    except Refused as error:
        words = str(error).splitlines()[0] if error.problems else str(error)
        raise kind(words, error.problems) from None
    except click.ClickException as error:
        raise kind(error.format_message()) from None
    except Unfinished as error:
        raise kind(f"the federation did not finish: {error}") from None
    except OSError as error:
        raise kind(f"{error.filename}: {error.strerror}") from None
    except (CsvRefused, FeaturesInvalid, FileRefused, ImportRefused, LedgerError, ModelInvalid, NoModel,
            NotASource, NotOurs, ProjectError, Refusal, RulesError, TableRefused, TablesExtraMissing,
            TrainingError) as error:  # fmt: skip
        raise kind(str(error)) from None
