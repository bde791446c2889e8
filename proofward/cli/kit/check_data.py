"""`proofward check-data`: what `enrol` would say of a file, without a kit and without taking anything in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from proofward.cli.common.answering import JSON, Refused, answering, opened, tell
from proofward.cli.common.console import FLAW, KitPath
from proofward.cli.kit.records.data_file import data_file, data_options, described, schema_of

if TYPE_CHECKING:
    from proofward.data.columns.schema import Schema
    from proofward.data.image_schema import ImageSchema
    from proofward.relations.rules.config import RoundConfig


@click.command(name="check-data")
@click.argument("where", metavar="KIT_OR_TOML", type=KitPath(file_okay=True))
@data_options
@JSON
def check_data(where: Path, as_json: bool, **options: Any) -> None:
    """Look at a hospital's records or images as `enrol` would, and keep nothing of them.

    KIT_OR_TOML is a start-up kit or a consortium.toml. All that is wrong is listed at once, with counts, rows
    and columns, and without a value. Exit code 1 when `enrol` would not take the file in.
    """
    with answering(as_json):
        schema, config = _agreed(where)
        file = data_file(options)
        table = file.read(schema, config)
        plain, lines = described(table, schema)
        lines = [f"{file.path}: {lines[0]}", *lines[1:]]
        for doubt in table.doubts:
            lines.append(f"doubtful: {doubt.words}")
        lines.append("enrol would refuse this" if table.doubts else "enrol would take this in")
        tell({"did": "checked", **plain}, lines, as_json)
        if table.doubts:
            raise SystemExit(FLAW)


def _agreed(where: Path) -> tuple[Schema | ImageSchema, RoundConfig]:
    """What was agreed in a kit or is proposed in a project file; raises Refused, KitError, HomeError."""
    if where.is_dir():
        home = opened(where)
        return schema_of(home), home.terms.round_config
    from proofward.cli.common.expected_kernels import expect_kernels
    from proofward.cli.project.consortium_file.reading import opened_project
    from proofward.cli.project.tables.table import ProjectError

    expect_kernels()
    try:
        project = opened_project(where)
        return project.schema, project.config()
    except ProjectError as error:
        raise Refused(f"{where}: {error}") from error
