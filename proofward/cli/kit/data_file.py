"""A hospital's CSV file as commands take it: how it is written, what is wrong with it, what it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from proofward.cli.common.answering import Refused
from proofward.data.schema import DECIMALS, FEATURES_NAME, FeaturesInvalid, Schema

if TYPE_CHECKING:
    from proofward.data.csv_records import Table
    from proofward.engines.remote.agreement.home import Home
    from proofward.relations.config import RoundConfig

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}
_OPTIONS = (
    click.option("--data", required=True, metavar="FILE", help="CSV with a header; columns in any order.",
                 type=click.Path(exists=True, dir_okay=False, path_type=Path)),
    click.option("--label", metavar="COLUMN", help="The column with the label, if it has another name here."),
    click.option("--delimiter", type=click.Choice(sorted(DELIMITERS)), help="What parts the cells.",
                 show_default="comma; semicolon with decimal commas"),
    click.option("--decimal", type=click.Choice(sorted(DECIMALS.values())), help="The mark in numbers.",
                 show_default="the consortium's"),
)  # fmt: skip


@dataclass(frozen=True)
class DataFile:
    """A file, and in what it differs from the consortium's notation; "" where it does not."""

    path: Path
    label: str = ""
    delimiter: str = ""
    decimal: str = ""

    def read(self, schema: Schema, config: RoundConfig) -> Table:
        """Its records; raises Refused with all that is wrong."""
        from proofward.data.csv_problems import CsvRefused
        from proofward.data.csv_records import read_csv

        width = config.model.features
        if len(schema.features) != width:
            words = f"{len(schema.features)} features, but the model has {width}: ask the coordinator"
            raise Refused(words)
        notation = schema.notation
        if self.label:
            notation = replace(notation, label=replace(notation.label, column=self.label))
        if self.decimal:
            mark = next(mark for mark, name in DECIMALS.items() if name == self.decimal)
            notation = replace(notation, decimal=mark)
        delimiter = DELIMITERS[self.delimiter] if self.delimiter else notation.delimiter
        own = replace(schema, notation=notation)
        try:
            table = read_csv(self.path, own, config.scales, delimiter=delimiter, least_rows=config.least_rows)
        except CsvRefused as error:
            raise Refused(f"{self.path}: nothing was taken in", error.problems) from error
        config.check_rows(len(table.records))
        return table


def data_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a command that takes such a file."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def notation_options(command: Callable[..., None]) -> Callable[..., None]:
    """Those of them that say how a file is written, of a command that takes several files alike."""
    for option in reversed(_OPTIONS[1:]):
        command = option(command)
    return command


def data_file(options: Mapping[str, Any]) -> DataFile:
    """The file that the options of `data_options` name."""
    return files_alike([options["data"]], options)[0]


def files_alike(paths: Sequence[Path], options: Mapping[str, Any]) -> list[DataFile]:
    """Files that are written in one way, which the options of `notation_options` say."""
    given = {name: options[name] or "" for name in ("label", "delimiter", "decimal")}
    return [DataFile(path, **given) for path in paths]


def schema_of(home: Home) -> Schema:
    """The columns in a site's kit; raises Refused, HomeError."""
    try:
        return Schema.from_bytes(home.read(FEATURES_NAME))
    except FeaturesInvalid as error:
        raise Refused(f"{home.root / FEATURES_NAME}: {error}; ask the coordinator for it") from error


def described(table: Table, schema: Schema) -> tuple[dict[str, object], list[str]]:
    """What a file holds, as a document and as lines: counts, no values."""
    positive = int(table.records.labels.sum())
    counts = (len(table.records) - positive, positive)
    named = [f"{count} of label {name}" for count, name in zip(counts, schema.classes, strict=True)]
    plain: dict[str, object] = {
        "rows": len(table.records),
        "labels": dict(zip(schema.classes, counts, strict=True)),
        "clipped": dict(table.clipped),
        "doubts": [doubt.words for doubt in table.doubts],
        "notes": list(table.notes),
    }
    lines = [f"{len(table.records)} records, {', '.join(named)}"]
    for feature, count in table.clipped.items():
        lines.append(f"clipped to the range of inputs: {count} values of {feature}")
    return plain, [*lines, *table.notes]
