"""The page of a run on one's own records: it is written beside the parties' states, and handed to nobody."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from proofward.cli.common.answering import Refused
from proofward.cli.kit.records.data_file import described, files_alike
from proofward.cli.project.consortium_file.project import Project
from proofward.cli.run.running.in_process_run import Ended
from proofward.data.reading.records import Records
from proofward.engines.run_folder import private_of
from proofward.relations.rules.config import RoundConfig
from proofward.report.comparing.baselines import pooled
from proofward.report.figures.rows import Rows, shared
from proofward.report.handover.models.description import Description
from proofward.report.histograms.comparison import compared
from proofward.report.histograms.of_run import evaluations
from proofward.report.histograms.run_words import run_lines
from proofward.report.privacy_so_far import how_made
from proofward.report.run_page import FOLDER_NAME, NOT_ASKED, PAGE_NAME, write_page, write_private
from proofward.report.run_report import models

NUMBERS_NAME = "report.json"


def read_held_out(
    console: Console, project: Project, config: RoundConfig, path: Path, options: Mapping[str, Any]
) -> Records:
    """Records to judge the models on, however few; raises Refused with all that is wrong.

    What is doubtful is said and used: no hospital trains on it.
    """
    try:
        table = files_alike([path], options)[0].read(project.schema, config, training=False)
    except (Refused, OSError) as error:
        problems = error.problems if isinstance(error, Refused) else []
        lines = [f"{path}, held out: {line}" for line in problems or [str(error)]]
        raise Refused("nothing was run", lines) from error
    for line in described(table, project.schema)[1]:
        console.print(f"held out: {line}", markup=False, soft_wrap=True)
    for doubt in table.doubts:
        console.print(f"held out: used although {doubt.words}", markup=False, soft_wrap=True)
    return table.records


def rows_judged(description: Description, hospitals: Sequence[Records], held_out: Records | None) -> Rows:
    """The records that figures are of; held_out: None where there are none but the hospitals' own."""
    if held_out is None:
        return Rows(pooled(hospitals), description, trained_on=True)
    return Rows(held_out, description, shared=shared(held_out, hospitals))


def write_run_page(
    console: Console,
    folder: Path,
    outcome: Ended,
    description: Description,
    hospitals: Sequence[Records],
    held_out: Records | None,
    *,
    draw: bool,
) -> tuple[Path, dict[str, object]]:
    """Writes page, numbers and pictures; where the page is, and the numbers in plain values.

    held_out: None where there are none but the hospitals' own.
    """
    config, own = outcome.history.rules.config, private_of(folder) / FOLDER_NAME
    rows = rows_judged(description, hospitals, held_out)
    found = models(outcome.history, outcome.objects)
    evaluated = evaluations(outcome.history, outcome.objects, description.classes)
    title = outcome.history.rules.federation
    summary, missing = write_page(
        config.model,
        config.scales,
        found,
        rows,
        title=title,
        folder=own,
        private=own,
        draw=draw,
        made=how_made(outcome.history),
        evaluations=evaluated,
    )
    numbers = {**summary.to_plain(), "evaluations": [own.to_plain() for own in evaluated]}
    if evaluated:
        numbers["compared"] = compared(evaluated).to_plain()
    write_private(own, {NUMBERS_NAME: (json.dumps(numbers, indent=1) + "\n").encode()})
    last = summary.curves
    measures = f"accuracy {last.accuracy[-1]:.1%}, loss {last.loss[-1]:.3f}"
    if last.auc is not None:
        measures = f"AUC {last.auc[-1]:.3f}, {measures}"
    console.print(f"on {rows.words}: {measures}", markup=False, soft_wrap=True)
    for line in run_lines(evaluated):
        console.print(line, markup=False, soft_wrap=True)
    if missing and missing != NOT_ASKED:
        console.print(f"no pictures: {missing}", markup=False, soft_wrap=True)
    return own / PAGE_NAME, numbers
