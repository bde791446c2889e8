"""The columns of a project's tables, as the file gives them or else as follows from its preset."""

from __future__ import annotations

from proofward.cli.project.tables.table import ProjectError
from proofward.data.columns.column_kinds import TableColumn, inputs_of
from proofward.data.columns.schema import Feature, FeaturesInvalid, Notation, Schema
from proofward.data.wdbc import NORMALISATION
from proofward.layers.affine_layers.linear import MAX_WIDTH
from proofward.models.presets import PRESET_FILES

MOST_TITLE = 200


def columns_of(
    preset: str, features: tuple[TableColumn, ...], notation: Notation, title: str
) -> tuple[TableColumn, ...]:
    """The columns that are given, the preset's, or such as change nothing; raises ProjectError."""
    usual = PRESET_FILES[preset]
    if usual.of_pictures and not features:
        words = f"a table [images], since the preset {preset} is of pictures"
        raise ProjectError("images", words, "neither it nor features")
    if not features and usual.features == len(NORMALISATION):
        features = tuple(Feature(*entry) for entry in NORMALISATION)
    if not features:
        features = placeholder_features(usual.features)
    if (count := len(inputs_of(features))) > MAX_WIDTH:
        raise ProjectError("feature", f"at most {MAX_WIDTH} features", count)
    try:
        schema = Schema(features, notation)
    except FeaturesInvalid as error:
        raise ProjectError("columns", "distinct names", str(error)) from error
    if len(schema.title(title)) > MOST_TITLE:
        longest = MOST_TITLE - len(schema.title(""))
        expected = f"at most {longest} characters, as a digest stands behind it"
        raise ProjectError("title", expected, len(title))
    return features


def placeholder_features(count: int) -> tuple[Feature, ...]:
    """Features that stay as they are."""
    return tuple(Feature(f"feature-{number}", 0.0, 1.0) for number in range(1, count + 1))
