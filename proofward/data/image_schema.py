"""What hospitals with images have to agree on to make the same numbers of the same pictures.

Every hospital's kit holds it in the file `FEATURES_NAME`, in place of the columns of a table. Its bytes are
canonical: one schema has one encoding, so hospitals compare its digest.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from proofward.data.columns.row_schema import RowSchema
from proofward.data.columns.schema import FEATURES_NAME, MAX_BYTES, Feature, FeaturesInvalid, Schema
from proofward.data.frozen.network import MAX_BYTES as MAX_NETWORK_BYTES
from proofward.data.frozen.network import FrozenNetwork
from proofward.data.frozen_part import FROZEN_NAME, FrozenPart, Reached
from proofward.data.images.contract.example import Bytes
from proofward.data.images.contract.rule import ImageRule
from proofward.data.images.pixels.levels import Levels, numbers
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.plain import MOST_CLASSES
from proofward.layers.rules.model import FixedPoint, Int64Array
from proofward.ledger.reading import NotReadable, read_regular

VERSION = "proofward/images/v1"
GREY = "grey level"
"""The unit of a pixel: from 0 for black to 1 for white."""
MAX_NAMES, MAX_NAME = 100, 200
IMAGES_MARK = "; images "
MAX_TITLE = 200 - len(IMAGES_MARK) - 64
"""Characters that are left of a federation's title."""


