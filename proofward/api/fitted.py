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
from proofward.api.refusals import ExportRefused, RunRefused, TablesRefused, refusing
from proofward.api.results import AuditResult, Evaluation, Round
from proofward.api.sources import source_of
from proofward.cli.evidence.audit import holds_ledger
from proofward.cli.evidence.model import SUFFIXES
from proofward.cli.project.project import Project
from proofward.cli.run.in_process_run import Ended
from proofward.cli.run.own_page import rows_judged
from proofward.data.csv_records import Table
from proofward.data.records import Records
from proofward.data.schema import Notation
from proofward.layers.model import Int64Array
from proofward.ledger.files import write_file
from proofward.report.audit_summary import AuditSummary
from proofward.report.figures.curves import curves
from proofward.report.figures.scores import real_scores
from proofward.report.handover.agreement import Agreement
from proofward.report.handover.exported_model import ExportedModel
from proofward.report.handover.model_source import last_model
from proofward.report.handover.programs import written
from proofward.report.histograms.of_run import Evaluation as RunEvaluation
from proofward.report.histograms.of_run import evaluations
from proofward.report.run_audit import RunAudit
from proofward.report.run_page import PAGE_NAME, write_page
from proofward.report.run_report import models


@dataclass(frozen=True)
class Fitted:
    """hospitals: the records of each. classes: what `predict` answers for each class.

    project: all that was agreed. place: of the run. model: the last confirmed one.
    """

    project: Project
    place: Place
    outcome: Ended
    model: ExportedModel
    hospitals: Mapping[str, Records]
    classes: NDArray[Any]

    @property
    def consortium(self) -> bytes:
        """Digest of the rules."""
        return self.outcome.history.rules.digest

    def models(self) -> list[Int64Array]:
        """The first model and the one after each round."""
        return models(self.outcome.history, self.outcome.objects)

    def table(self, x: Any, y: Any, notation: Notation) -> Table:
        """Records to judge on, read as a hospital's are, however few; raises TablesRefused."""
        names = [entry.name for entry in self.project.features]
        source = source_of(x, y, notation, names)
        with refusing(TablesRefused):
            return source.read(self.project.schema, self.outcome.history.rules.config, training=False)

    def evaluate(self, table: Table) -> Evaluation:
        """The last model on records that were read as a hospital's are."""
        own = self.model
        scores = real_scores(own.model, own.scales, own.weights, table.records)
        doubts = tuple(doubt.words for doubt in table.doubts)
        return Evaluation.of(scores, table.records, own.description.classes, doubts)

    def rounds(self) -> list[Round]:
        """From the first model on."""
        rows = rows_judged(self.model.description, list(self.hospitals.values()), None)
        own, records = self.model, rows.records
        scores = [real_scores(own.model, own.scales, weights, records) for weights in self.models()]
        found = curves(scores, records.labels)
        summed: list[tuple[str, ...]] = [()]
        history = self.outcome.history
        for state in history.closed:
            if history.rules.counting_in(state.number) is not None:
                continue
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
                made=rules.config.training_words,
                evaluations=self.evaluations(),
            )
        return folder / PAGE_NAME, missing

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
        if kind not in SUFFIXES:
            kinds = ", ".join(sorted(SUFFIXES))
            found = repr(to) if to else f"a file named {target.name}"
            raise ExportRefused(f"expected one of {kinds}, found {found}: name the format with to=")
        if not target.parent.is_dir():
            raise ExportRefused(f"{target}: there is no folder {target.parent}")
        if which not in ("last", "best"):
            raise ExportRefused(f"round: expected last or best, found {which!r:.80}")
        with refusing(ExportRefused):
            model = self.model if which == "last" else last_model(self.place.path, best=True)
            data, agreement = written(model, kind)
            write_file(target, data, target.with_name(f".{target.name}.writing"), mode=0o644)
        return target, agreement


def classes_of(names: tuple[str, ...], originals: Mapping[int, Any]) -> NDArray[Any]:
    """What `predict` answers: the labels' own values where they are known, else numbers, else the names."""
    if len(originals) == len(names):
        return np.array([originals[number] for number in range(len(names))])
    if all(name.isdecimal() for name in names):
        return np.array([int(name) for name in names])
    return np.array(names)
