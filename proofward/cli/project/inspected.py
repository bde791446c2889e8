"""What `proofward inspect` and `consortium check` look at: a consortium, a preset, or a network's file."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from proofward.cli.common.answering import Refused
from proofward.cli.common.console import WrongThing
from proofward.cli.common.usual import HOSPITALS, PRESET, ROWS
from proofward.engines.operations.suggestions import command

if TYPE_CHECKING:
    from proofward.cli.project.consortium_file.project import Project
    from proofward.models.costs.inspection import Inspection
    from proofward.models.settings import Preset

TORCH, ONNX = ".pt2", ".onnx"

ROWS_OPTION = click.option(
    "--rows", type=click.IntRange(1), default=ROWS, show_default=True,
    help="Records of the hospital whose round it is; by itself the nearest number that is admitted.",
)  # fmt: skip
TRAINING_OPTION = click.option(
    "--training", metavar="NAME|FILE", default=PRESET, show_default=True,
    help="Preset with the training of a network's file, which has none.",
)  # fmt: skip


def project_costs(project: Project, rows: int, exactly: bool) -> Inspection:
    """Of a completed project; raises TrainingError."""
    from proofward.cli.project.tables.table import ProjectError
    from proofward.models.costs.inspection import inspect

    try:
        config = project.config()
    except ProjectError:
        config = None
    return inspect(
        project.setup,
        holders=project.holding[0],
        threshold=project.holding[1],
        rows=rows,
        exactly=exactly,
        config=config,
    )


def costs_of(given: str, training: str, rows: int, exactly: bool) -> Inspection:
    """Of a consortium's or a preset's file, a preset's name, or a network's file.

    Raises WrongThing for anything else, Refused for what is damaged, TrainingError.
    """
    from proofward.cli.project.consortium_file.reading import opened_project
    from proofward.federation.messages.consortium.usual import usual_threshold
    from proofward.models.costs.inspection import inspect

    path = Path(given)
    if path.suffix.lower() == ".toml" and path.is_file() and _names_sites(path):
        project = opened_project(path)
        if project.outside is not None:
            words = f"{path} has [outside_model], so that nobody trains; what its evaluation costs is said by"
            raise Refused(f"{words} {command('consortium', 'check', path)}")
        return project_costs(project, rows, exactly)
    setup = _network_file(path, training) if path.suffix.lower() in (TORCH, ONNX) else _preset(given)
    threshold = usual_threshold(HOSPITALS)
    return inspect(setup, holders=HOSPITALS, threshold=threshold, rows=rows, exactly=exactly)


def _names_sites(path: Path) -> bool:
    """Whether a file is a consortium's: a preset's has no sites."""
    try:
        with path.open("rb") as file:
            return "site" in tomllib.load(file)
    except (ValueError, RecursionError):
        return b"[[site]]" in path.read_bytes()[: 1 << 22]


def _preset(given: str) -> Preset:
    from proofward.layers.basics.errors import ConfigurationError
    from proofward.models.presets import PRESET_FILES, read_preset

    if given in PRESET_FILES:
        return PRESET_FILES[given].preset
    path = Path(given)
    if not path.is_file():
        names = ", ".join(PRESET_FILES)
        raise WrongThing(f"{given}: expected a file, or the name of a preset: {names}")
    if path.suffix.lower() != ".toml":
        raise WrongThing(f"{given}: not a proof file")
    try:
        return read_preset(path).preset
    except ConfigurationError as error:
        raise Refused(f"{given}: {error}") from error


def _network_file(path: Path, training: str) -> Preset:
    """An imported network, with the training of a preset."""
    from proofward.models.graph.onnx.from_onnx import from_onnx
    from proofward.models.graph.parts.refusals import ImportRefused
    from proofward.models.graph.torch.from_torch import from_pt2

    if not path.is_file():
        raise WrongThing(f"{path}: no such file")
    read = from_pt2 if path.suffix.lower() == TORCH else from_onnx
    try:
        return replace(_preset(training), name=path.name, summary="", model=read(path).model)
    except ImportRefused as error:
        raise Refused(f"{path} is not taken in:", error.problems) from error