@dataclass(frozen=True)
class ImageSchema:
    """rule: how a file becomes pixels. levels: how a pixel becomes a feature.

    negative, positive, others: the classes of images that are 0, 1, and 2, 3, ... for the network. column:
    the one with the class in a table of files. row: of the table whose rows go with the images, if there is
    one. frozen: the network through which pixels go, whose outputs are then the features.
    """

    rule: ImageRule
    levels: Levels = field(default_factory=Levels)
    negative: tuple[str, ...] = ("0",)
    positive: tuple[str, ...] = ("1",)
    column: str = "label"
    others: tuple[tuple[str, ...], ...] = ()
    row: RowSchema | None = None
    frozen: FrozenPart | None = None

    def __post_init__(self) -> None:
        if len(self.sides) > MOST_CLASSES:
            words = f"label.classes: expected 2 to {MOST_CLASSES} classes, found {len(self.sides)}"
            raise FeaturesInvalid(words)
        if self.row is not None and self.frozen is not None:
            words = "a table beside the images, or a frozen network before the trained one, not both"
            raise FeaturesInvalid(f"row, frozen: expected {words}")
        titles = ("negative", "positive", *["classes"] * len(self.others))
        for what, names in zip(titles, self.sides, strict=True):
            if not 1 <= len(names) <= MAX_NAMES:
                words = f"label.{what}: expected 1 to {MAX_NAMES} classes of images, found {len(names)}"
                raise FeaturesInvalid(words)
        for name in (*self.agreed, self.column):
            if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME or not name.isprintable():
                words = f"label: expected names of 1 to {MAX_NAME} characters"
                raise FeaturesInvalid(f"{words}, found {name!r:.80}")
        if twice := [name for name in self.agreed if self.agreed.count(name) > 1]:
            raise FeaturesInvalid(f"label: expected each class of images once, found {twice[0]} twice")
        if (longest := max(map(len, self.classes))) > MAX_NAME:
            raise FeaturesInvalid(f"label: expected at most {MAX_NAME} characters a side, found {longest}")
        if again := [name for name in self.classes if self.classes.count(name) > 1]:
            raise FeaturesInvalid(f"label: expected different sides, found {again[0]} twice")

    @property
    def sides(self) -> tuple[tuple[str, ...], ...]:
        """The classes of images that each class of the network is made of."""
        return self.negative, self.positive, *self.others

    @property
    def agreed(self) -> tuple[str, ...]:
        """All classes of images, negative ones first."""
        return tuple(name for side in self.sides for name in side)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the network's classes, in the order of their numbers."""
        return tuple(" or ".join(side) for side in self.sides)

    def number(self, name: str) -> int:
        """The network's class that a class of images belongs to, 0 for one that was not agreed."""
        return next((number for number, side in enumerate(self.sides) if name in side), 0)

    @property
    def axes(self) -> tuple[int, ...]:
        """(channels, height, width) of a record, or (features,) behind a frozen network."""
        return self.rule.shape if self.frozen is None else (self.frozen.outputs,)

    @property
    def size(self) -> int:
        """Features of a record: of its picture, and of its row."""
        return self.picture_size + self.row_size

    @property
    def row_size(self) -> int:
        """Features of the row beside a picture, 0 where there is none."""
        return 0 if self.row is None else self.row.size

    @property
    def picture_size(self) -> int:
        """Pixels of a picture, or what a frozen network makes of them."""
        return math.prod(self.axes)

    @property
    def words(self) -> str:
        """What is made of a picture, and what goes with it."""
        made = f"images of {self.rule.words}"
        if self.row is not None:
            return f"{made}, each with a row of {self.row_size} features"
        return made if self.frozen is None else f"{made}, {self.frozen.words}"

    @property
    def features(self) -> tuple[Feature, ...]:
        """The features of a record in their order: pixels and behind them a row's, or a frozen network's."""
        if self.frozen is not None:
            return self.frozen.features
        return self._pixels if self.row is None else (*self._pixels, *self.row.inputs)

    @property
    def _pixels(self) -> tuple[Feature, ...]:
        """Every pixel as a feature, in the order of the records, in grey levels from 0 to 1."""
        _, height, width = self.rule.shape
        return tuple(
            Feature(f"channel {channel} row {row} column {column}", centre, spread, GREY)
            for channel, (centre, spread) in enumerate(
                zip(self.levels.centre, self.levels.spread, strict=True), 1
            )
            for row in range(1, height + 1)
            for column in range(1, width + 1)
        )

    @property
    def digest(self) -> bytes:
        """SHA-256 of the file's bytes."""
        return hashlib.sha256(self.to_bytes()).digest()

    def title(self, title: str) -> str:
        """The title of a federation on these images: with their digest, so that its rules bind every site."""
        return f"{title}{IMAGES_MARK}{self.digest.hex()}"

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "version": VERSION,
            "label": self._plain_label(),
            "rule": self.rule.canonical(),
            "centre": list(self.levels.centre),
            "spread": list(self.levels.spread),
            **({"row": self.row.to_plain()} if self.row else {}),
            **({} if self.frozen is None else {"frozen": self.frozen.to_plain()}),
        }

    def _plain_label(self) -> dict[str, object]:
        """Of two classes the negative and the positive side."""
        if self.others:
            return {"column": self.column, "classes": [list(side) for side in self.sides]}
        return {"column": self.column, "negative": list(self.negative), "positive": list(self.positive)}

    @classmethod
    def from_plain(cls, plain: object) -> ImageSchema:
        """Inverse of `to_plain`; raises FeaturesInvalid."""
        match plain:
            case {"version": version, "label": dict() as label, "rule": dict() as rule,
                  "centre": list() as centre, "spread": list() as spread,
                  **rest} if version == VERSION and rest.keys() <= {"row", "frozen"}:  # fmt: skip
                row = _row(rest["row"]) if "row" in rest else None
                frozen = FrozenPart.from_plain(rest["frozen"]) if "frozen" in rest else None
                return replace(_made(label, rule, centre, spread), row=row, frozen=frozen)
        words = f"images: expected {VERSION} with label, rule, centre and spread, and perhaps row or frozen"
        raise FeaturesInvalid(f"{words}, found {plain!r:.80}")

    def to_bytes(self) -> bytes:
        """The file that every hospital's kit holds: the same bytes for the same schema."""
        return (json.dumps(self.to_plain(), indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()

    @property
    def reached(self) -> Reached | None:
        """Counts what features reach, where a frozen network makes them."""
        return None if self.frozen is None else Reached(self.frozen)

    def inputs(self, pixels: Bytes, scales: FixedPoint, reached: Reached | None = None) -> Int64Array:
        """Records int64 (n, size) of pixels (n, channels, height, width); reached: counts their features."""
        reached = reached or self.reached
        if reached is None:
            return self.levels.features(pixels, scales)
        return reached.inputs(self.levels, pixels, scales)

    def with_frozen(self, part: FrozenPart, network: FrozenNetwork) -> ImageSchema:
        """With a frozen part and its network at hand; raises FeaturesInvalid for another than it names."""
        return replace(self, frozen=part.with_network(network, self.rule.shape))

    def check(self, scales: FixedPoint) -> None:
        """Raises ConfigurationError unless black and white are in the range of what takes them."""
        if self.frozen is None:
            self.levels.check(self.rule.channels, scales)
        else:
            self.frozen.check_levels(self.levels, self.rule.channels)


def image_schema(
    rule: ImageRule, levels: Levels, column: str, sides: Sequence[tuple[str, ...]]
) -> ImageSchema:
    """With these sides, of two and more; raises FeaturesInvalid."""
    if len(sides) < 2:
        raise FeaturesInvalid(f"label.classes: expected two classes or more, found {len(sides)}")
    return ImageSchema(rule, levels, sides[0], sides[1], column, tuple(sides[2:]))


def _row(plain: object) -> RowSchema:
    if not isinstance(plain, dict):
        raise FeaturesInvalid(f"row: expected the columns of a table, found {plain!r:.80}")
    return RowSchema.from_plain(plain)


def _made(
    label: Mapping[str, Any], rule: Mapping[str, Any], centre: list[Any], spread: list[Any]
) -> ImageSchema:
    try:
        made = ImageRule.from_canonical(rule)
        count = made.channels
        levels = Levels(numbers("centre", centre, count), numbers("spread", spread, count))
        if {len(levels.centre), len(levels.spread)} != {count}:
            raise FeaturesInvalid(f"centre and spread: expected a number for each of {count} channels")
        names = ("classes",) if "classes" in label else ("negative", "positive")
        if set(label) != {"column", *names}:
            raise FeaturesInvalid(f"label: expected column, negative and positive, found {sorted(label)}")
        sides = label["classes"] if len(names) == 1 else [label[name] for name in names]
        return image_schema(made, levels, label["column"], [tuple(side) for side in sides])
    except (ConfigurationError, TypeError, KeyError) as error:
        raise FeaturesInvalid(f"images: {error}") from error


def schema_from_bytes(data: bytes) -> Schema | ImageSchema:
    """The schema of tables or of images in a kit's file, of its own bytes only; raises FeaturesInvalid."""
    if len(data) > MAX_BYTES:
        raise FeaturesInvalid(f"expected at most {MAX_BYTES} bytes, found {len(data)}")
    try:
        plain = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FeaturesInvalid(f"expected JSON, found {type(error).__name__}") from error
    if not isinstance(plain, dict) or plain.get("version") != VERSION:
        return Schema.from_bytes(data)
    found = ImageSchema.from_plain(plain)
    if found.to_bytes() != data:
        raise FeaturesInvalid("expected the canonical encoding, found another of the same images")
    return found


def frozen_part_of(schema: Schema | ImageSchema) -> FrozenPart | None:
    """The frozen network before what is trained on, if these are images that have one."""
    return schema.frozen if isinstance(schema, ImageSchema) else None


def kit_files(schema: Schema | ImageSchema) -> dict[str, bytes]:
    """The files by which a kit, or a run, knows what its data are."""
    files = {FEATURES_NAME: schema.to_bytes()}
    frozen = frozen_part_of(schema)
    if frozen is not None and frozen.network is not None:
        files[FROZEN_NAME] = frozen.network.data
    return files


def complete(schema: Schema | ImageSchema, folder: Path) -> Schema | ImageSchema:
    """With the frozen network in this folder, where the schema names one; raises FeaturesInvalid."""
    if not isinstance(schema, ImageSchema) or schema.frozen is None:
        return schema
    path = folder / FROZEN_NAME
    try:
        network = FrozenNetwork.from_bytes(read_regular(path, MAX_NETWORK_BYTES))
        return schema.with_frozen(schema.frozen, network)
    except (NotReadable, ConfigurationError) as error:
        raise FeaturesInvalid(f"{path}: expected {error.expected}, found {error.actual}") from error
    except FeaturesInvalid as error:
        raise FeaturesInvalid(f"{path}: {error}") from error
