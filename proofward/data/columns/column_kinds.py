"""Columns of a table that are more than a number: admissible ranges, categories, orders, missing values.

    number      one feature, (x - centre) / spread, of a number from minimum to maximum
    category    a feature for each level of a fixed list, 1 where the cell is that level and 0 elsewhere, and
                one more for everything else where the consortium wants it
    ordinal     one feature: the place of the level in a fixed order, from 0, scaled as a number is

A cell is missing where it is empty or holds one of the column's codes for that. A missing value is refused,
or stands for a stated value; an indicator is one more feature, 1 where a value is missing. Of a category with
an indicator and no stated value all levels are 0 then.

All of it is exact: ones, zeros and places are, and a number is the double nearest to its decimal, scaled by
one subtraction and one division, which are the same on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from proofward.data.columns.feature import Feature, FeaturesInvalid, check_name, finite, folded, plain_number
from proofward.data.columns.missing_codes import Coded, check_codes

NUMBER, CATEGORY, ORDINAL = "number", "category", "ordinal"
MOST_LEVELS = 1000
OTHER, INDICATOR = "(other)", "(missing)"
Encoded = tuple[tuple[float, ...] | None, str]
"""The values of the features that a cell gives, or None and what is wrong."""


@dataclass(frozen=True)
class Number(Coded):
    """A number with a range or a rule for missing values. missing: None where they are refused."""

    feature: Feature
    minimum: float | None = None
    maximum: float | None = None
    missing: float | None = None
    indicator: bool = False
    missing_codes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("minimum", "maximum", "missing"):
            value = getattr(self, name)
            if value is not None and (type(value) not in (int, float) or not finite(value)):
                words = f"{name} of feature {self.name}: expected a number"
                raise FeaturesInvalid(f"{words}, found {value!r:.40}")
        low, high = self.minimum, self.maximum
        if low is not None and high is not None and low > high:
            expected = f"expected a minimum up to the maximum {high}"
            raise FeaturesInvalid(f"feature {self.name}: {expected}, found {low}")
        if self.missing is not None and self.outside(self.missing):
            expected = "expected a value in its range"
            raise FeaturesInvalid(f"missing of feature {self.name}: {expected}, found {self.missing}")
        _check_indicator(self.name, self.indicator, self.missing is not None)
        check_codes(self.name, self.missing_codes)

    @property
    def name(self) -> str:
        """The column."""
        return self.feature.name

    @property
    def unit(self) -> str:
        """Of its numbers."""
        return self.feature.unit

    @property
    def inputs(self) -> tuple[Feature, ...]:
        """The features that it gives."""
        return (self.feature, *_indicator(self.name, self.indicator))

    def outside(self, value: float) -> bool:
        """Whether a value is not in the agreed range."""
        low, high = self.minimum, self.maximum
        return (low is not None and value < low) or (high is not None and value > high)

    def encode(self, value: float | None) -> Encoded:
        """Of a cell's number, None for one without."""
        if value is None or self.codes.has_number(value):
            if self.missing is None:
                return None, self.words_of_missing
            return (float(self.missing), *((1.0,) if self.indicator else ())), ""
        if self.outside(value):
            return None, f"numbers outside the agreed range, {_range(self.minimum, self.maximum)}"
        return (value, *((0.0,) if self.indicator else ())), ""

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        limits = {"minimum": self.minimum, "maximum": self.maximum}
        return {
            "kind": NUMBER, **self.feature.to_plain(),
            **{name: float(value) for name, value in limits.items() if value is not None},
            **_plain_missing(
                None if self.missing is None else float(self.missing), self.indicator, self.missing_codes
            ),
        }  # fmt: skip


@dataclass(frozen=True)
class _Levels(Coded):
    """A column of levels: a fixed list of texts, which are compared as numbers where all of them are."""

    name: str
    levels: tuple[str, ...]

    @cached_property
    def _places(self) -> dict[str | float, int]:
        numbers = [plain_number(folded(level)) for level in self.levels]
        if all(number is not None for number in numbers):
            return {number: at for at, number in enumerate(numbers) if number is not None}
        return {folded(level): at for at, level in enumerate(self.levels)}

    def place(self, text: str) -> int | None:
        """Of a cell among the levels."""
        found = self._places.get(folded(text))
        if found is None and (number := plain_number(folded(text))) is not None:
            found = self._places.get(number)
        return found

    def check(self, least: int, missing: str | None, codes: Sequence[str]) -> None:
        """Raises FeaturesInvalid."""
        check_name("name of a feature", self.name)
        if not least <= len(self.levels) <= MOST_LEVELS:
            expected = f"expected {least} to {MOST_LEVELS} levels"
            raise FeaturesInvalid(f"levels of feature {self.name}: {expected}, found {len(self.levels)}")
        for level in self.levels:
            check_name(f"level of feature {self.name}", level)
        if len(self._places) != len(self.levels):
            raise FeaturesInvalid(f"levels of feature {self.name}: expected different ones, found one twice")
        if missing is not None and self.place(missing) is None:
            expected = "expected one of its levels"
            raise FeaturesInvalid(f"missing of feature {self.name}: {expected}, found {missing!r:.80}")
        check_codes(self.name, codes)
        if both := [code for code in codes if self.place(code) is not None]:
            words = f"missing_codes of feature {self.name}: expected none of its levels"
            raise FeaturesInvalid(f"{words}, found {both[0]!r:.80}")

    @property
    def _unknown(self) -> str:
        shown = ", ".join(self.levels[:8])
        if len(self.levels) > 8:
            shown += f" and {len(self.levels) - 8} more"
        return f"cells that are none of the agreed levels, {shown}"


