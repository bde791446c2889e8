"""A federation in this process with the live table, in a folder that is new or goes on; and its files."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from proofward.cli.run.running.live import LiveTable
from proofward.engines.in_process import Dataset, InProcessFederation, Parties, RunResult, Signed
from proofward.engines.run_folder import Plan, StatesMissing
from proofward.federation.history.history import History
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.events import Event
from proofward.federation.parties.equipment.counting import CountSource
from proofward.federation.storage.objects import Objects
from proofward.ledger.errors import LedgerError
from proofward.ledger.files import make_directory
from proofward.report.audits.run_audit import LEDGER_NAME
from proofward.report.handover.models.description import Description
from proofward.report.handover.models.model_files import model_files, write_files
from proofward.report.handover.proof_file import PROOFS_NAME, proof_files
from proofward.report.measurements import Measurements
from proofward.report.other_settings import other_settings


class Unfinished(Exception):
    """The federation did not come to its end: why."""


@dataclass(frozen=True)
class Ended:
    """What is left of a finished run: its ledger's meaning, its objects, the last model's weights."""

    history: History
    objects: Objects
    weights: Signed


def run_in_process(
    console: Console,
    folder: Path,
    plan: Plan,
    datasets: Mapping[str, Dataset],
    description: Description | None,
    measured: Measurements,
    *,
    counts: Mapping[str, CountSource] | None = None,
    seed: bytes | None = None,
    parties: Parties | None = None,
    workers: int | None = None,
    notes: Mapping[str, bytes] | None = None,
    going_on: str = "",
    publishing: Collection[str] = (),
    data_sheets: Mapping[str, tuple[str, ...]] | None = None,
) -> tuple[InProcessFederation, RunResult]:
    """Runs it until nobody can go on; UsageError where the folder holds something else.

    description: None where no model is made. counts: what each hospital counts, by name.
    notes: files of the folder besides those of the description, which no audit reads.
    publishing: hospitals that publish their own counts of evaluations. data_sheets: what they say of their
    records, in lines, by name.
    going_on: how one goes on with an interrupted run, if not by the command's options.
    """
    going_on = going_on or f"go on with the same options and --run {folder}"
    watchers = [measured.observe]

    def observe(event: Event) -> None:
        for watcher in watchers:
            watcher(event)

    if differences := other_settings(folder / LEDGER_NAME, plan):
        raise click.UsageError(f"{folder} holds a run with other settings: {differences}")
    try:
        make_directory(folder)
        engine = InProcessFederation(
            folder,
            plan,
            datasets,
            seed=seed,
            observe=observe,
            network=measured,
            parties=parties,
            workers=workers,
            publishing=publishing,
            counts=counts,
            data_sheets=data_sheets,
        )
    except StatesMissing as error:
        raise click.UsageError(str(error)) from error
    except (LedgerError, Refusal) as error:
        raise click.UsageError(f"{folder} holds a run with other settings: {error}") from error
    except OSError as error:
        raise click.UsageError(f"{folder}: {error.strerror}") from error
    described = {} if description is None else description.files()
    write_files(folder, {**described, **(notes or {})})
    try:
        with LiveTable(console, engine.rules) as table:
            watchers.append(table.observe)
            result = engine.run()
    except BaseException as error:
        engine.close()  # so that one goes on in this process too
        if isinstance(error, KeyboardInterrupt):
            console.print(f"interrupted; {going_on}", markup=False, soft_wrap=True)
        raise
    return engine, result


def ended(engine: InProcessFederation, result: RunResult) -> Ended:
    """What a finished run leaves; raises Unfinished."""
    if not result.finished:
        reasons = [result.stopped, *result.halted.values(), *(refusal for _, refusal in result.refusals)]
        raise Unfinished(
            next((str(reason) for reason in reasons if reason is not None), "nobody could go on")
        )
    return Ended(engine.aggregator.history, engine.aggregator.objects, result.weights)


def write_outcome(folder: Path, outcome: Ended) -> dict[str, bytes]:
    """Writes the model and the last round's proofs, which an audit compares; the proofs, by name."""
    proofs = dict(proof_files(outcome.history, outcome.objects))
    make_directory(folder / PROOFS_NAME)
    write_files(folder, proofs)
    write_files(folder, model_files(outcome.history.rules, outcome.weights))
    return proofs
