"""`proofward simulate`: in one process what a consortium's sites would run, from its file and their data."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from proofward.cli.common.answering import Refused, answering, tell
from proofward.cli.common.console import FLAW, make_console, print_json
from proofward.cli.kit.records.data_file import DataFile, described, files_alike, notation_options
from proofward.engines.operations.suggestions import command

FORCED_NAME = "forced.json"
"""In the run's folder: what spoke against the records that were forced, by hospital, without a count."""

if TYPE_CHECKING:
    from proofward.cli.project.consortium_file.project import Project
    from proofward.data.reading.table_records import Table
    from proofward.engines.run_folder import Plan
    from proofward.relations.rules.config import RoundConfig
    from proofward.report.handover.models.description import Description


@click.command()
@click.argument("project_file", metavar="CONSORTIUM.TOML",
                type=click.Path(exists=True, dir_okay=False, path_type=Path))  # fmt: skip
@click.option("--data", "given", multiple=True, required=True, metavar="[SITE=]PATH",
              help="A hospital's CSV or images; once a hospital, in the order of the file's sites "
              "or with the site's name.")  # fmt: skip
@notation_options
@click.option("--force", is_flag=True,
              help="Go on with what can be read but looks wrong; DIR/forced.json says so.")  # fmt: skip
@click.option("--run", "chosen", type=click.Path(path_type=Path), metavar="DIR",
              show_default="a new dated one",
              help="Folder to write, or an interrupted run to go on with.")  # fmt: skip
@click.option("--held-out", type=click.Path(exists=True, path_type=Path), metavar="PATH",
              help="Records of nobody, written like those of --data, on which the models are judged.",
              show_default="those of --data, which says less")  # fmt: skip
@click.option("--publish", multiple=True, metavar="SITE",
              help="A hospital that publishes its own counts of evaluations; may be repeated.")  # fmt: skip
@click.option("--outside-model", "outside", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              metavar="FILE.onnx", help="Of a consortium with [outside_model]: that model.")  # fmt: skip
@click.option("--data-sheet", "sheets", multiple=True, metavar="SITE=FILE",
              help="What a hospital says of its records, as `enrol --data-sheet` takes it: it is on the "
              "ledger, for all to read.")  # fmt: skip
@click.option("--no-plot", is_flag=True, help="Write no pictures.")
@click.option("--workers", type=click.IntRange(1, 64), show_default="the cores and one, as memory allows",
              help="Members that work at a time; they share the cores.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document; progress goes elsewhere.")
