"""The evaluations in the ledger of a run's folder or of a kit."""

from __future__ import annotations

from pathlib import Path

import click

from proofward.cli.common.answering import Refused, tell
from proofward.cli.evidence.models.evaluation_page import PAGE_NAME, EvaluationPage
from proofward.layers.basics.errors import TrainingError
from proofward.report.handover.models.model_source import NoModel, NotASource, opened_source
from proofward.report.handover.models.two_forms import plain
from proofward.report.histograms.comparison import compared
from proofward.report.histograms.of_run import evaluations
from proofward.report.histograms.run_words import drawn_last, run_lines, run_sections


def evaluated_run(source: Path, features: Path | None, out: Path | None, as_json: bool) -> None:
    """Tells and writes them; raises Refused, UsageError and what reading a ledger raises."""
    try:
        history, objects, described = opened_source(source, features)
        found = evaluations(history, objects, described.classes)
    except NotASource as error:
        raise click.UsageError(str(error)) from error
    except (NoModel, TrainingError) as error:
        raise Refused(f"{source}: {error}") from error
    if not found:
        words = "no evaluation is closed yet" if history.rules.counting else "its rules have no [validation]"
        raise Refused(f"{source}: {words}")
    document: dict[str, object] = {
        "consortium": history.rules.digest.hex(),
        "evaluations": [own.to_plain() for own in found],
        "compared": compared(found).to_plain(),
    }
    pictures: tuple[str, ...] = ()
    lines = list(run_lines(found))
    if out is not None:
        title = plain(history.rules.federation)
        page = EvaluationPage(title, lambda: drawn_last(found), lambda drawn: run_sections(found, drawn))
        pictures, missing = page.write(out, document)
        lines.append(f"{out / PAGE_NAME}: the page")
        lines += [f"no pictures: {missing}"] if missing else []
    said = {"did": "evaluated", "folder": str(out) if out else None, "pictures": list(pictures)}
    tell({**said, **document}, lines, as_json)