@dataclass(frozen=True)
class Category(_Levels):
    """other: whether everything else is a level, too. missing: a level, None where it is refused."""

    other: bool = False
    missing: str | None = None
    indicator: bool = False
    missing_codes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if type(self.other) is not bool:
            words = f"other of feature {self.name}: expected true or false"
            raise FeaturesInvalid(f"{words}, found {self.other!r:.40}")
        self.check(1 if self.other else 2, self.missing, self.missing_codes)
        _check_indicator(self.name, self.indicator, True)

    @cached_property
    def inputs(self) -> tuple[Feature, ...]:
        """The features that it gives: its levels in their order, everything else, missing."""
        names = [f"{self.name}={level}" for level in (*self.levels, *((OTHER,) if self.other else ()))]
        return (*(Feature(name, 0.0, 1.0) for name in names), *_indicator(self.name, self.indicator))

    def encode(self, text: str) -> Encoded:
        """Of a cell's text, "" for an empty cell."""
        values = [0.0] * len(self.inputs)
        if not text or self.codes.has(text):
            if self.missing is None and not self.indicator:
                return None, self.words_of_missing
            if self.indicator:
                values[-1] = 1.0
            text = self.missing or ""
            if not text:
                return tuple(values), ""
        at = self.place(text)
        if at is None:
            if not self.other:
                return None, self._unknown
            at = len(self.levels)
        values[at] = 1.0
        return tuple(values), ""

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        plain: dict[str, object] = {"kind": CATEGORY, "name": self.name, "levels": list(self.levels)}
        missing = _plain_missing(self.missing, self.indicator, self.missing_codes)
        return {**plain, "other": self.other, **missing}


@dataclass(frozen=True)
class Ordinal(_Levels):
    """Levels in their order; centre and spread are of their places, from 0."""

    centre: float = 0.0
    spread: float = 1.0
    missing: str | None = None
    indicator: bool = False
    missing_codes: tuple[str, ...] = ()
    feature: Feature = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "feature", Feature(self.name, self.centre, self.spread))
        self.check(2, self.missing, self.missing_codes)
        _check_indicator(self.name, self.indicator, self.missing is not None)

    @property
    def inputs(self) -> tuple[Feature, ...]:
        """The features that it gives."""
        return (self.feature, *_indicator(self.name, self.indicator))

    def encode(self, text: str) -> Encoded:
        """Of a cell's text, "" for an empty cell."""
        missing = not text or self.codes.has(text)
        if missing and self.missing is None:
            return None, self.words_of_missing
        at = self.place((self.missing or "") if missing else text)
        if at is None:
            return None, self._unknown
        return (float(at), *((float(missing),) if self.indicator else ())), ""

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        plain: dict[str, object] = {"kind": ORDINAL, "name": self.name, "levels": list(self.levels)}
        scaled = {"centre": float(self.centre), "spread": float(self.spread)}
        return {**plain, **scaled, **_plain_missing(self.missing, self.indicator, self.missing_codes)}


TableColumn = Feature | Number | Category | Ordinal
"""A column of a table, as a consortium agrees on it."""


def column_from_plain(plain: Mapping[str, Any]) -> TableColumn:
    """Inverse of `to_plain` of any kind; raises FeaturesInvalid, and what wrong types raise."""
    values = dict(plain)
    if "missing_codes" in values:
        values["missing_codes"] = tuple(values["missing_codes"])
    kind = values.pop("kind", None)
    if kind is None:
        return Feature(**values)
    if kind == NUMBER:
        names = ("minimum", "maximum", "missing", "indicator", "missing_codes")
        own = {name: values.pop(name) for name in names if name in values}
        return Number(Feature(**values), **own)
    if kind not in (CATEGORY, ORDINAL):
        raise FeaturesInvalid(f"kind: expected {NUMBER}, {CATEGORY} or {ORDINAL}, found {kind!r:.80}")
    values["levels"] = tuple(values["levels"])
    return Category(**values) if kind == CATEGORY else Ordinal(**values)


def inputs_of(columns: Sequence[TableColumn]) -> tuple[Feature, ...]:
    """The features of a model that takes these columns, in its order."""
    return tuple(feature for column in columns for feature in column.inputs)


def is_plain(columns: Sequence[TableColumn]) -> bool:
    """Whether each is a number without a range and a rule for missing values."""
    return all(isinstance(column, Feature) for column in columns)


def _indicator(name: str, wanted: bool) -> tuple[Feature, ...]:
    return (Feature(f"{name} {INDICATOR}", 0.0, 1.0),) if wanted else ()


def _check_indicator(name: str, indicator: object, stated: bool) -> None:
    if type(indicator) is not bool:
        raise FeaturesInvalid(f"indicator of feature {name}: expected true or false, found {indicator!r:.40}")
    if indicator and not stated:
        raise FeaturesInvalid(f"feature {name}: expected a stated value, missing, beside its indicator")


def _plain_missing(missing: object, indicator: bool, codes: Sequence[str]) -> dict[str, object]:
    stated = {} if missing is None else {"missing": missing}
    listed = {"missing_codes": list(codes)} if codes else {}
    return {**stated, **({"indicator": True} if indicator else {}), **listed}


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return f"up to {high:g}"
    return f"from {low:g}" if high is None else f"{low:g} to {high:g}"
