"""`proofward consortium calibrate`: fixed-point scales by what training on a sample reaches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from proofward.cli.common.answering import JSON, Refused, answering, tell
from proofward.cli.common.console import FLAW, WrongThing, make_console
from proofward.cli.common.usual import PROJECT_FILE
from proofward.cli.kit.records.data_file import files_alike, notation_options
from proofward.report.calibration_usual import MOST_BEYOND, ROUNDS

if TYPE_CHECKING:
    from proofward.cli.project.consortium_file.project import Project
    from proofward.report.calibrate import Calibration

NOT_PRIVATE = (
    "[scales] follows from the sample and is outside the privacy budget: let none of its records be enrolled"
)
ROUNDS_OPTION = click.option(
    "--sample-rounds", type=click.IntRange(1, 255), default=ROUNDS, show_default=True,
    help="Rounds of training on the sample.",
)  # fmt: skip
BEYOND_OPTION = click.option(
    "--beyond", type=click.FloatRange(0, 100), default=MOST_BEYOND, show_default=True, metavar="PERCENT",
    help="So much of a layer's values may saturate on the sample.",
)  # fmt: skip


@click.command(name="calibrate")
@click.argument("given", metavar="FILE|DIR", type=click.Path(exists=True, path_type=Path))
@click.option("--data", required=True, metavar="PATH", type=click.Path(exists=True, path_type=Path),
              help="Sample: a CSV file or images, as a hospital would give them.")  # fmt: skip
@notation_options
@ROUNDS_OPTION
@BEYOND_OPTION
@click.option("--write", is_flag=True,
              help="Put the suggested scales into [scales] of the file; nothing else changes.")  # fmt: skip
@JSON
def calibrate(
    given: Path, data: Path, sample_rounds: int, beyond: float, write: bool, as_json: bool, **options: Any
) -> None:
    """Train on a sample in float32 and in fixed point, and say what room the scales of FILE leave each layer.

    Suggests scales whose ranges hold what was reached, and compares accuracy and loss with float32. The
    sample is read as `enrol` reads it and nothing of it is kept; no value of a record is shown. With --write
    the scales tell whoever sees the file roughly how large values became. Exit code 1 when more saturates
    than may with the scales that the file then has.
    """
    from proofward.cli.common.kernels import load_kernels
    from proofward.cli.project.consortium_file.reading import opened_project
    from proofward.cli.project.consortium_file.toml_tables import require_unprovisioned
    from proofward.cli.project.consortium_file.written_scales import write_scales
    from proofward.cli.run.words.calibration import calibration_lines, plain_calibration

    path = consortium_file(given)
    with answering(as_json):
        if write:
            require_unprovisioned(path)
        project = opened_project(path)
        load_kernels(make_console(quiet=True))
        found, doubts = calibrated_on(project, path, data, options, sample_rounds)
        if write and found.suggested is None:
            raise Refused(f"{path} is not changed, no scales are suggested: {found.reason}")
        own = found.suggested if write and found.suggested is not None else found.today
        problems = list(own.problems(beyond))
        lines = [*doubts, *calibration_lines(found), *(f"PROBLEM  {line}" for line in problems)]
        if write and found.suggested is not None:
            write_scales(path, found.suggested.scales.to_dict())
            lines.append(f"{path}: [scales] has the suggested ones")
            lines += [NOT_PRIVATE] * (project.privacy is not None)
        plain = plain_calibration(found, beyond)
        did = {"did": "calibrated", "file": str(path), "written": write}
        tell({**did, **plain, "doubts": doubts, "problems": problems}, lines, as_json)
        if problems:
            raise SystemExit(FLAW)


def consortium_file(given: Path) -> Path:
    """The file, or that of the folder; raises WrongThing where there is none."""
    path = given / PROJECT_FILE if given.is_dir() else given
    if not path.is_file():
        raise WrongThing(f"{given} has no {PROJECT_FILE}")
    return path


def calibrated_on(
    project: Project, path: Path, data: Path, options: dict[str, Any], rounds: int, suggest: bool = True
) -> tuple[Calibration, list[str]]:
    """What a sample says of the scales of a completed project in the file `path`, and what is doubtful of it.

    Raises Refused with all that is wrong, TrainingError, OSError.
    """
    from dataclasses import replace

    from proofward.cli.project.consortium_file.first_model import read_first_model
    from proofward.cli.project.tables.table import ProjectError
    from proofward.data.reading.records import Records
    from proofward.data.reading.table_records import Table
    from proofward.federation.messages.basics.values import integers_from_bytes
    from proofward.layers.basics.errors import ConfigurationError
    from proofward.layers.rules.model import FixedPoint
    from proofward.models.scale_bits import ScaleBits
    from proofward.models.settings import Preset
    from proofward.relations.rules.config import RoundConfig
    from proofward.report.calibrate import FINE, Sample

    chosen, first = project.first_model_beside(path), None
    try:
        config = project.config()
        if chosen is not None:
            weights = project.object_of(read_first_model(chosen, config))
            first = integers_from_bytes(weights, project.setup.model.parameters)
    except ProjectError as error:
        raise Refused(f"{path}: {error}") from error
    file, tables = files_alike([data], options)[0], dict[FixedPoint, Table]()

    def read(scales: FixedPoint) -> Records:
        if scales not in tables:
            tables[scales] = file.at_scales(project.schema, scales)
        return tables[scales].records

    def rules_of(setup: Preset) -> RoundConfig:
        if setup is project.setup:
            return config
        settings = replace(project.settings, scales=ScaleBits.of(setup.scales))
        try:
            return replace(project, settings=settings).completed().config()
        except ProjectError as error:
            raise ConfigurationError("scales", "scales of which every round can be proved", error) from error

    read(FINE)
    doubts = [f"doubtful: {doubt.words}" for doubt in tables[FINE].doubts]
    sample = Sample(
        project.setup, read, rules_of, first=first, largest_feature=_largest(project), rounds=rounds
    )
    return sample.calibration(suggest), doubts


def _largest(project: Project) -> float:
    """The largest feature that images can have; of tables, rows and frozen networks only records say."""
    if project.images is None or project.images.row is not None or project.images.frozen is not None:
        return 0.0
    levels = project.images.levels
    pairs = zip(levels.centre, levels.spread, strict=True)
    return max(abs(end - centre) / spread for centre, spread in pairs for end in (0.0, 1.0))
