"""What is counted of the columns that a consortium has agreed on, whatever centre and spread they have."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

from proofward.data.columns.column_kinds import Category, Number, Ordinal, TableColumn
from proofward.data.columns.feature import Feature, FeaturesInvalid
from proofward.data.columns.schema import CLIPPED_PERCENT, DUPLICATE_PERCENT, Schema
from proofward.layers.basics.errors import ConfigurationError
from proofward.statistics.intervals import Range
from proofward.statistics.layout import LEVELS, NUMBER, ORDER, Counted, Layout
from proofward.statistics.limits import USUAL_BINS, USUAL_LEAST


def layout_of(schema: Schema, bins: int = USUAL_BINS, least_count: int = USUAL_LEAST) -> Layout:
    """Raises FeaturesInvalid for more columns than can be said."""
    plain = unscaled(schema)
    columns = (*map(_counted, plain.features), Counted(LEVELS, len(plain.classes)))
    dictionary: dict[str, Any] = json.loads(plain.to_bytes())
    try:
        return Layout(columns, dictionary, bins, least_count)
    except ConfigurationError as error:
        raise FeaturesInvalid(str(error)) from error


def schema_of(layout: Layout) -> Schema:
    """The columns that a layout counts; raises FeaturesInvalid unless it is that of its own dictionary."""
    text = json.dumps(layout.dictionary, indent=1, ensure_ascii=False) + "\n"
    schema = Schema.from_bytes(text.encode())
    if layout_of(schema, layout.bins, layout.least_count) != layout:
        raise FeaturesInvalid("statistics: expected what is counted of the dictionary's columns, found other")
    return schema


def unscaled(schema: Schema) -> Schema:
    """Columns as a reader needs them: without what values become."""
    plain = {"clipped_percent": CLIPPED_PERCENT, "duplicate_percent": DUPLICATE_PERCENT, "statistics": ""}
    notation = replace(schema.notation, **plain)  # type: ignore[arg-type]
    return Schema(tuple(map(_unscaled, schema.features)), notation)


def _unscaled(column: TableColumn) -> TableColumn:
    if isinstance(column, Feature):
        return Feature(column.name, 0.0, 1.0, column.unit)
    if isinstance(column, Number):
        feature = Feature(column.name, 0.0, 1.0, column.unit)
        own = Number(feature, column.minimum, column.maximum, missing_codes=column.missing_codes)
        return own if own != Number(feature) else feature
    if isinstance(column, Ordinal):
        return Ordinal(column.name, column.levels, missing_codes=column.missing_codes)
    return replace(column, missing=None, indicator=False)


def _counted(column: TableColumn) -> Counted:
    if isinstance(column, Category | Ordinal):
        return Counted(LEVELS if isinstance(column, Category) else ORDER, len(column.levels))
    return Counted(NUMBER, range=stated_range(column))


def stated_range(column: TableColumn) -> Range | None:
    """The one that the data dictionary states of a column of numbers, None where it states none."""
    if not isinstance(column, Number) or column.minimum is None or column.maximum is None:
        return None
    low, high = float(column.minimum), float(column.maximum)
    return Range(low, high) if low < high and math.isfinite(high - low) else None
