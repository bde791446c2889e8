"""What a model's inputs and outputs mean: names, units and scaling of its features, names of its classes.

None of it is in the ledger. A run folder and every member's kit hold it in a file, and it is as good as
whoever wrote that: the digest of the features is what members compare when they join.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proofward.data.columns.column_kinds import TableColumn, column_from_plain, inputs_of, is_plain
from proofward.data.columns.feature import NoFeatures
from proofward.data.columns.schema import FEATURES_NAME, Feature, FeaturesInvalid, check_features
from proofward.data.image_schema import VERSION, ImageSchema, kit_files
from proofward.layers.basics.plain import MOST_CLASSES
from proofward.ledger.reading import NotReadable, read_regular

__all__ = [
    "CLASSES_NAME", "FEATURES_NAME", "Column", "Description", "Feature", "FeaturesInvalid", "check_classes",
    "read_description",
]  # fmt: skip
CLASSES_NAME = "classes.json"
USUAL_CLASSES = ("0", "1")
MAX_BYTES = 1 << 26
MAX_UNIT = 40


@dataclass(frozen=True)
class Column:
    """A feature with its unit, "" where none is given: a value x becomes (x - centre) / spread."""

    feature: Feature
    unit: str = ""

    def to_plain(self) -> dict[str, object]:
        """Plain values; the unit only if there is one."""
        entry = self.feature
        plain: dict[str, object] = {"name": entry.name}
        if self.unit:
            plain["unit"] = self.unit
        return {**plain, "centre": float(entry.centre), "spread": float(entry.spread)}

    @classmethod
    def from_plain(cls, value: object) -> Column:
        """Inverse of `to_plain`; raises FeaturesInvalid."""
        if not isinstance(value, dict):
            raise FeaturesInvalid(f"a feature: expected name, centre and spread, found {value!r:.80}")
        rest = dict(value)
        unit = rest.pop("unit", "")
        if not isinstance(unit, str) or len(unit) > MAX_UNIT or not (unit == "" or unit.isprintable()):
            raise FeaturesInvalid(f"unit of a feature: expected up to {MAX_UNIT} characters, found {unit!r}")
        try:
            return cls(Feature(**rest), unit)
        except TypeError as error:
            raise FeaturesInvalid(f"a feature: expected name, unit, centre and spread: {error}") from error


@dataclass(frozen=True)
class Description:
    """columns: of the features, in the model's order. classes: names of the classes, by their numbers.

    images: how pictures are made, where the features are their pixels or come from these. recipe: the columns
    of a table that give the features, where not each gives one by itself.
    """

    columns: tuple[Column, ...]
    classes: tuple[str, ...] = USUAL_CLASSES
    images: ImageSchema | None = None
    recipe: tuple[TableColumn, ...] = ()

    def __post_init__(self) -> None:
        check_features(self.features)
        check_classes(self.classes)

    @property
    def features(self) -> tuple[Feature, ...]:
        """The features without their units."""
        return tuple(column.feature for column in self.columns)

    @property
    def of_table(self) -> tuple[TableColumn, ...]:
        """The columns of a table that give the features."""
        return self.recipe or self.features

    @classmethod
    def of(cls, columns: Sequence[TableColumn], classes: tuple[str, ...] = USUAL_CLASSES) -> Description:
        """Of the columns of a table, with their units."""
        features = tuple(Column(entry, entry.unit) for entry in inputs_of(columns))
        return cls(features, classes, recipe=() if is_plain(columns) else tuple(columns))

    @classmethod
    def from_plain(cls, entries: Sequence[object], classes: tuple[str, ...]) -> Description:
        """Of columns in plain values, whatever their kinds; raises FeaturesInvalid."""
        if not any(isinstance(entry, dict) and "kind" in entry for entry in entries):
            return cls(tuple(Column.from_plain(entry) for entry in entries), classes)
        try:
            return cls.of([column_from_plain(entry) for entry in entries if isinstance(entry, dict)], classes)
        except (TypeError, KeyError) as error:
            raise FeaturesInvalid(f"a column: expected one of a known kind: {error}") from error

    @classmethod
    def of_images(cls, images: ImageSchema) -> Description:
        """Every pixel a feature, in grey levels, or every output of a frozen network; behind them a row's."""
        columns = tuple(Column(entry, entry.unit) for entry in images.features)
        return cls(columns, images.classes, images)

    def exported(self) -> dict[str, object]:
        """What an exported model says of a table: features, and the columns that give them."""
        features = [column.to_plain() for column in self.columns]
        recipe = [column.to_plain() for column in self.recipe]
        return {"features": features, **({"columns": recipe} if recipe else {})}

    @classmethod
    def of_exported(cls, features: Sequence[object], columns: Any, classes: tuple[str, ...]) -> Description:
        """Inverse of `exported`; columns: None where there are none. Raises FeaturesInvalid."""
        if columns is None:
            return cls(tuple(Column.from_plain(entry) for entry in features), classes)
        found = cls.from_plain(columns, classes)
        if not found.recipe or found.exported()["features"] != features:
            raise FeaturesInvalid("features: expected those that the columns give, found others")
        return found

    def files(self) -> dict[str, bytes]:
        """The files that hold it, by name."""
        columns = [column.to_plain() for column in self.recipe or self.columns]
        described = (json.dumps(columns, indent=1) + "\n").encode()
        return {
            **({FEATURES_NAME: described} if self.images is None else kit_files(self.images)),
            CLASSES_NAME: (json.dumps(list(self.classes), ensure_ascii=False) + "\n").encode(),
        }


