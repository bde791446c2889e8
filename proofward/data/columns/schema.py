"""The columns of a consortium's tables, alike at every hospital: features, label, what is ignored, notation.

Every hospital's kit holds it in the file `FEATURES_NAME`. Its bytes are canonical: one schema has one
encoding, so hospitals compare its digest.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import Any

from proofward.data.columns.column_kinds import TableColumn, column_from_plain, inputs_of, is_plain
from proofward.data.columns.feature import (
    MAX_NAME,
    MAX_UNIT,
    Feature,
    FeaturesInvalid,
    check_features,
    check_name,
    folded,
    plain_number,
)
from proofward.layers.basics.plain import MOST_CLASSES

__all__ = [
    "CLIPPED_PERCENT", "DECIMALS", "DUPLICATE_PERCENT", "FEATURES_NAME", "MAX_BYTES", "MAX_NAME", "MAX_UNIT",
    "Feature", "FeaturesInvalid", "Label", "Notation", "Schema", "ascending", "check_features", "folded",
    "plain_number",
]  # fmt: skip

FEATURES_NAME = "features.json"
MAX_BYTES = 1 << 24
MAX_IGNORED = 1000
CLIPPED_PERCENT = DUPLICATE_PERCENT = 20
VERSION, EXTENDED = "proofward/columns/v1", "proofward/columns/v2"
"""The second is of columns that are more than numbers, and of tables with an id."""
_ROOT = re.compile(r"([0-9a-f]{64})?", re.ASCII)
TITLE_MARK = "; columns "
DECIMALS = {".": "point", ",": "comma"}


@dataclass(frozen=True)
class Label:
    """The column with the label, and what stands in it for 0 (negative), for 1 (positive), and for others.

    others: of the classes 2, 3, and so on, where there are more than two. Where all are numbers they are
    compared as numbers, else letter by letter.
    """

    column: str = "label"
    negative: str = "0"
    positive: str = "1"
    others: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_name("label.column", self.column)
        if len(self.classes) > MOST_CLASSES:
            words = f"label.classes: expected 2 to {MOST_CLASSES} classes, found {len(self.classes)}"
            raise FeaturesInvalid(words)
        titles = ("negative", "positive", *["classes"] * len(self.others))
        for what, name in zip(titles, self.classes, strict=True):
            check_name(f"label.{what}", name)
        values: Sequence[object] = self.numbers or [folded(name) for name in self.classes]
        for (first, one), (second, other) in combinations(zip(self.classes, values, strict=True), 2):
            if one == other:
                which = "every class" if self.others else "negative and positive"
                words = f"label: expected different values for {which}"
                raise FeaturesInvalid(f"{words}, found {first} and {second}")

    @classmethod
    def of(cls, column: str, classes: Sequence[str]) -> Label:
        """What stands for each class, of two and more."""
        if len(classes) < 2:
            raise FeaturesInvalid(f"label.classes: expected two classes or more, found {len(classes)}")
        return cls(column, classes[0], classes[1], tuple(classes[2:]))

    @property
    def numbers(self) -> tuple[float, ...] | None:
        """What stands for each class, if all are numbers."""
        found = [number for name in self.classes if (number := plain_number(name)) is not None]
        return tuple(found) if len(found) == len(self.classes) else None

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their numbers."""
        return self.negative, self.positive, *self.others

    def to_plain(self) -> dict[str, object]:
        """Canonical plain form: of two classes the negative and the positive one."""
        if self.others:
            return {"column": self.column, "classes": list(self.classes)}
        return {"column": self.column, "negative": self.negative, "positive": self.positive}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Label:
        """Inverse of `to_plain`; raises FeaturesInvalid, and what wrong types raise."""
        if "classes" in plain:
            return cls.of(**plain)
        return cls(**plain)


@dataclass(frozen=True)
class Notation:
    """What a table holds beside features, and how it is written.

    ignore: columns that may be there and are not used. decimal: the mark in numbers, a point or a comma.
    clipped_percent: `enrol` refuses a column of which a larger share lies outside the range of inputs.
    id: the column with the patient's number, which is counted and never learnt from; "" where there is none.
    duplicate_percent: `enrol` refuses a table of which a larger share of records repeat an earlier one.
    statistics: root of the sealed ledger, in hex, that centres and spreads come from; "" for none.
    """

    label: Label = field(default_factory=Label)
    ignore: tuple[str, ...] = ()
    decimal: str = "."
    clipped_percent: int = CLIPPED_PERCENT
    id: str = ""
    duplicate_percent: int = DUPLICATE_PERCENT
    statistics: str = ""

    def __post_init__(self) -> None:
        if len(self.ignore) > MAX_IGNORED:
            raise FeaturesInvalid(f"ignore: expected at most {MAX_IGNORED} columns, found {len(self.ignore)}")
        for name in self.ignore:
            check_name("ignore", name)
        if list(self.ignore) != sorted(set(self.ignore)):
            raise FeaturesInvalid("ignore: expected distinct names in ascending order")
        if not isinstance(self.decimal, str) or self.decimal not in DECIMALS:
            raise FeaturesInvalid(f'decimal: expected "." or ",", found {self.decimal!r:.40}')
        for name in ("clipped_percent", "duplicate_percent"):
            value = getattr(self, name)
            if type(value) is not int or not 0 <= value <= 100:
                raise FeaturesInvalid(f"{name}: expected an integer in [0, 100], found {value!r:.40}")
        if self.id != "":
            check_name("id.column", self.id)
        if not isinstance(self.statistics, str) or not _ROOT.fullmatch(self.statistics):
            words = "statistics.ledger: expected 64 digits of a hexadecimal number, in small letters"
            raise FeaturesInvalid(f"{words}, found {self.statistics!r:.80}")

    @property
    def delimiter(self) -> str:
        """What usually stands between cells: a semicolon where the comma is the decimal mark."""
        return ";" if self.decimal == "," else ","


