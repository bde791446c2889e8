"""What is counted of a consortium's tables before training: one public text for each round, and its vector.

    outline      of each column of numbers without a stated range, how many lie in each rough interval
    histograms   of every column, how many lie in each equal interval of its range, for 2, 4, 8 and more of
                 them, or have each level; of the label, each class; of all, how many are missing and how
                 many are neither
    moments      of columns of numbers and of orders, how many values there are, the sum of their places in
                 the range and the sum of the squares of these, in limbs of 20 bits

The range of a column is the one that the data dictionary states, else what the outline's sum shows. The text
is canonical JSON. It carries the dictionary as well, without centre and spread, which are what is looked for.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.plain import exactly, integer
from proofward.relations.rules.counting import MOST_TEXT, Counting
from proofward.statistics.intervals import ROUGH_CELLS, UNIT_BITS, Range
from proofward.statistics.limits import MOST_BINS, MOST_LEAST, USUAL_BINS, USUAL_LEAST

VERSION = "proofward/statistics/v1"
OUTLINE, HISTOGRAMS, MOMENTS = "outline", "histograms", "moments"
STEPS = (OUTLINE, HISTOGRAMS, MOMENTS)
NUMBER, LEVELS, ORDER = "number", "levels", "order"
ROUGH, BINS, PLACES, REST, SUMS = "rough", "bins", "places", "rest", "sums"
LABEL = "statistics: "
COUNT_BITS = LIMB_BITS = 20
MOST_ROWS = (1 << COUNT_BITS) - 1
SUM_LIMBS, SQUARE_LIMBS = 2, 3
MOST_LEVELS = 1000
ORDER_RANGE = Range(0.0, float(1 << UNIT_BITS))
"""In which the place of a level is itself."""


@dataclass(frozen=True)
class Counted:
    """A column. kind: NUMBER, LEVELS without an order, or ORDER. range: the stated one of numbers.

    levels: how many there are, 0 of numbers.
    """

    kind: str
    levels: int = 0
    range: Range | None = None

    def to_plain(self) -> dict[str, object]:
        """Canonical plain form."""
        ends = None if self.range is None else [self.range.low, self.range.high]
        return {"kind": self.kind, "levels": self.levels, "range": ends}

    @classmethod
    def from_plain(cls, values: object) -> Counted:
        """Inverse of `to_plain`; raises ConfigurationError."""
        plain: dict[str, Any] = exactly("statistics.columns", values, ("kind", "levels", "range"))
        ends = plain["range"]
        if ends is not None:
            if not isinstance(ends, list) or len(ends) != 2 or not all(type(end) is float for end in ends):
                raise ConfigurationError("statistics.range", "two numbers", str(type(ends)))
            if not (ends[0] < ends[1] and math.isfinite(ends[1] - ends[0])):
                raise ConfigurationError("statistics.range", "two ends in order", str(ends))
        kind, numbers = plain["kind"], plain["kind"] == NUMBER
        if kind not in (NUMBER, LEVELS, ORDER) or (ends is not None and not numbers):
            raise ConfigurationError("statistics.kind", f"{NUMBER}, {LEVELS} or {ORDER}", str(kind))
        levels = integer(
            "statistics.levels", plain["levels"], 0 if numbers else 1, 0 if numbers else MOST_LEVELS
        )
        return cls(kind, levels, None if ends is None else Range(*ends))


@dataclass(frozen=True)
class Block:
    """Consecutive entries of a vector about one column.

    column: its number. part: ROUGH, BINS, PLACES, REST or SUMS. bins: how many equal intervals there are. The
    last entry is the remainder, into which small counts go, but for sums, which are no counts.
    """

    column: int
    part: str
    length: int
    bins: int = 0


@dataclass(frozen=True)
class Layout:
    """columns: the table's, and that of the label behind them, as LEVELS. dictionary: in plain values.

    bins: equal intervals of a range, a power of two from 2 to 1024. least_count: a hospital says no smaller
    count but 0, and nothing of the sums of a column of fewer values; 1 to 1000.
    """

    columns: tuple[Counted, ...]
    dictionary: Mapping[str, Any]
    bins: int = USUAL_BINS
    least_count: int = USUAL_LEAST

    def __post_init__(self) -> None:
        integer("statistics.bins", self.bins, 2, MOST_BINS)
        if self.bins & (self.bins - 1):
            raise ConfigurationError("statistics.bins", "a power of two", self.bins)
        integer("statistics.least_count", self.least_count, 1, MOST_LEAST)
        if (length := len(self.text(HISTOGRAMS))) > MOST_TEXT:
            expected = f"columns that are said in at most {MOST_TEXT} characters"
            raise ConfigurationError("statistics.columns", expected, length)

    @cached_property
    def steps(self) -> tuple[str, ...]:
        """The rounds, in their order."""
        return tuple(step for step in STEPS if self.blocks(step))

    @property
    def partitions(self) -> tuple[int, ...]:
        """Equal intervals of a range: of the coarsest partition, and so on to the finest."""
        return tuple(1 << bits for bits in range(1, self.bins.bit_length()))

    def blocks(self, step: str) -> tuple[Block, ...]:
        """What a round's vector is made of."""
        return tuple(self._blocks(step))

    def _blocks(self, step: str) -> Iterator[Block]:
        for at, column in enumerate(self.columns):
            numbers = column.kind == NUMBER
            if step == OUTLINE and numbers and column.range is None:
                yield Block(at, ROUGH, ROUGH_CELLS + 1)
            elif step == HISTOGRAMS:
                if numbers:
                    yield from (Block(at, BINS, bins + 3, bins) for bins in self.partitions)
                else:
                    yield Block(at, PLACES, column.levels + 1)
                yield Block(at, REST, 3)
            elif step == MOMENTS and column.kind != LEVELS:
                yield Block(at, SUMS, 1 + SUM_LIMBS + SQUARE_LIMBS)

    def text(self, step: str) -> str:
        """The public description of a round's vector."""
        plain = {
            "version": VERSION,
            "step": step,
            "bins": self.bins,
            "least_count": self.least_count,
            "columns": [column.to_plain() for column in self.columns],
            "dictionary": self.dictionary,
        }
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))

    @property
    def digest(self) -> bytes:
        """SHA-256 over the texts of all rounds."""
        texts = [self.text(step) for step in self.steps]
        return hashlib.sha256(json.dumps(texts, ensure_ascii=False).encode()).digest()

    def countings(self) -> tuple[Counting, ...]:
        """As rules have it: one round each, and no other rounds; raises ConfigurationError."""
        return tuple(self._counting(step, number) for number, step in enumerate(self.steps, 1))

    def _counting(self, step: str, number: int) -> Counting:
        groups = tuple(block.length for block in self.blocks(step))
        return Counting(
            label=LABEL + step,
            description=self.text(step),
            length=sum(groups),
            bits=COUNT_BITS,
            rounds=(number,),
            groups=groups if len(groups) > 1 else (),
            least_count=1 if step == MOMENTS else self.least_count,
        )


def layout_in(text: str) -> tuple[Layout, str]:
    """The layout and the step that a description is of; raises ConfigurationError for any other text."""
    try:
        plain = json.loads(text)
        columns = tuple(Counted.from_plain(column) for column in plain["columns"])
        layout = Layout(columns, plain["dictionary"], plain["bins"], plain["least_count"])
        step = plain["step"]
        canonical = layout.text(step) if step in layout.steps else ""
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        found = type(error).__name__
        raise ConfigurationError("description", "one of statistics", found) from error
    if canonical != text:
        raise ConfigurationError("description", "the canonical one of statistics", "another")
    return layout, step
