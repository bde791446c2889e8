"""A file with labels, as models are evaluated on it; and an outside model's scores of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from proofward.cli.common.answering import Refused
from proofward.cli.common.table_options import table_file
from proofward.cli.kit.records.data_file import DataFile
from proofward.data.columns.schema import Schema
from proofward.data.image_schema import ImageSchema
from proofward.data.reading.problems import CsvRefused
from proofward.data.reading.subgroup_reading import KeptReading, with_others_ignored
from proofward.data.reading.table_records import Table
from proofward.layers.rules.model import FixedPoint, Int64Array
from proofward.models.graph.parts.refusals import ImportRefused
from proofward.models.graph.parts.steps import FloatArray
from proofward.models.settings import SCALES
from proofward.relations.scores.score_counts import counts_of_probabilities
from proofward.relations.scores.score_layout import ScoreLayout
from proofward.report.handover.formats.outside_onnx import OutsideModel, read_outside


@dataclass(frozen=True)
class ScoredFile:
    """A file's records, and what else was kept of it. ignored: columns that are let be."""

    table: Table
    kept: KeptReading | None
    ignored: Sequence[str]
    schema: Schema | ImageSchema

    def values(self, *, normalised: bool) -> FloatArray:
        """What an outside model takes: real numbers of a table, or pictures (n, channels, height, width).

        Raises Refused for records that no such model can be given.
        """
        if isinstance(self.schema, ImageSchema):
            if self.schema.frozen is not None:
                words = "an outside model takes pictures, and these go through a frozen network first"
                raise Refused(f"{words}: put that network into the model's file, in front of it")
            if self.schema.row is not None:
                words = "an outside model has one input, and these pictures have a row of a table each"
                raise Refused(f"{words}: evaluate one of pictures alone, without [table]")
            features = self.table.records.features / (1 << SCALES.activation_bits)
            return features.reshape(-1, *self.schema.axes)
        assert self.kept is not None and self.kept.kept is not None
        found = self.kept.kept
        return found.normalised(self.schema) if normalised else found.values


def outside_counts(
    path: Path, schema: Schema | ImageSchema, file: DataFile, layout: ScoreLayout
) -> tuple[Table, Int64Array]:
    """A hospital's records, and the vector of them that its consortium sums, by the model in a file.

    Raises Refused, also for another file than the layout names.
    """
    try:
        model = read_outside(path)
    except ImportRefused as error:
        raise Refused(f"{path} cannot be evaluated:", error.problems) from error
    if model.digest.hex() != layout.outside:
        words = f"{path}: the consortium evaluates the model {layout.outside}, this one is"
        raise Refused(f"{words} {model.digest.hex()}")
    read = read_scored(schema, SCALES, file, ())
    records = read.table.records
    levels = [own.of(records.features) for own in layout.subgroups]
    values = read.values(normalised=True)
    return read.table, scored_by(model, path, values, layout, records.labels, levels)


def scored_by(
    model: OutsideModel,
    path: Path,
    records: FloatArray,
    layout: ScoreLayout,
    labels: Int64Array,
    levels: Sequence[Int64Array],
) -> Int64Array:
    """The vector of records as the model takes them; path: of its file. Raises Refused."""
    try:
        probabilities = model.probabilities(records, layout.classes)
    except ImportRefused as error:
        raise Refused(f"{path} cannot be evaluated:", error.problems) from error
    return counts_of_probabilities(layout, probabilities, labels, levels)


def read_scored(
    schema: Schema | ImageSchema, scales: FixedPoint, file: DataFile, by: Sequence[str]
) -> ScoredFile:
    """A file with labels."""
    columns = tuple(dict.fromkeys(by))
    if isinstance(schema, ImageSchema):
        if columns:
            raise click.UsageError("--by: of a table, and the model takes images")
        return ScoredFile(file.at_scales(schema, scales), None, (), schema)
    if file.path.is_dir():
        raise click.UsageError(f"{file.path} is a folder: the model takes a table's file")
    own, ignored, kept = _columns(schema, file, columns)
    return ScoredFile(file.by_reading(own, scales, reading=kept), kept, ignored, own)


def _columns(
    agreed: Schema, file: DataFile, by: tuple[str, ...]
) -> tuple[Schema, Sequence[str], KeptReading]:
    """The columns of a file, those that are let be, and what takes its rows."""
    try:
        schema, ignored = with_others_ignored(table_file(file.path, file.options), file.written(agreed), by)
    except (CsvRefused, UnicodeDecodeError) as error:
        words = str(error) if isinstance(error, CsvRefused) else "no UTF-8 text: save it as CSV UTF-8"
        raise Refused(f"{file.path}: {words}") from error
    return schema, ignored, KeptReading(schema, by)
