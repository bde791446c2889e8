"""What is counted of a consortium's tables before training: one public text for each round, and its vector.

    outline      of each column of numbers without a stated range, how many lie in each rough interval
    histograms   of every column, how many lie in each equal interval of its range, or have each level; of
                 the label, each class; of all, how many are missing and how many are neither
    moments      of columns of numbers and of orders, how many values there are, the sum of their places in
                 the range and the sum of the squares of these, in limbs of 20 bits

The range of a column is the one that the data dictionary states, else what the outline's sum shows. The text
is canonical JSON. It has the columns as a reader of tables needs them, without centre and spread, which are
what is looked for.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from proofward.data.column_kinds import Category, Number, Ordinal, TableColumn
from proofward.data.feature import Feature, FeaturesInvalid
from proofward.data.schema import CLIPPED_PERCENT, DUPLICATE_PERCENT, Schema
from proofward.relations.counting import MOST_TEXT, Counting
from proofward.statistics.intervals import ROUGH_CELLS, UNIT_BITS, Range

VERSION = "proofward/statistics/v1"
OUTLINE, HISTOGRAMS, MOMENTS = "outline", "histograms", "moments"
ROUGH, BINS, LEVELS, REST, SUMS = "rough", "bins", "levels", "rest", "sums"
LABEL = "statistics: "
COUNT_BITS = LIMB_BITS = 20
SUM_LIMBS, SQUARE_LIMBS = 2, 3
USUAL_BINS, MOST_BINS, USUAL_LEAST, MOST_LEAST = 32, 1024, 5, 1000
ORDINAL_RANGE = Range(0.0, float(1 << UNIT_BITS))
"""In which the place of a level is itself."""


@dataclass(frozen=True)
class Block:
    """Consecutive entries of a vector about one column.

    column: its number; that of the label comes after all others. part: ROUGH, BINS, LEVELS, REST or SUMS.
    The last entry is the remainder, into which small counts go, but for sums, which are no counts.
    """

    column: int
    part: str
    length: int


@dataclass(frozen=True)
class StatisticsPlan:
    """schema: without centre and spread, see `of`. bins: equal intervals of a range, 2 to 1024.

    least_count: a hospital says no smaller count but 0, and nothing of a column of fewer values; 1 to 1000.
    """

    schema: Schema
    bins: int = USUAL_BINS
    least_count: int = USUAL_LEAST

    def __post_init__(self) -> None:
        for name, least, most in (("bins", 2, MOST_BINS), ("least_count", 1, MOST_LEAST)):
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= most:
                words = f"{name}: expected an integer in [{least}, {most}]"
                raise FeaturesInvalid(f"{words}, found {value!r:.40}")
        if self.schema != unscaled(self.schema):
            raise FeaturesInvalid("columns: expected none with centre, spread or a value for what is missing")
        if (length := len(self.text(HISTOGRAMS))) > MOST_TEXT:
            raise FeaturesInvalid(f"columns: expected at most {MOST_TEXT} characters, found {length}")

    @classmethod
    def of(cls, schema: Schema, bins: int = USUAL_BINS, least_count: int = USUAL_LEAST) -> StatisticsPlan:
        """Of the columns of a consortium, whatever their centres and spreads are."""
        return cls(unscaled(schema), bins, least_count)

    @cached_property
    def steps(self) -> tuple[str, ...]:
        """The rounds, in their order."""
        return tuple(step for step in (OUTLINE, HISTOGRAMS, MOMENTS) if self.blocks(step))

    def blocks(self, step: str) -> tuple[Block, ...]:
        """What a round's vector is made of."""
        return tuple(self._blocks(step))

    def _blocks(self, step: str) -> Iterator[Block]:
        label = len(self.schema.features)
        for at, column in enumerate(self.schema.features):
            levels = isinstance(column, Category | Ordinal)
            if step == OUTLINE and not levels and stated_range(column) is None:
                yield Block(at, ROUGH, ROUGH_CELLS + 1)
            elif step == HISTOGRAMS:
                yield Block(at, LEVELS, len(column.levels) + 1) if levels else Block(at, BINS, self.bins + 3)
                yield Block(at, REST, 3)
            elif step == MOMENTS and not isinstance(column, Category):
                yield Block(at, SUMS, 1 + SUM_LIMBS + SQUARE_LIMBS)
        if step == HISTOGRAMS:
            yield Block(label, LEVELS, len(self.schema.classes) + 1)
            yield Block(label, REST, 3)

    def text(self, step: str) -> str:
        """The public description of a round's vector."""
        plain = {
            "version": VERSION,
            "step": step,
            "bins": self.bins,
            "least_count": self.least_count,
            "columns": json.loads(self.schema.to_bytes()),
        }
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))

    @property
    def digest(self) -> bytes:
        """SHA-256 over the texts of all rounds."""
        texts = [self.text(step) for step in self.steps]
        return hashlib.sha256(json.dumps(texts, ensure_ascii=False).encode()).digest()

    def countings(self) -> tuple[Counting, ...]:
        """As rules have it: one round each, and no other rounds."""
        return tuple(self._counting(step, number) for number, step in enumerate(self.steps, 1))

    def _counting(self, step: str, number: int) -> Counting:
        blocks = self.blocks(step)
        groups = tuple(block.length for block in blocks)
        return Counting(
            label=LABEL + step,
            description=self.text(step),
            length=sum(groups),
            bits=COUNT_BITS,
            rounds=(number,),
            groups=groups if len(groups) > 1 else (),
            least_count=1 if step == MOMENTS else self.least_count,
        )


def plan_in(text: str) -> tuple[StatisticsPlan, str]:
    """The plan and the step that a description is of; raises FeaturesInvalid for any other text."""
    try:
        plain = json.loads(text)
        columns = json.dumps(plain["columns"], indent=1, ensure_ascii=False) + "\n"
        schema = Schema.from_bytes(columns.encode())
        plan, step = StatisticsPlan(schema, plain["bins"], plain["least_count"]), plain["step"]
    except FeaturesInvalid:
        raise
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise FeaturesInvalid(f"expected a description of statistics: {type(error).__name__}") from error
    if step not in plan.steps or plan.text(step) != text:
        raise FeaturesInvalid("expected the canonical description of statistics, found another")
    return plan, step


def unscaled(schema: Schema) -> Schema:
    """Columns as a reader needs them: without what values become."""
    notation = replace(schema.notation, clipped_percent=CLIPPED_PERCENT, duplicate_percent=DUPLICATE_PERCENT)
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


def stated_range(column: TableColumn) -> Range | None:
    """The one that the data dictionary states of a column of numbers, None where it states none."""
    if not isinstance(column, Number) or column.minimum is None or column.maximum is None:
        return None
    low, high = float(column.minimum), float(column.maximum)
    return Range(low, high) if low < high and math.isfinite(high - low) else None