def simulate(
    project_file: Path,
    given: tuple[str, ...],
    force: bool,
    chosen: Path | None,
    held_out: Path | None,
    publish: tuple[str, ...],
    outside: Path | None,
    sheets: tuple[str, ...],
    no_plot: bool,
    workers: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Run CONSORTIUM.TOML in this process, with the rules and the readers that `start` has on NVIDIA FLARE.

    Every update is proved, encrypted, summed and recorded. The folder passes `proofward audit`, and
    `proofward model export` takes the model from it. Exit code 1 when a file is refused or the federation
    does not finish.
    """
    from proofward.cli.common.kernels import load_kernels
    from proofward.cli.run.demo import check_folder, run_folder

    console = make_console(as_json)
    folder = run_folder(chosen)
    resumed = check_folder(folder, None)

    from proofward.cli.project.consortium_file.reading import opened_project
    from proofward.cli.run.running.in_process_run import Unfinished, ended, run_in_process, write_outcome
    from proofward.cli.run.running.named_sheets import named_sheets
    from proofward.cli.run.running.own_page import read_held_out, write_run_page
    from proofward.report.measurements import Measurements
    from proofward.report.privacy_so_far import privacy_so_far

    with answering(as_json):
        project = opened_project(project_file)
        load_kernels(console)
        plan = plan_of_project(project, project_file)
        paths = hospital_files(project, given)
        if strange := sorted(set(publish) - set(paths)):
            raise click.UsageError(f"--publish: {strange[0]} is no hospital of {project_file}")
        said = named_sheets(sheets, paths)
        files = dict(zip(paths, files_alike(list(paths.values()), options), strict=True))
        if project.outside is not None:
            from proofward.cli.run.simulate_outside import outside_vectors, simulate_outside

            vectors, named = outside_vectors(project, plan, outside, files, force), description_of(project)
            told = simulate_outside(
                console, folder, plan, vectors, named, workers=workers, publishing=publish, sheets=said
            )
            tell(*told, as_json)
            return
        if outside is not None:
            raise click.UsageError(f"--outside-model: {project_file} has no [outside_model]")
        tables = read_tables(project, plan.config, files, force)
        others = None
        if held_out is not None:
            others = read_held_out(console, project, plan.config, held_out, options)
    for name, table in tables.items():
        lines = described(table, project.schema)[1]
        _say(console, f"{name}: {paths[name]}: {lines[0]}", *lines[1:])
        _say(console, *(f"forced although {doubt.words}" for doubt in table.doubts))
    if resumed:
        _say(console, f"going on with {folder}")
    forced, notes = forced_of(tables)
    datasets = {name: table.dataset for name, table in tables.items()}
    start, description = time.perf_counter(), description_of(project)
    try:
        ran = run_in_process(
            console, folder, plan, datasets, description, Measurements(), workers=workers, notes=notes,
            publishing=publish, data_sheets=said,
        )  # fmt: skip
        outcome = ended(*ran)
    except Unfinished as error:
        _say(console, f"the federation did not finish: {error}")
        if as_json:
            print_json({"run": str(folder), "finished": False, "reason": str(error)})
        raise SystemExit(FLAW) from error
    write_outcome(folder, outcome)
    history = outcome.history
    hospitals = [table.records for table in tables.values()]
    page, judged = write_run_page(console, folder, outcome, description, hospitals, others, draw=not no_plot)
    _say(console, f"{len(history.closed)} rounds closed, {time.perf_counter() - start:.1f} s")
    _say(console, *privacy_so_far(history))
    _say(console, f"what the model does, which stays here: {page}")
    _say(console, f"run folder: {folder}", f"audit it with: {command('audit', folder)}")
    _say(console, f"take the model home with: {command('model', 'export', folder, '--to', 'safetensors')}")
    if as_json:
        rows = {name: len(table.records) for name, table in tables.items()}
        print_json({"run": str(folder), "finished": True, "consortium": history.rules.digest.hex(),
                    "model": history.model.hex(), "rounds": len(history.closed), "rows": rows,
                    "forced": forced, "page": str(page), "judged": judged})  # fmt: skip


def description_of(project: Project) -> Description:
    """What inputs and outputs of the model mean."""
    from proofward.report.handover.models.description import Description

    if project.images is not None:
        return Description.of_images(project.images)
    return Description.of(project.features, project.notation.label.classes)


def _say(console: Console, *lines: str) -> None:
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def plan_of_project(project: Project, path: Path) -> Plan:
    """What the terms of the project in the file `path` agree on; raises Refused, OSError."""
    from proofward.cli.project.consortium_file.first_model import read_first_model
    from proofward.cli.project.tables.table import ProjectError
    from proofward.engines.remote.agreement.plan import plan_of
    from proofward.federation.messages.basics.values import integers_from_bytes

    chosen = project.first_model_beside(path)
    try:
        data = b"" if chosen is None else read_first_model(chosen, project.config())
        model = project.object_of(data)
        terms = project.terms(model)
    except ProjectError as error:
        raise Refused(f"{path}: {error}") from error
    weights = integers_from_bytes(model, project.setup.model.parameters) if model else None
    return plan_of(terms, weights)


def hospital_files(project: Project, given: Sequence[str]) -> dict[str, Path]:
    """A file for each hospital: NAME=FILE, the others in the order of the project's sites.

    Raises UsageError.
    """
    from proofward.federation.messages.consortium.rules import HOSPITAL

    names = [site.name for site in project.sites if HOSPITAL in site.roles]
    found: dict[str, Path] = {}
    in_order = []
    for word in given:
        name, sign, file = word.partition("=")
        if not (sign and name in names):
            in_order.append(word)
        elif name in found:
            raise click.UsageError(f"--data: two files for {name}")
        else:
            found[name] = Path(file)
    open_names = [name for name in names if name not in found]
    if len(in_order) != len(open_names):
        expected = f"a file for each of {', '.join(names)}"
        raise click.UsageError(f"--data: expected {expected}, found {len(given)}")
    found.update({name: Path(file) for name, file in zip(open_names, in_order, strict=True)})
    for path in found.values():
        if not (path.is_file() or (path.is_dir() and project.images is not None)):
            raise click.UsageError(f"--data: {path} is no file" + (" or folder" if project.images else ""))
    return {name: found[name] for name in names}


def forced_of(tables: Mapping[str, Table]) -> tuple[dict[str, list[str]], dict[str, bytes]]:
    """What spoke against records that were forced, by hospital; and the run's file that says so, if any."""
    from proofward.data.reading.plausibility import short_doubts

    forced = {name: kept for name, table in tables.items() if (kept := short_doubts(table.doubts))}
    return forced, {FORCED_NAME: (json.dumps(forced, indent=1) + "\n").encode()} if forced else {}


def read_tables(
    project: Project,
    config: RoundConfig,
    files: Mapping[str, DataFile],
    force: bool = False,
    forcing: str = "--force",
) -> dict[str, Table]:
    """Every hospital's records, read as `enrol` reads them; raises Refused with what is wrong in any file.

    forcing: how one says that what is doubtful is to be taken.
    """
    from proofward.layers.basics.errors import TrainingError
    from proofward.relations.proofs.measure import check_provable

    tables: dict[str, Table] = {}
    problems: list[str] = []
    for name, file in files.items():
        where = f"{file.path} of {name}"
        try:
            table = tables[name] = file.read(project.schema, config)
            check_provable(config, len(table.records))
        except Refused as error:
            problems += [f"{where}: {line}" for line in error.problems or [str(error)]]
        except (TrainingError, OSError) as error:
            problems.append(f"{where}: {error}")
        else:
            problems += [f"{where}: {doubt.words}; {forcing} goes on" for doubt in table.doubts if not force]
    if problems:
        raise Refused("nothing was run", problems)
    return tables
