"""`proofward simulate` of a consortium that evaluates an outside model: one round, in which all count."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click
from rich.console import Console

from proofward.cli.common.answering import Refused
from proofward.cli.kit.records.data_file import DataFile
from proofward.cli.kit.records.scored_file import outside_counts
from proofward.cli.project.consortium_file.project import Project
from proofward.cli.run.running.in_process_run import Unfinished, ended, run_in_process, write_outcome
from proofward.engines.operations.suggestions import command
from proofward.engines.run_folder import Plan
from proofward.federation.messages.basics.values import Signed
from proofward.federation.parties.equipment.counting import CountingTask, CountSource
from proofward.relations.scores.score_counting import layout_in
from proofward.report.handover.models.description import Description
from proofward.report.histograms.of_run import evaluations
from proofward.report.histograms.run_words import run_lines
from proofward.report.measurements import Measurements


def outside_vectors(
    project: Project, plan: Plan, model: Path | None, files: Mapping[str, DataFile], force: bool
) -> dict[str, Signed]:
    """What each hospital counts; raises Refused with what is wrong in any file, UsageError with no model."""
    if model is None:
        raise click.UsageError("--outside-model: consortium.toml has [outside_model], so name the ONNX file")
    layout = layout_in(plan.counting[0])
    assert layout is not None
    found, problems = dict[str, Signed](), list[str]()
    for name, file in files.items():
        where = f"{file.path} of {name}"
        try:
            table, found[name] = outside_counts(model, project.schema, file, layout)
        except Refused as error:
            problems += [f"{where}: {line}" for line in error.problems or [str(error)]]
        else:
            doubts = [] if force else table.doubts
            problems += [f"{where}: {doubt.words}; --force goes on" for doubt in doubts]
    if problems:
        raise Refused("nothing was run", problems)
    return found


def simulate_outside(
    console: Console,
    folder: Path,
    plan: Plan,
    vectors: Mapping[str, Signed],
    description: Description,
    *,
    workers: int | None,
    publishing: tuple[str, ...],
    sheets: Mapping[str, tuple[str, ...]],
) -> tuple[dict[str, object], list[str]]:
    """Runs it; the outcome as a document and as lines. Raises Refused, UsageError."""
    sources = {name: _giving(counts) for name, counts in vectors.items()}
    try:
        outcome = ended(
            *run_in_process(
                console, folder, plan, {}, description, Measurements(), workers=workers,
                publishing=publishing, counts=sources, data_sheets=sheets,
            )
        )  # fmt: skip
    except Unfinished as error:
        raise Refused(f"the federation did not finish: {error}") from error
    write_outcome(folder, outcome)
    found = evaluations(outcome.history, outcome.objects, description.classes)
    plain: dict[str, object] = {
        "run": str(folder), "finished": True, "consortium": outcome.history.rules.digest.hex(),
        "rounds": len(outcome.history.closed), "evaluations": [own.to_plain() for own in found],
    }  # fmt: skip
    lines = [*run_lines(found), f"run folder: {folder}", f"audit it with: {command('audit', folder)}"]
    return plain, [*lines, f"all figures and pictures: {command('evaluate', folder, '--out', 'evaluation')}"]


def _giving(counts: Signed) -> CountSource:
    def count(task: CountingTask) -> Signed:
        return counts

    return count
