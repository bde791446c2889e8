"""`proofward consortium statistics`: centre, spread, quantiles and distributions across hospitals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from proofward.cli.common.answering import Refused, answering
from proofward.cli.common.console import make_console, print_json
from proofward.cli.common.engine import ENGINE
from proofward.cli.kit.records.data_file import notation_options
from proofward.cli.run.calibrate import consortium_file
from proofward.engines.operations.suggestions import command
from proofward.statistics.limits import MOST_BINS, MOST_LEAST, USUAL_BINS, USUAL_LEAST

if TYPE_CHECKING:
    from rich.console import Console

    from proofward.report.statistics_source import Summed

HOW = "--data for tables that are here, --kits for sites of their own, or --from for a ledger of either"


@click.command(name="statistics")
@click.argument("given", metavar="FILE|DIR", type=click.Path(exists=True, path_type=Path))
@click.option("--data", "tables", multiple=True, metavar="[SITE=]PATH",
              help="A hospital's table; once a hospital, in the order of the file's sites or with the site's "
              "name. All are counted in this process.")  # fmt: skip
@click.option("--kits", is_flag=True,
              help="Make a start-up kit for every site, in DIR/statistics, to count with.")  # fmt: skip
@click.option("--from", "source", type=click.Path(exists=True, path_type=Path), metavar="RUN|KIT",
              help="Say what was counted: a run's folder, or a kit of those that --kits made.")  # fmt: skip
@notation_options
@click.option("--bins", type=click.Choice([1 << bits for bits in range(1, MOST_BINS.bit_length())]),
              default=USUAL_BINS, show_default=True, help="Equal intervals in the range of a column.")
@click.option("--least-count", type=click.IntRange(1, MOST_LEAST), default=USUAL_LEAST, show_default=True,
              help="A hospital withholds counts below it, and sums of fewer values.")  # fmt: skip
@click.option("--run", "chosen", type=click.Path(path_type=Path), metavar="DIR",
              show_default="a new dated one", help="With --data: folder to write, or an interrupted run.")
@click.option("--workers", type=click.IntRange(1, 64), show_default="the cores and one, as memory allows",
              help="With --data: members that work at a time.")  # fmt: skip
@click.option("--write", is_flag=True,
              help="Put centres and spreads into FILE, and which ledger they come from.")  # fmt: skip
@ENGINE
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document; progress goes elsewhere.")
def statistics(
    given: Path,
    tables: tuple[str, ...],
    kits: bool,
    source: Path | None,
    bins: int,
    least_count: int,
    chosen: Path | None,
    workers: int | None,
    write: bool,
    engine_name: str,
    as_json: bool,
    **options: Any,
) -> None:
    """Count the columns of FILE across all hospitals before training, under the encryption of training.

    FILE is a consortium.toml whose columns need neither centre nor spread yet. Each hospital counts its own
    table and encrypts; only sums over hospitals are opened, and they are said with their precision. What is
    counted says something of the hospitals' patients together, and all members see it. Exit code 1 when a
    table cannot be read or the counting does not finish.
    """
    if bool(tables) + kits + (source is not None) != 1:
        raise click.UsageError(f"expected one of {HOW}")
    path, console = consortium_file(given), make_console(as_json)
    if kits:
        if write:
            raise click.UsageError("--write goes with --data and --from: there are no sums yet")
        from proofward.cli.project.statistics_kits import make_kits

        with answering(as_json):
            make_kits(path, bins, least_count, engine_name, as_json)
        return
    with answering(as_json):
        if write:
            from proofward.cli.project.consortium_file.toml_tables import require_unprovisioned

            require_unprovisioned(path, "centres and spreads")
        if source is not None:
            summed, folder = _counted_before(path, source), source
        else:
            folder, summed = _counted_here(
                console, path, tables, options, bins=bins, least_count=least_count, chosen=chosen,
                workers=workers,
            )  # fmt: skip
        _tell(path, summed, folder, write, as_json)


def _counted_before(path: Path, source: Path) -> Summed:
    from proofward.cli.project.statistics_terms import statistics_project
    from proofward.data.columns.statistics_layout import unscaled
    from proofward.report.statistics_source import StatisticsMissing, read_statistics

    project = statistics_project(path)
    try:
        summed = read_statistics(source)
    except (StatisticsMissing, ValueError) as error:
        raise Refused(f"{source}: {error}") from error
    if summed.found.schema != unscaled(project.schema):  # type: ignore[arg-type]
        raise Refused(f"{source} has statistics of other columns than {path} names")
    return summed


def _counted_here(
    console: Console,
    path: Path,
    tables: Sequence[str],
    options: dict[str, Any],
    *,
    bins: int,
    least_count: int,
    chosen: Path | None,
    workers: int | None,
) -> tuple[Path, Summed]:
    from proofward.cli.common.kernels import load_kernels
    from proofward.cli.kit.records.data_file import files_alike
    from proofward.cli.project.statistics_terms import statistics_layout, statistics_project
    from proofward.cli.run.demo import check_folder, run_folder
    from proofward.cli.run.running.in_process_run import Unfinished
    from proofward.cli.run.running.statistics_run import count_in_process, read_all
    from proofward.cli.run.simulate import hospital_files

    folder = run_folder(chosen)
    check_folder(folder, None)
    project = statistics_project(path)
    layout = statistics_layout(project, bins, least_count)
    paths = hospital_files(project, tables)
    files = dict(zip(paths, files_alike(list(paths.values()), options), strict=True))
    values = read_all(files, project)
    load_kernels(console)
    try:
        return folder, count_in_process(console, folder, project, layout, values, workers)
    except Unfinished as error:
        raise Refused(f"the counting did not finish: {error}; the run folder is {folder}") from error


def _tell(path: Path, summed: Summed, folder: Path, write: bool, as_json: bool) -> None:
    from proofward.cli.project.consortium_file.written_statistics import constants_of, write_statistics
    from proofward.cli.run.words.statistics import hospital_lines, plain_statistics, statistics_lines

    lines = [*statistics_lines(summed.found), *hospital_lines(summed)]
    lines.append(f"ledger {summed.root.hex()}{_audited(folder)}")
    if write:
        write_statistics(path, constants_of(summed.found), summed.root)
        lines.append(f"{path} has these centres and spreads, and in [statistics] the ledger's root")
    if as_json:
        print_json({
            "did": "counted", "file": str(path), "from": str(folder), "ledger": summed.root.hex(),
            "hospitals": list(summed.in_all), "written": write,
            "sums": {step: list(names) for step, names in summed.hospitals.items()},
            **plain_statistics(summed.found),
        })  # fmt: skip
        return
    console = make_console()
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def _audited(folder: Path) -> str:
    """How the ledger is audited, where this folder has it: a member's kit has what it followed of it."""
    from proofward.report.handover.models.model_source import NotASource, ledger_of

    try:
        place = ledger_of(folder)
    except NotASource:
        return ""
    return f"; audit it with: {command('audit', folder if place.parent == folder else place)}"
