"""A hospital's data as commands take them: a table or images; what is wrong with them, what they hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from proofward.cli.common.answering import Refused
from proofward.cli.common.console import WrongThing
from proofward.cli.common.table_options import FORMATS, NAMES, OPTIONS, table_file
from proofward.data.columns.schema import DECIMALS, FEATURES_NAME, FeaturesInvalid, Schema

if TYPE_CHECKING:
    from proofward.data.image_schema import ImageSchema
    from proofward.data.reading.joined_rows import RowFile
    from proofward.data.reading.table_records import Table
    from proofward.data.reading.table_rows import Reading
    from proofward.data.tables.rows import Rows
    from proofward.engines.remote.agreement.home import Home
    from proofward.layers.rules.model import FixedPoint
    from proofward.relations.rules.config import RoundConfig
    from proofward.statistics.counts import TableValues

_OPTIONS = (
    click.option("--data", required=True, metavar="PATH", type=click.Path(exists=True, path_type=Path),
                 help=f"Table with a header, columns in any order: {', '.join(FORMATS)}; or images: a "
                 "folder, an npz, PatchCamelyon."),
    click.option("--label", metavar="COLUMN", help="The column with the label, if it has another name here."),
    *OPTIONS,
    click.option("--decimal", type=click.Choice(sorted(DECIMALS.values())), help="The mark in numbers.",
                 show_default="the consortium's"),
    click.option("--labels", type=click.Path(path_type=Path), metavar="CSV",
                 help="Of images: table of files, labels and patients, in their folder or elsewhere; without "
                 "it each folder is a class."),
    click.option("--patients", type=click.Path(path_type=Path), metavar="CSV",
                 help="For a file of PatchCamelyon: table with a row for each image and its patient."),
    click.option("--patient-column", metavar="COLUMN", help="Of either of these tables.",
                 show_default="patient"),
    click.option("--table", type=click.Path(path_type=Path), metavar="FILE",
                 help="Of images with a table: the one whose rows are joined to them by patients' numbers, "
                 "in their folder or elsewhere."),
    click.option("--only-listed", is_flag=True,
                 help="Of images: leave files alone that --labels does not name."),
    click.option("--part", "parts", multiple=True, type=click.Choice(["train", "val", "test"]),
                 help="Of images in an npz: only this part; may be repeated."),
    click.option("--allow-identifying", is_flag=True,
                 help="Of images: take DICOM files that name a patient; no name is kept."),
    click.option("--allow-burned-in", is_flag=True,
                 help="Of images: take DICOM files that say they have text in the pixels."),
)  # fmt: skip
_OF_TABLES = (*NAMES, "decimal")
_OF_IMAGES = ("labels", "patients", "patient_column", "table", "only_listed", "parts", "allow_identifying",
              "allow_burned_in")  # fmt: skip


@dataclass(frozen=True)
class DataFile:
    """A file or a folder, and what the options say of it.

    label, decimal: in what a table differs from the consortium's notation, "" where it does not.
    options: all, by name, of which images have their own. alone: whether they are of this file only.
    """

    path: Path
    label: str = ""
    decimal: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    alone: bool = False

    def read(self, schema: Schema | ImageSchema, config: RoundConfig, *, training: bool = True) -> Table:
        """Its records; raises Refused with all that is wrong.

        training: whether they have to be as many as the consortium's training needs.
        """
        if schema.size != config.model.features:
            found = f"{schema.size} features, but the model has {config.model.features}"
            raise Refused(f"{found}: ask the coordinator")
        table = self.at_scales(schema, config.scales, config.least_rows if training else 1)
        if training:
            config.check_rows(len(table.records))
            if config.privacy is not None:
                config.privacy.check_patients(table.patients)
        return table

    def at_scales(self, schema: Schema | ImageSchema, scales: FixedPoint, least_rows: int = 1) -> Table:
        """Its records at whatever scales; raises Refused with all that is wrong."""
        from proofward.data.image_schema import ImageSchema

        if isinstance(schema, ImageSchema):
            if schema.row is None:
                self._without(_OF_TABLES, "images")
            return self._images(schema, scales, least_rows)
        return self._table(schema, scales, least_rows)

    def _without(self, names: Sequence[str], agreed: str) -> None:
        """Raises Refused for an option of other data than were agreed."""
        for name in names:
            if self.options.get(name):
                option = "part" if name == "parts" else name.replace("_", "-")
                raise Refused(f"--{option}: the consortium agreed on {agreed}, of which this says nothing")

    def _images(self, schema: ImageSchema, scales: FixedPoint, least_rows: int) -> Table:
        from proofward.data.image_records import ImageFiles, read_images
        from proofward.data.images.contract.refusal import ImagesRefused

        given = self.options
        files = ImageFiles(
            self.path,
            labels=given.get("labels"),
            column=self.label,
            patient_column=given.get("patient_column") or "patient",
            patients=given.get("patients"),
            parts=tuple(given.get("parts", ())),
            only_listed=bool(given.get("only_listed")),
            identifying=bool(given.get("allow_identifying")),
            burned_in=bool(given.get("allow_burned_in")),
            rows=self._rows(),
        )
        try:
            return read_images(files, schema, scales, least_rows)
        except ImagesRefused as error:
            words = str(error).splitlines()[0]
            raise Refused(f"{self.path}: nothing was taken in", error.problems or [words]) from error

    def _rows(self) -> RowFile | None:
        """The table whose rows go with images."""
        from proofward.data.reading.joined_rows import RowFile

        path = self.options.get("table")
        return None if path is None else RowFile(table_file(path, self.options, self.alone), self.decimal)

    def _table(self, schema: Schema, scales: FixedPoint, least_rows: int) -> Table:
        return self.by_reading(self.written(schema), scales, least_rows)

    def by_reading(
        self, own: Schema, scales: FixedPoint, least_rows: int = 1, reading: Reading | None = None
    ) -> Table:
        """The records of a table whose columns are as `written` says; raises Refused.

        reading: what takes the rows.
        """
        from proofward.data.reading.problems import CsvRefused
        from proofward.data.reading.table_records import read_table

        self._without(_OF_IMAGES, "a table")
        try:
            return read_table(self.rows(), own, scales, least_rows=least_rows, reading=reading)
        except CsvRefused as error:
            raise Refused(f"{self.path}: nothing was taken in", error.problems) from error

    def values(self, schema: Schema | ImageSchema) -> TableValues:
        """Its values, to be counted; raises Refused with what is wrong with header and rows."""
        from proofward.data.inspection.table_values import read_values
        from proofward.data.reading.problems import CsvRefused

        self._without(_OF_IMAGES, "a table")
        assert isinstance(schema, Schema)
        try:
            return read_values(self.rows(), self.written(schema))
        except CsvRefused as error:
            raise Refused(f"{self.path}: nothing was taken in", error.problems) from error

    def rows(self) -> Rows:
        """Those of a table's file, as texts; raises WrongThing."""
        if self.path.is_dir():
            words = "expected a table's file, as the consortium agreed, found a folder"
            raise WrongThing(f"{self.path}: {words}")
        return table_file(self.path, self.options, self.alone)

    def written(self, schema: Schema) -> Schema:
        """The columns as this file has them."""
        notation = schema.notation
        if self.label:
            notation = replace(notation, label=replace(notation.label, column=self.label))
        if self.decimal:
            mark = next(mark for mark, name in DECIMALS.items() if name == self.decimal)
            notation = replace(notation, decimal=mark)
        return replace(schema, notation=notation)


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
    return replace(files_alike([options["data"]], options)[0], alone=True)


