"""A model on records of one's own: an exported one in its own integers, an outside one by onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from proofward.cli.common.answering import Refused
from proofward.cli.kit.data_file import DataFile, files_alike
from proofward.data.csv_problems import CsvRefused
from proofward.data.image_schema import ImageSchema
from proofward.data.schema import Label, Notation, Schema
from proofward.data.subgroup_reading import KeptReading, with_others_ignored
from proofward.layers.errors import TrainingError
from proofward.models.graph.refusals import ImportRefused
from proofward.models.settings import SCALES
from proofward.relations.score_counts import counted_scores, counts_of_probabilities
from proofward.relations.score_layout import ScoreLayout
from proofward.report.handover.description import Description, read_description
from proofward.report.handover.exported_model import MAX_FILE_BYTES, ModelInvalid, NotAModel, read_exported
from proofward.report.handover.outside_onnx import read_outside
from proofward.report.handover.prediction import scores_of
from proofward.report.histograms.evaluated import Evaluated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from proofward.data.csv_records import Table
    from proofward.layers.model import FixedPoint, Int64Array


@dataclass(frozen=True)
class OfData:
    """digest: of the model. ignored: columns that are not used. clipped: values by feature."""

    digest: bytes
    evaluated: Evaluated
    clipped: Mapping[str, int]
    ignored: Sequence[str]
    doubts: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Read:
    """A file's records, and what else was kept of it."""

    table: Table
    kept: KeptReading | None
    ignored: Sequence[str]
    schema: Schema | ImageSchema


def of_exported(path: Path, data: Path, options: Mapping[str, Any]) -> OfData:
    """The figures of a model that `proofward model export` wrote; raises Refused and what reading raises."""
    from proofward.cli.evidence.frozen_option import with_frozen_network
    from proofward.ledger.reading import read_regular

    try:
        model = read_exported(read_regular(path, MAX_FILE_BYTES, follow=True))
        model = with_frozen_network(model, path, options["frozen"])
    except NotAModel as error:
        raise click.UsageError(f"{path} is no exported model: {error}") from error
    except ModelInvalid as error:
        raise Refused(f"{path}: {error}") from error
    read = _read(model.description, model.scales, data, options)

    def counts(layout: ScoreLayout, levels: Sequence[Int64Array]) -> Int64Array:
        records = read.table.records
        try:
            scores = scores_of(model, records.features)
        except ModelInvalid as error:
            raise Refused(f"{path}: {error}") from error
        return counted_scores(layout, model.model, model.scales, scores, records.labels, levels)

    return _figures(model.digest, model.description, read, options, counts, read.table.clipped)


def of_onnx(path: Path, data: Path, options: Mapping[str, Any]) -> OfData:
    """The figures of a classifier in ONNX; raises Refused, FeaturesInvalid and what reading raises."""
    scores = options["scores"]
    try:
        model = read_outside(path, options["output"] or "", None if scores is None else scores != "logits")
    except ImportRefused as error:
        raise Refused(f"{path} cannot be evaluated:", error.problems) from error
    named: Path | None = options["features"]
    described = read_description(named, follow=True) if named is not None else model.described
    if described is None:
        words = "it does not say what its inputs are: name a file of features or images with --features"
        raise Refused(f"{path}: {words}")
    if described.images is not None and (described.images.frozen or described.images.row):
        raise Refused(f"{named}: expected pictures alone, without a frozen network or a table")
    read = _read(described, SCALES, data, options)
    if described.images is None:
        assert read.kept is not None and read.kept.kept is not None and isinstance(read.schema, Schema)
        found = read.kept.kept
        records = found.values if named is None else found.normalised(read.schema)
    else:
        features = read.table.records.features / (1 << SCALES.activation_bits)
        records = features.reshape(-1, *described.images.axes)

    def counts(layout: ScoreLayout, levels: Sequence[Int64Array]) -> Int64Array:
        try:
            probabilities = model.probabilities(records, layout.classes)
        except ImportRefused as error:
            raise Refused(f"{path} cannot be evaluated:", error.problems) from error
        return counts_of_probabilities(layout, probabilities, read.table.records.labels, levels)

    return _figures(model.digest, described, read, options, counts, {})


def _read(described: Description, scales: FixedPoint, data: Path, options: Mapping[str, Any]) -> _Read:
    """A file with labels, as the model's inputs are described."""
    by = tuple(dict.fromkeys(options["by"]))
    file = replace(files_alike([data], options)[0], alone=True)
    if described.images is not None:
        if by:
            raise click.UsageError("--by: of a table, and the model takes images")
        return _Read(file.at_scales(described.images, scales), None, (), described.images)
    if data.is_dir():
        raise click.UsageError(f"{data} is a folder: the model takes a table's file")
    schema, ignored, kept = _columns(described, file, by)
    return _Read(file.by_reading(schema, scales, reading=kept), kept, ignored, kept.schema)


def _columns(
    described: Description, file: DataFile, by: tuple[str, ...]
) -> tuple[Schema, Sequence[str], KeptReading]:
    """The columns of a file, those that are let be, and what takes its rows."""
    from proofward.cli.common.table_options import table_file

    notation = Notation(Label.of(file.label or Label().column, described.classes))
    schema = file.written(Schema(described.of_table, notation))
    try:
        schema, ignored = with_others_ignored(table_file(file.path, file.options), schema, by)
    except (CsvRefused, UnicodeDecodeError) as error:
        words = str(error) if isinstance(error, CsvRefused) else "no UTF-8 text: save it as CSV UTF-8"
        raise Refused(f"{file.path}: {words}") from error
    return schema, ignored, KeptReading(schema, by)


def _figures(
    digest: bytes,
    described: Description,
    read: _Read,
    options: Mapping[str, Any],
    counts: Callable[[ScoreLayout, Sequence[Int64Array]], Int64Array],
    clipped: Mapping[str, int],
) -> OfData:
    classes, least, table = described.classes, options["least"], read.table
    pairs, notes = ([], []) if read.kept is None else read.kept.subgroups(len(classes), least)
    try:
        layout = ScoreLayout(len(classes), options["bins"], least, tuple(own for own, _ in pairs))
        evaluated = Evaluated(layout, classes, counts(layout, [levels for _, levels in pairs]))
    except TrainingError as error:
        raise Refused(str(error)) from error
    doubts = tuple(doubt.words for doubt in table.doubts)
    return OfData(digest, evaluated, clipped, read.ignored, doubts, (*table.notes, *notes))
