"""`proofward consortium check`: whether a consortium.toml is admissible, all that is wrong, its costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from proofward.cli.common.answering import JSON, answering
from proofward.cli.common.console import FLAW, OK, WrongThing, make_console, print_json
from proofward.cli.common.usual import PROJECT_FILE
from proofward.cli.kit.records.data_file import notation_options
from proofward.cli.project.inspected import ROWS_OPTION, project_costs
from proofward.cli.run.calibrate import BEYOND_OPTION, ROUNDS_OPTION, calibrated_on, consortium_file

if TYPE_CHECKING:
    from proofward.cli.project.consortium_file.project import Project


@click.command(name="check")
@click.argument("given", metavar="FILE|DIR", type=click.Path(exists=True, path_type=Path))
@ROWS_OPTION
@click.option("--data", metavar="PATH", type=click.Path(exists=True, path_type=Path),
              help="Sample, a CSV file or images, whose training shows the headroom of layers.")  # fmt: skip
@notation_options
@ROUNDS_OPTION
@BEYOND_OPTION
@JSON
@click.pass_context
def consortium_check(
    context: click.Context,
    /,
    given: Path,
    rows: int,
    data: Path | None,
    sample_rounds: int,
    beyond: float,
    as_json: bool,
    **options: Any,
) -> None:
    """Say whether the consortium.toml FILE, or the one in DIR, is admissible, and what its rounds cost.

    Says what is promised of records, and lists everything that is wrong, each with its place, what is
    expected and what was found, and where rounds could not be proved the values that would do. Rounds that
    count have costs of their own; where an outside model is evaluated and nobody trains there are no others.
    The costs are those of `proofward inspect`, and the headroom on a sample that of `proofward consortium
    calibrate`. Nothing is written. Exit code 1 when something is wrong or saturates on the sample, 2 when it
    is no consortium's file.
    """
    from proofward.cli.common.expected_kernels import expect_kernels
    from proofward.cli.project.consortium_file.reading import MAX_BYTES, read_whole_project
    from proofward.cli.project.counting_costs import (
        CountingCosts,
        counting_costs,
        counting_lines,
        plain_counting,
    )
    from proofward.cli.project.words.costs import cost_lines, plain_costs
    from proofward.cli.project.words.terms import options_in_words
    from proofward.cli.run.words.calibration import headroom_lines, plain_calibration, sample_line
    from proofward.federation.messages.consortium.thresholds import committees_in_words
    from proofward.layers.basics.errors import TrainingError

    path = consortium_file(given)
    expect_kernels()
    exactly = context.get_parameter_source("rows") == ParameterSource.COMMANDLINE
    costs = sample = None
    doubts, saturated, counts, promised = list[str](), list[str](), list[CountingCosts](), list[str]()
    drawn, others = list[str](), list[str]()
    with answering(as_json):
        project, found = read_whole_project(path)
        if project is None and b"[[site]]" not in path.read_bytes()[:MAX_BYTES]:
            raise WrongThing(f"{path} is no {PROJECT_FILE}: it names no [[site]]")
        problems = [str(problem) for problem in found]
        if project is not None:
            problems = _unagreeable(project, path)
            promised = [] if problems else _promised(project)
            try:
                if project.outside is None:
                    costs = project_costs(project, rows, exactly)
                counts = [] if problems else counting_costs(project, rows)
                if not problems:
                    rules = project.terms().check()
                    drawn, others = list(committees_in_words(rules)), options_in_words(rules)
            except TrainingError as error:
                problems.append(str(error))
            if data is not None and project.outside is not None:
                raise click.UsageError(f"--data: nobody trains by {path}, which has [outside_model]")
            if data is not None and not problems:
                sample, doubts = calibrated_on(project, path, data, options, sample_rounds, suggest=False)
                saturated = list(sample.today.problems(beyond))
    if costs is not None and costs.refusal is not None and not problems:
        problems.append(costs.refusal)
    if as_json:
        print_json({
            "admissible": not problems, "file": str(path), "problems": problems, "privacy": promised,
            "costs": None if costs is None else plain_costs(costs), "counting": plain_counting(counts),
            **({"committees": drawn} if drawn else {}), **({"options": others} if others else {}),
            **({} if data is None else {
                "sample": None if sample is None else {**plain_calibration(sample, beyond), "doubts": doubts},
            }),
        })  # fmt: skip
    else:
        console = make_console()
        verdict = f"NOT admissible, {len(problems)} to mend" if problems else "admissible"
        colour = "red" if problems else "green"
        console.print(f"{path}: {verdict}", markup=False, soft_wrap=True, style=colour)
        for line in problems:
            console.print(f"  {line}", markup=False, soft_wrap=True)
        for line in (*drawn, *others, *(f"  {words}" for words in promised)):
            console.print(line, markup=False, soft_wrap=True)
        for line in counting_lines(counts, alone=costs is None) if counts else ():
            console.print(line, markup=False, soft_wrap=True)
        for line in cost_lines(costs) if costs is not None else ():
            console.print(line, markup=False, soft_wrap=True)
        if sample is not None:
            lines = [*doubts, sample_line(sample), *headroom_lines(sample.today, sample)]
            lines += [f"PROBLEM  {line}" for line in saturated]
            console.print(*lines, sep="\n", markup=False, soft_wrap=True)
    raise SystemExit(FLAW if problems or saturated else OK)


def _promised(project: Project) -> list[str]:
    """What is promised of records by the terms of an admissible project, and what is not."""
    from proofward.cli.project.tables.privacy import delta_in_words
    from proofward.cli.project.words.terms import privacy_in_words

    return [*privacy_in_words(project.terms().check()), *delta_in_words(project.privacy)]


def _unagreeable(project: Project, path: Path) -> list[str]:
    """What keeps rounds from being proved, the terms from being made, or the first model from fitting."""
    from proofward.cli.project.consortium_file.first_model import read_first_model
    from proofward.cli.project.tables.table import ProjectError

    if project.outside is not None:
        try:
            project.terms()
        except ProjectError as error:
            return [str(error)]
        return []
    try:
        config = project.config()
    except ProjectError as error:
        return [str(error)]
    found = []
    try:
        project.terms()
    except ProjectError as error:
        found.append(str(error))
    if (chosen := project.first_model_beside(path)) is not None:
        try:
            read_first_model(chosen, config)
        except ProjectError as error:
            found.append(str(error))
    return found
