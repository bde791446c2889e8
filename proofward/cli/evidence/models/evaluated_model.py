"""A model on records of one's own: an exported one in its own integers, an outside one by onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from proofward.cli.common.answering import Refused
from proofward.cli.kit.records.data_file import DataFile, files_alike
from proofward.cli.kit.records.scored_file import ScoredFile, read_scored, scored_by
from proofward.data.columns.schema import Label, Notation, Schema
from proofward.data.image_schema import ImageSchema
from proofward.layers.basics.errors import TrainingError
from proofward.models.graph.parts.refusals import ImportRefused
from proofward.models.settings import SCALES
from proofward.relations.scores.score_counts import counted_scores
from proofward.relations.scores.score_layout import ScoreLayout
from proofward.report.handover.formats.outside_onnx import read_outside
from proofward.report.handover.models.description import Description, read_description
from proofward.report.handover.models.exported_model import (
    MAX_FILE_BYTES,
    ModelInvalid,
    NotAModel,
    read_exported,
)
from proofward.report.handover.predictions.prediction import scores_of
from proofward.report.histograms.evaluated import Evaluated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from proofward.layers.rules.model import Int64Array


@dataclass(frozen=True)
class OfData:
    """digest: of the model. ignored: columns that are not used. clipped: values by feature."""

    digest: bytes
    evaluated: Evaluated
    clipped: Mapping[str, int]
    ignored: Sequence[str]
    doubts: tuple[str, ...]
    notes: tuple[str, ...]


def of_exported(path: Path, data: Path, options: Mapping[str, Any]) -> OfData:
    """The figures of a model that `proofward model export` wrote; raises Refused and what reading raises."""
    from proofward.cli.evidence.models.frozen_option import with_frozen_network
    from proofward.ledger.reading import read_regular

    try:
        model = read_exported(read_regular(path, MAX_FILE_BYTES, follow=True))
        model = with_frozen_network(model, path, options["frozen"])
    except NotAModel as error:
        raise click.UsageError(f"{path} is no exported model: {error}") from error
    except ModelInvalid as error:
        raise Refused(f"{path}: {error}") from error
    read = read_scored(_schema(model.description), model.scales, _file(data, options), options["by"])

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
    read = read_scored(_schema(described), SCALES, _file(data, options), options["by"])
    records = read.values(normalised=named is not None)

    def counts(layout: ScoreLayout, levels: Sequence[Int64Array]) -> Int64Array:
        return scored_by(model, path, records, layout, read.table.records.labels, levels)

    return _figures(model.digest, described, read, options, counts, {})


def _file(data: Path, options: Mapping[str, Any]) -> DataFile:
    return replace(files_alike([data], options)[0], alone=True)


def _schema(described: Description) -> Schema | ImageSchema:
    """What a file with labels holds, as the model's inputs are described."""
    if described.images is not None:
        return described.images
    return Schema(described.of_table, Notation(Label.of(Label().column, described.classes)))


def _figures(
    digest: bytes,
    described: Description,
    read: ScoredFile,
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