def files_alike(paths: Sequence[Path], options: Mapping[str, Any]) -> list[DataFile]:
    """Files that are written in one way, which the options of `notation_options` say."""
    given = {name: options[name] or "" for name in ("label", "decimal")}
    return [DataFile(path, given["label"], given["decimal"], options) for path in paths]


def schema_of(home: Home) -> Schema | ImageSchema:
    """The columns, or the images, in a site's kit, with a frozen network if it has one.

    Raises Refused, HomeError.
    """
    from proofward.data.bound_title import check_title
    from proofward.data.image_schema import complete, schema_from_bytes

    try:
        schema = schema_from_bytes(home.read(FEATURES_NAME))
        check_title(schema, home.terms.federation)
        return complete(schema, home.root)
    except FeaturesInvalid as error:
        raise Refused(f"{home.root / FEATURES_NAME}: {error}; ask the coordinator for it") from error


def described(table: Table, schema: Schema | ImageSchema) -> tuple[dict[str, object], list[str]]:
    """What a file holds, as a document and as lines: counts, no values."""
    counts = [int((table.records.labels == label).sum()) for label in range(len(schema.classes))]
    named = [f"{count} of label {name}" for count, name in zip(counts, schema.classes, strict=True)]
    plain: dict[str, object] = {
        "rows": len(table.records),
        "labels": dict(zip(schema.classes, counts, strict=True)),
        "clipped": dict(table.clipped),
        "doubts": [doubt.words for doubt in table.doubts],
        "notes": list(table.notes),
    }
    what = "records" if isinstance(schema, Schema) else schema.words
    lines = [f"{len(table.records)} {what}, {', '.join(named)}"]
    for feature, count in table.clipped.items():
        lines.append(f"clipped to the range of inputs: {count} values of {feature}")
    return plain, [*lines, *table.notes]
