"""What an evaluation counts: histograms of scores by class and subgroup, and confusion tables, as one vector.

A record's score for a class is the probability that the model gives it, a number in [0, 1]. Of two classes
only class 1 is scored, else every class, one against the rest. Bin b of B holds scores p with
    b / B < p <= (b + 1) / B,
and bin 0 also p = 0. So "p above b / B" is what lies in bin b and above. Of two classes a record is taken for
class 1 where p is above 1/2, which is a border of bins where B is even.

The vector has a block for all records and one for each level of each subgroup. A block has
    for each class that is scored: B counts of the other classes' records, B counts of its own
    K^2 counts of the confusion table: a row for what records are, a column for what they are taken for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.plain import MOST_CLASSES, exactly, integer
from proofward.layers.rules.model import Int64Array
from proofward.layers.rules.subgroup import Subgroup

KIND = "proofward/score-counts/v1"
LEAST_BINS, MOST_BINS = 2, 1024
MOST_LEAST_COUNT = 1 << 20
MOST_SUBGROUPS = 64
_DIGEST_CHARACTERS = 64
_NAMES = ("kind", "classes", "bins", "least_count", "subgroups", "outside")


@dataclass(frozen=True)
class Block:
    """The counts of some records.

    subgroup, level: whose they are, "" of all. histograms: int64 (scored classes, 2, bins), of each class
    those of the others and its own. confusion: int64 (classes, classes).
    """

    subgroup: str
    level: str
    histograms: Int64Array
    confusion: Int64Array

    @property
    def rows(self) -> int:
        """How many records were counted."""
        return int(self.confusion.sum())


@dataclass(frozen=True)
class ScoreLayout:
    """A public record: its text is canonical, and its digest stands for it.

    classes: 2 to 64
    bins: 2 to 1024
    least_count: 1 to 2^20; a subgroup's level with fewer records of a hospital is not counted there
        (`score_counts.told_levels`), and none with fewer records of a class is shown
    subgroups: up to 64, with different names and features: the difference of levels that share some would
        be a level of records of both
    outside: hexadecimal SHA-256 of a model's file that is evaluated, "" for the federation's own model
    """

    classes: int
    bins: int
    least_count: int
    subgroups: tuple[Subgroup, ...] = ()
    outside: str = ""

    def __post_init__(self) -> None:
        integer("evaluation.classes", self.classes, 2, MOST_CLASSES)
        integer("evaluation.bins", self.bins, LEAST_BINS, MOST_BINS)
        integer("evaluation.least_count", self.least_count, 1, MOST_LEAST_COUNT)
        if type(self.subgroups) is not tuple or len(self.subgroups) > MOST_SUBGROUPS:
            expected = f"up to {MOST_SUBGROUPS} subgroups"
            raise ConfigurationError("evaluation.subgroups", expected, self.subgroups)
        names = [own.name for own in self.subgroups]
        if len(set(names)) != len(names):
            raise ConfigurationError("evaluation.subgroups", "different names", names)
        taken = [place for own in self.subgroups for place in own.places]
        if len(set(taken)) != len(taken):
            raise ConfigurationError("evaluation.subgroups", "features of their own for each", names)
        if self.outside != "" and not _is_digest(self.outside):
            expected = f"{_DIGEST_CHARACTERS} hexadecimal digits, or none"
            raise ConfigurationError("evaluation.outside", expected, self.outside)

    @property
    def scored(self) -> tuple[int, ...]:
        """The classes that have histograms."""
        return (1,) if self.classes == 2 else tuple(range(self.classes))

    @property
    def parts(self) -> tuple[int, ...]:
        """Lengths of the consecutive parts of a block; each sums to the records of the block."""
        return (*[2 * self.bins] * len(self.scored), self.classes**2)

    @property
    def groups(self) -> tuple[int, ...]:
        """The parts of all blocks."""
        return self.parts * (1 + sum(len(own.levels) for own in self.subgroups))

    @property
    def length(self) -> int:
        """Counts of the vector."""
        return sum(self.groups)

    @property
    def of_blocks(self) -> Iterator[tuple[str, str]]:
        """Subgroup and level of each block."""
        yield "", ""
        for own in self.subgroups:
            for level in own.levels:
                yield own.name, level

    def blocks(self, counts: Int64Array) -> tuple[Block, ...]:
        """The parts of a vector; raises ConfigurationError for one that no records have."""
        if counts.shape != (self.length,) or counts.dtype != np.int64 or (counts < 0).any():
            found = f"{counts.dtype} of shape {counts.shape}"
            raise ConfigurationError("counts", f"int64 ({self.length},), none below 0", found)
        each = zip(self.of_blocks, counts.reshape(-1, sum(self.parts)), strict=True)
        blocks = tuple(self._block(*names, own) for names, own in each)
        for block in blocks:
            self._check(block)
        return blocks

    def fits(self, counts: Int64Array) -> bool:
        """Whether records can have this vector."""
        try:
            self.blocks(counts)
        except ConfigurationError:
            return False
        return True

    def _block(self, subgroup: str, level: str, own: Int64Array) -> Block:
        at = 2 * self.bins * len(self.scored)
        histograms = own[:at].reshape(len(self.scored), 2, self.bins)
        return Block(subgroup, level, histograms, own[at:].reshape(self.classes, self.classes))

    def _check(self, block: Block) -> None:
        """Every part counts the same records."""
        inside = block.confusion.sum(axis=1)[list(self.scored)]
        rows = np.stack([block.rows - inside, inside], axis=1)
        if not np.array_equal(block.histograms.sum(axis=2), rows):
            where = f"{block.subgroup} {block.level}".strip() or "all records"
            expected = "as many records of each class in every part"
            raise ConfigurationError(f"counts of {where}", expected, "others")

    def to_text(self) -> str:
        """Canonical JSON."""
        plain = {
            "kind": KIND, "classes": self.classes, "bins": self.bins, "least_count": self.least_count,
            "subgroups": [own.to_dict() for own in self.subgroups], "outside": self.outside,
        }  # fmt: skip
        return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str) -> ScoreLayout:
        """Inverse of `to_text`, of this text and no other; raises ConfigurationError."""
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ConfigurationError("evaluation", "JSON", type(error).__name__) from error
        plain = exactly("evaluation", values, _NAMES)
        if plain.pop("kind") != KIND:
            raise ConfigurationError("evaluation.kind", KIND, "another")
        subgroups = plain.pop("subgroups")
        if not isinstance(subgroups, list):
            raise ConfigurationError("evaluation.subgroups", "a list", type(subgroups).__name__)
        found = cls(**plain, subgroups=tuple(map(Subgroup.from_dict, subgroups)))  # type: ignore[arg-type]
        if found.to_text() != text:
            raise ConfigurationError("evaluation", "the canonical text", "another text of the same record")
        return found

    @property
    def digest(self) -> bytes:
        """SHA-256 of the text."""
        return hashlib.sha256(self.to_text().encode()).digest()


def is_layout(text: str) -> bool:
    """Whether a text says that it is such a record, well-formed or not."""
    return f'"kind":"{KIND}"' in text


def sum_of(vectors: Sequence[Int64Array]) -> Int64Array:
    """The counts of several hospitals together."""
    total: Int64Array = np.sum(np.stack(vectors), axis=0, dtype=np.int64)
    return total


def _is_digest(text: object) -> bool:
    hexadecimal = set("0123456789abcdef")
    return isinstance(text, str) and len(text) == _DIGEST_CHARACTERS and set(text) <= hexadecimal
