"""A feature of a model: its name, its unit and the constants by which it is scaled."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from proofward.encoding.errors import OtherKind

MAX_NAME, MAX_UNIT = 200, 40
_PLAIN_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


class FeaturesInvalid(ValueError):
    """A schema that makes no sense: what is wrong, expected and found."""


class NoFeatures(FeaturesInvalid, OtherKind):
    """A file that is no schema at all."""


def folded(name: str) -> str:
    """A column's name as names are compared: without blanks at its ends, accents in one encoding."""
    return unicodedata.normalize("NFC", name.strip())


def plain_number(text: str) -> float | None:
    """The value of a decimal number with a point, None for any other text and for what is not finite."""
    value = float(text) if _PLAIN_NUMBER.fullmatch(text) else math.inf
    return value if math.isfinite(value) else None


def check_name(what: str, name: object) -> None:
    """Raises FeaturesInvalid for what is no name of a column or a value."""
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise FeaturesInvalid(f"{what}: expected 1 to {MAX_NAME} characters, found {name!r:.80}")
    if name != name.strip():
        raise FeaturesInvalid(f"{what} {name!r}: expected a name without spaces at its ends")


@dataclass(frozen=True)
class Feature:
    """A value x of the column `name` becomes (x - centre) / spread. unit: "" where none is given."""

    name: str
    centre: float
    spread: float
    unit: str = ""

    def __post_init__(self) -> None:
        name, unit = self.name, self.unit
        check_name("name of a feature", name)
        for constant in ("centre", "spread"):
            value = getattr(self, constant)
            if type(value) not in (int, float) or not finite(value):
                raise FeaturesInvalid(f"{constant} of feature {name}: expected a number, found {value!r:.40}")
        if self.spread <= 0:
            raise FeaturesInvalid(f"spread of feature {name}: expected more than 0, found {self.spread!r}")
        if not isinstance(unit, str) or len(unit) > MAX_UNIT or not (unit == "" or unit.isprintable()):
            words = f"unit of feature {name}: expected a text of at most {MAX_UNIT} characters"
            raise FeaturesInvalid(f"{words}, found {unit!r:.80}")

    @property
    def inputs(self) -> tuple[Feature, ...]:
        """The features that the column gives: itself."""
        return (self,)

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        scaled = {"centre": float(self.centre), "spread": float(self.spread)}
        return {"name": self.name, "unit": self.unit, **scaled}


def finite(value: float) -> bool:
    """Whether it is a number, and one that a double holds."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def check_features(features: Sequence[Feature]) -> None:
    """Raises FeaturesInvalid when two have one name."""
    seen: set[str] = set()
    for feature in features:
        if folded(feature.name) in seen:
            raise FeaturesInvalid(f"features: expected distinct names, found {feature.name} twice")
        seen.add(folded(feature.name))