def check_classes(classes: object) -> tuple[str, ...]:
    """The names of the classes, if that is what it is; raises FeaturesInvalid."""
    if isinstance(classes, list | tuple) and 2 <= len(classes) <= MOST_CLASSES:
        names = [name for name in classes if isinstance(name, str)]
        good = all(1 <= len(name) <= 200 and name.isprintable() for name in names)
        if good and len(set(names)) == len(classes):
            return tuple(names)
    expected = f"2 to {MOST_CLASSES} different names"
    raise FeaturesInvalid(f"classes: expected {expected}, found {classes!r:.80}")


def read_description(features: Path, classes: Path | None = None, *, follow: bool = False) -> Description:
    """The description in a file of features and, if there is one, a file of class names.

    Where the file of features has the values of a label, these name the classes. follow: whether the first
    file may be a link, as where a user names it.
    Raises FeaturesInvalid with the file's name, also when the features are not there.
    """
    columns = _json(features, follow)
    names: tuple[str, ...] = USUAL_CLASSES
    try:
        match columns:  # with the label's values, or without
            case {"version": version} if version == VERSION:
                return Description.of_images(ImageSchema.from_plain(columns))
            case {"features": list() as listed, "label": {"negative": negative, "positive": positive}}:
                columns, names = listed, check_classes([negative, positive])
            case {"features": list() as listed, "label": {"classes": of_label}}:
                columns, names = listed, check_classes(of_label)
        if not isinstance(columns, list):
            raise FeaturesInvalid("expected a list of name, centre and spread")
        if classes is not None and classes.exists():
            names = check_classes(_json(classes))
        return Description.from_plain(columns, names)
    except FeaturesInvalid as error:
        raise FeaturesInvalid(f"{features}: {error}") from error


def _json(path: Path, follow: bool = False) -> object:
    try:
        value: object = json.loads(read_regular(path, MAX_BYTES, follow=follow).decode())
    except NotReadable as error:
        raise FeaturesInvalid(f"{path}: {error}") from error
    except (ValueError, RecursionError) as error:
        words = "other bytes" if isinstance(error, UnicodeDecodeError) else str(error)
        raised = NoFeatures if follow else FeaturesInvalid
        raise raised(f"{path}: expected JSON, found {words}") from error
    return value
