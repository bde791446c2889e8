"""A federation on the tables of its hospitals, run as `proofward simulate` runs it."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from proofward.api.fitted import Fitted, classes_of
from proofward.api.held import HeldTable
from proofward.api.place import Place
from proofward.api.refusals import RunRefused, SettingsRefused, TablesRefused, refusing
from proofward.cli.common.console import make_console
from proofward.cli.common.kernels import load_kernels
from proofward.cli.kit.records.data_file import DataFile, described
from proofward.cli.project.consortium_file.project import Project
from proofward.cli.run.demo import check_folder
from proofward.cli.run.running.in_process_run import ended, run_in_process, write_outcome
from proofward.cli.run.simulate import description_of, forced_of, plan_of_project, read_tables
from proofward.data.columns.schema import folded
from proofward.data.reading.table_records import Table
from proofward.engines.remote.agreement.data_sheets import read_text
from proofward.engines.run_folder import Plan
from proofward.federation.messages.basics.texts import TextRefused, text_lines
from proofward.ledger.reading import NotReadable
from proofward.report.handover.models.model_source import last_model
from proofward.report.measurements import Measurements
from proofward.report.privacy_so_far import privacy_so_far

FORCING = "force=True"
MOST_WORKERS = 64


@dataclass(frozen=True)
class Manner:
    """How a federation runs, which changes nothing of what it comes to.

    folder: None for a temporary one. workers: see `InProcessFederation`. seed: None for what is random.
    """

    folder: str | os.PathLike[str] | None = None
    workers: int | None = None
    progress: bool = True
    seed: bytes | None = None

    def __post_init__(self) -> None:
        if self.workers is None:
            return
        if type(self.workers) is not int or not 1 <= self.workers <= MOST_WORKERS:
            found = repr(self.workers)
            raise SettingsRefused(f"workers: expected an integer in [1, {MOST_WORKERS}], found {found}")

    @classmethod
    def of(
        cls, folder: str | os.PathLike[str] | None, workers: int | None, progress: bool, seed: int | None
    ) -> Manner:
        """As keywords say it; raises SettingsRefused."""
        if folder is not None and not isinstance(folder, str | os.PathLike):
            raise SettingsRefused(f"folder: expected a path, found {folder!r:.80}")
        if seed is not None and not isinstance(seed, int | np.integer):
            raise SettingsRefused(f"seed: expected an integer, found {seed!r:.80}")
        return cls(folder, workers, progress, None if seed is None else f"proofward/api/{seed}".encode())

    @property
    def console(self) -> Console:
        """Where progress is printed."""
        return make_console() if self.progress else Console(quiet=True)

    def tell(self, *lines: str) -> None:
        """Prints lines, unless progress is not wanted."""
        for line in lines:
            self.console.print(line, markup=False, soft_wrap=True)


def train(
    project: Project,
    path: Path,
    sources: Mapping[str, DataFile],
    manner: Manner,
    force: bool,
    data_sheets: Mapping[str, Any] | None = None,
) -> Fitted:
    """Runs it to its end; raises SettingsRefused, TablesRefused, RunRefused.

    path: of the file that the project comes from. force: take what looks wrong. data_sheets: texts, or paths
    of files, by hospital.
    """
    with refusing(SettingsRefused):
        plan = plan_of_project(project, path)
    with refusing(TablesRefused):
        tables = read_tables(project, plan.config, sources, force, FORCING)
    sheets = sheets_of(data_sheets or {}, tables)
    for name, table in tables.items():
        manner.tell(f"{name}: {'; '.join(described(table, project.schema)[1])}")
        manner.tell(*(f"{name}: forced although {doubt.words}" for doubt in table.doubts))
    with refusing(RunRefused):
        place = Place(manner.folder)
        fitted = _run(project, plan, tables, place, manner, _classes(project, sources), sheets)
    manner.tell(*privacy_so_far(fitted.outcome.history))
    manner.tell(f"{len(fitted.outcome.history.closed)} rounds closed; run folder: {place.words}")
    return fitted


def sheets_of(given: Mapping[str, Any], hospitals: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The lines of hospitals' data sheets; raises TablesRefused."""
    found: dict[str, tuple[str, ...]] = {}
    for name, sheet in given.items():
        if name not in hospitals:
            raise TablesRefused(f"data_sheets: {name!r:.80} is no hospital: {', '.join(hospitals)}")
        if not isinstance(sheet, str | os.PathLike):
            kind = type(sheet).__name__
            raise TablesRefused(f"data_sheets: {name}: expected a text or a path, found {kind}")
        try:
            found[name] = text_lines(sheet) if isinstance(sheet, str) else read_text(Path(sheet), follow=True)
        except (TextRefused, NotReadable, UnicodeDecodeError) as error:
            words = "expected UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
            raise TablesRefused(f"data_sheets: {name}: {words}") from error
    return found


def _run(
    project: Project,
    plan: Plan,
    tables: Mapping[str, Table],
    place: Place,
    manner: Manner,
    classes: np.ndarray[Any, Any],
    sheets: Mapping[str, tuple[str, ...]],
) -> Fitted:
    if not place.temporary and check_folder(place.path, None):
        manner.tell(f"going on with {place.path}")
    load_kernels(manner.console)
    ran = run_in_process(
        manner.console,
        place.path,
        plan,
        {name: table.dataset for name, table in tables.items()},
        description_of(project),
        Measurements(),
        seed=manner.seed,
        workers=manner.workers,
        notes=forced_of(tables)[1],
        going_on=place.going_on,
        data_sheets=sheets,
    )
    outcome = ended(*ran)
    write_outcome(place.path, outcome)
    records = {name: table.records for name, table in tables.items()}
    return Fitted(project, project.schema, place, outcome, last_model(place.path), records, classes)


def _classes(project: Project, sources: Mapping[str, DataFile]) -> np.ndarray[Any, Any]:
    """What `predict` is to answer: the values that stand for the classes in tables that are held."""
    label, found = folded(project.notation.label.column), dict[int, Any]()
    for source in sources.values():
        if not isinstance(source, HeldTable):
            return classes_of(project.schema.classes, {})
        at = [folded(name) for name in source.held.names].index(label)
        found |= source.held.originals(at, project.notation.label)
    return classes_of(project.schema.classes, found)
