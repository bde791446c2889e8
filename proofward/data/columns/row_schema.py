"""The table whose rows go with images: its columns, and the one with the number that joins both.

A record is then an image and the row of the same patient. The table has no label, which is the image's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proofward.data.columns.column_kinds import TableColumn, column_from_plain
from proofward.data.columns.schema import Feature, FeaturesInvalid, Label, Notation, Schema, folded
from proofward.layers.affine_layers.linear import MAX_WIDTH

_PIXEL = re.compile(r"channel \d+ row \d+ column \d+", re.ASCII)


@dataclass(frozen=True)
class RowSchema:
    """columns: the table's, of which that of the label is the one with the patient's number."""

    columns: Schema

    def __post_init__(self) -> None:
        if not 1 <= self.size <= MAX_WIDTH:
            raise FeaturesInvalid(f"table: expected 1 to {MAX_WIDTH} features, found {self.size}")
        for feature in self.columns.inputs:
            if _PIXEL.fullmatch(folded(feature.name)):
                raise FeaturesInvalid(f"feature {feature.name}: expected another name than a pixel's")

    @classmethod
    def of(
        cls,
        column: str,
        features: Sequence[TableColumn],
        ignore: tuple[str, ...],
        decimal: str,
        clipped_percent: int,
    ) -> RowSchema:
        """column: the one with the patient's number. Raises FeaturesInvalid."""
        notation = Notation(Label(column), ignore, decimal, clipped_percent)
        return cls(Schema(tuple(features), notation))

    @property
    def id(self) -> str:
        """The column with the patient's number."""
        return self.columns.label.column

    @property
    def features(self) -> tuple[TableColumn, ...]:
        """The columns that are learnt from, in the model's order."""
        return self.columns.features

    @property
    def inputs(self) -> tuple[Feature, ...]:
        """The features that they give."""
        return self.columns.inputs

    @property
    def size(self) -> int:
        """Features of a row."""
        return self.columns.size

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        notation = self.columns.notation
        return {
            "id": self.id,
            "ignore": list(notation.ignore),
            "decimal": notation.decimal,
            "clipped_percent": notation.clipped_percent,
            "features": [entry.to_plain() for entry in self.features],
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> RowSchema:
        """Inverse of `to_plain`; raises FeaturesInvalid."""
        try:
            values = dict(plain)
            column, ignore = values.pop("id"), tuple(values.pop("ignore"))
            features = [column_from_plain(entry) for entry in values.pop("features")]
            return cls.of(column, features, ignore, **values)
        except FeaturesInvalid:
            raise
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            words = "expected id, ignore, decimal, clipped_percent and features"
            raise FeaturesInvalid(f"table: {words}: {type(error).__name__}") from error