@dataclass(frozen=True)
class Schema:
    """All that hospitals have to agree on to make the same numbers of the same records.

    features: the columns that are learnt from, in the model's order; each gives one feature or several.
    """

    features: tuple[TableColumn, ...]
    notation: Notation = field(default_factory=Notation)

    def __post_init__(self) -> None:
        check_columns(self.features)
        names = {folded(feature.name) for feature in self.features}
        label, ignored = self.label.column, {folded(name) for name in self.notation.ignore}
        if folded(label) in names:
            raise FeaturesInvalid(f"the label's column has the name of a feature, {label}")
        if both := sorted(ignored & {*names, folded(label)}):
            raise FeaturesInvalid(f"ignore: expected columns that are not used, found {both[0]}")
        if self.notation.id and folded(self.notation.id) in {*names, *ignored, folded(label)}:
            raise FeaturesInvalid(f"id: expected a column of its own, found {self.notation.id}")

    @cached_property
    def inputs(self) -> tuple[Feature, ...]:
        """The features of the model, in its order."""
        return inputs_of(self.features)

    @property
    def size(self) -> int:
        """Features of a record."""
        return len(self.inputs)

    @property
    def extended(self) -> bool:
        """Whether it says what a list of numbers could not."""
        return bool(self.notation.id or self.notation.statistics) or not is_plain(self.features)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the file's bytes."""
        return hashlib.sha256(self.to_bytes()).digest()

    def title(self, title: str) -> str:
        """The title of a federation on such tables: with their digest where they are extended."""
        return f"{title}{TITLE_MARK}{self.digest.hex()}" if self.extended else title

    @property
    def label(self) -> Label:
        """The label's column and values."""
        return self.notation.label

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their numbers."""
        return self.label.classes

    def to_bytes(self) -> bytes:
        """The file that every hospital's kit holds: the same bytes for the same schema."""
        features = [entry.to_plain() for entry in self.features]
        notation = self.notation
        plain = {
            "version": EXTENDED if self.extended else VERSION,
            "label": notation.label.to_plain(),
            **({"id": notation.id} if notation.id else {}),
            "ignore": list(notation.ignore),
            "decimal": notation.decimal,
            "clipped_percent": notation.clipped_percent,
            **({} if notation.duplicate_percent == DUPLICATE_PERCENT else
               {"duplicate_percent": notation.duplicate_percent}),
            **({"statistics": notation.statistics} if notation.statistics else {}),
            "features": features,
        }  # fmt: skip
        return (json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Schema:
        """Inverse of `to_bytes`, of these bytes and no others; raises FeaturesInvalid."""
        if len(data) > MAX_BYTES:
            raise FeaturesInvalid(f"expected at most {MAX_BYTES} bytes, found {len(data)}")
        try:
            plain = json.loads(data)
            version = plain.pop("version")
            if version not in (VERSION, EXTENDED):
                expected = f"{VERSION} or {EXTENDED}"
                raise FeaturesInvalid(f"version: expected {expected}, found {version!r:.80}")
            features = tuple(column_from_plain(entry) for entry in plain.pop("features"))
            label, ignore = Label.from_plain(plain.pop("label")), tuple(plain.pop("ignore"))
            schema = cls(features, Notation(label, ignore, **plain))
            canonical = schema.to_bytes()
        except FeaturesInvalid:
            raise
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
            words = "expected label, ignore, decimal, clipped_percent, and features with name, unit, centre"
            raise FeaturesInvalid(f"{words} and spread: {type(error).__name__}") from error
        if canonical != data:
            raise FeaturesInvalid("expected the canonical encoding, found another of the same columns")
        return schema


def check_columns(columns: Sequence[TableColumn]) -> None:
    """Raises FeaturesInvalid when two columns, or two features of the model, have one name."""
    seen: set[str] = set()
    for column in columns:
        if folded(column.name) in seen:
            raise FeaturesInvalid(f"features: expected distinct names, found {column.name} twice")
        seen.add(folded(column.name))
    check_features(inputs_of(columns))


def ascending(names: Sequence[str]) -> tuple[str, ...]:
    """Names of columns to ignore as `Notation` wants them."""
    return tuple(sorted(set(names)))
