"""What a run leaves in Python: its model, its history and its folder, and what is asked of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofward.api.place import Place
from proofward.api.refusals import ExportRefused, RunRefused, SettingsRefused, refusing
from proofward.api.results import AuditResult, Evaluation, Round
from proofward.cli.evidence.ledgers.audit import holds_ledger
from proofward.cli.project.consortium_file.project import Project
from proofward.cli.run.running.in_process_run import Ended
from proofward.cli.run.running.own_page import rows_judged
from proofward.data.columns.schema import Label, Notation, Schema
from proofward.data.image_schema import ImageSchema
from proofward.data.reading.records import Records
from proofward.data.reading.table_records import Table
from proofward.dossier.filing import file_report
from proofward.dossier.pdf import PdfUnavailable
from proofward.dossier.record.evidence import NoReport
from proofward.layers.rules.model import Int64Array
from proofward.report.audits.audit_summary import AuditSummary
from proofward.report.audits.run_audit import RunAudit
from proofward.report.figures.curves import curves
from proofward.report.figures.scores import real_scores
from proofward.report.handover.formats.agreement import Agreement
from proofward.report.handover.handed_model import KINDS, SUFFIXES, handed
from proofward.report.handover.models.exported_model import ExportedModel
from proofward.report.handover.models.model_source import Taken, followed_so_far, last_taken
from proofward.report.histograms.card_figures import ledger_figures
from proofward.report.histograms.of_run import Evaluation as RunEvaluation
from proofward.report.histograms.of_run import evaluations
from proofward.report.privacy_so_far import how_made
from proofward.report.run_page import PAGE_NAME, write_page
from proofward.report.run_report import models

REPORTS = (".html", ".pdf")
"""Ends of names of files that are reports to file, and no folders."""
NO_RECORDS = "a run's folder has no records of the training"


@dataclass(frozen=True)
class Fitted:
    """hospitals: the records of each. classes: what `predict` answers for each class.

    project: all that was agreed, None of a run that was opened. schema: how records are read. place: of the
    run. model: the last confirmed one.
    """

    project: Project | None
    schema: Schema | ImageSchema
    place: Place
    outcome: Ended
    model: ExportedModel
    hospitals: Mapping[str, Records]
    classes: NDArray[Any]

    @classmethod
    def opened(cls, folder: Path, label: str, decimal: str) -> Fitted:
        """What a run's folder, or a kit, has; raises RunRefused, SettingsRefused.

        label, decimal: how tables are written that it is evaluated on.
        """
        if not folder.is_dir():
            raise RunRefused(f"{folder} is no folder")
        with refusing(RunRefused):
            taken = last_taken(folder)
            history, objects = followed_so_far(folder)
        found = taken.model
        with refusing(SettingsRefused):
            schema = found.description.images or Schema(
                found.description.of_table, Notation(Label.of(label, found.description.classes), (), decimal)
            )
        outcome = Ended(history, objects, found.weights)
        classes = classes_of(found.description.classes, {})
        return cls(None, schema, Place(folder), outcome, found, {}, classes)

    @property
    def consortium(self) -> bytes:
        """Digest of the rules."""
        return self.outcome.history.rules.digest

    def models(self) -> list[Int64Array]:
        """The first model and the one after each round."""
        return models(self.outcome.history, self.outcome.objects)

    def evaluate(self, table: Table) -> Evaluation:
        """The last model on records that were read as a hospital's are."""
        own = self.model
        scores = real_scores(own.model, own.scales, own.weights, table.records)
        doubts = tuple(doubt.words for doubt in table.doubts)
        return Evaluation.of(scores, table.records, own.description.classes, doubts)

    def rounds(self) -> list[Round]:
        """From the first model on; raises RunRefused where the records of the training are not at hand."""
        if not self.hospitals:
            raise RunRefused(f"history: {NO_RECORDS}")
        rows = rows_judged(self.model.description, list(self.hospitals.values()), None)
        own, records = self.model, rows.records
        scores = [real_scores(own.model, own.scales, weights, records) for weights in self.models()]
        found = curves(scores, records.labels)
        summed: list[tuple[str, ...]] = [()]
        for state in self.outcome.history.trained:
            assert state.accepted is not None
            summed.append(tuple(state.accepted.record.hospitals))
        areas = found.auc or [None] * len(summed)
        each = zip(summed, found.loss, found.accuracy, areas, strict=True)
        return [Round(number, *entry) for number, entry in enumerate(each)]

    def evaluations(self) -> tuple[RunEvaluation, ...]:
        """Those of the federation itself, on the validation parts of its hospitals."""
        return evaluations(self.outcome.history, self.outcome.objects, self.model.description.classes)

    def audit(self) -> AuditResult:
        """Replays the folder; raises RunRefused where there is none any more."""
        folder = self.place.path
        if not folder.is_dir() or not holds_ledger(folder):
            raise RunRefused(f"{folder}: no ledger here")
        auditor = RunAudit(folder, None, self.consortium)
        verdicts = list(auditor.run())
        return AuditResult.of(AuditSummary(verdicts, auditor.history), self.consortium)

    def report(self, path: str | os.PathLike[str], held_out: Records | None, draw: bool) -> tuple[Path, str]:
        """The page in a folder, and why there are no pictures, "" where there are; raises RunRefused."""
        folder = Path(os.fspath(path))
        if folder.suffix.lower() in REPORTS:
            return self._file_report(folder, held_out), ""
        if held_out is None and not self.hospitals:
            raise RunRefused(f"report: {NO_RECORDS}: give records of nobody")
        if folder.exists() and not folder.is_dir():
            raise RunRefused(f"{folder} is no folder")
        if folder.is_dir() and any(folder.iterdir()) and not (folder / PAGE_NAME).exists():
            raise RunRefused(f"{folder} holds other files: name a folder that is new, or one with a report")
        rules, own = self.outcome.history.rules, self.model
        with refusing(RunRefused):
            _, missing = write_page(
                own.model,
                own.scales,
                self.models(),
                rows_judged(own.description, list(self.hospitals.values()), held_out),
                title=rules.federation,
                folder=folder,
                private=folder,
                draw=draw,
                made=how_made(self.outcome.history),
                evaluations=self.evaluations(),
            )
        return folder / PAGE_NAME, missing

    def _file_report(self, target: Path, held_out: Records | None) -> Path:
        """The report to file, which is of the run's record alone; raises RunRefused."""
        folder, as_pdf = self.place.path, target.suffix.lower() == ".pdf"
        if held_out is not None:
            raise RunRefused(f"{target}: a report to file is of the run's record alone: leave out x and y")
        if not folder.is_dir() or not holds_ledger(folder):
            raise RunRefused(f"{folder}: no ledger here")
        page = target.with_suffix(".html") if as_pdf else target
        with refusing(RunRefused):
            try:
                file_report(folder, page, self.consortium, pdf=as_pdf)
            except (NoReport, PdfUnavailable) as error:
                raise RunRefused(str(error)) from error
        return target

    @property
    def words(self) -> str:
        """What it is, how far it came and where it lies, in words."""
        hospitals, rounds = len(self.hospitals), len(self.outcome.history.closed)
        return f"{hospitals} hospitals, {self.model.model.words}, {rounds} rounds, run in {self.place.path}"

    def export(
        self, path: str | os.PathLike[str], to: str | None, which: str = "last"
    ) -> tuple[Path, Agreement | None]:
        """Writes the last or the best model; of a program, how far it is from it. Raises ExportRefused."""
        target = Path(os.fspath(path))
        kind = to or next((name for name, end in SUFFIXES.items() if target.suffix.lower() == end), "")
        if kind not in KINDS:
            kinds = ", ".join(sorted(KINDS))
            found = repr(to) if to else f"a file named {target.name}"
            raise ExportRefused(f"expected one of {kinds}, found {found}: name the format with to=")
        if not target.parent.is_dir():
            raise ExportRefused(f"{target}: there is no folder {target.parent}")
        if which not in ("last", "best"):
            raise ExportRefused(f"round: expected last or best, found {which!r:.80}")
        with refusing(ExportRefused):
            if which == "best":
                taken = last_taken(self.place.path, best=True)
            else:
                taken = Taken(self.model, self.outcome.history, self.outcome.objects)
            made = handed(taken, kind, target.name, figures=ledger_figures(taken))
            made.write(target)
        return target, made.agreement


def classes_of(names: tuple[str, ...], originals: Mapping[int, Any]) -> NDArray[Any]:
    """What `predict` answers: the labels' own values where they are known, else numbers, else the names."""
    if len(originals) == len(names):
        return np.array([originals[number] for number in range(len(names))])
    if all(name.isdecimal() for name in names):
        return np.array([int(name) for name in names])
    return np.array(names)
