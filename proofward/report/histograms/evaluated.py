"""All figures of a vector of counts: of all records, and of every subgroup that may be shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.model import Int64Array
from proofward.relations.scores.score_layout import Block, ScoreLayout
from proofward.report.histograms.calibration import brier, brier_of, reliability
from proofward.report.histograms.histogram import Histogram
from proofward.report.histograms.ranking import (
    Bounded,
    area_interval,
    average_precision,
    precision_points,
    roc_area,
    roc_points,
)
from proofward.report.histograms.shares import Share
from proofward.report.histograms.thresholds import AtThreshold, at_thresholds

FORMAT = "proofward/evaluation/v1"


@dataclass(frozen=True)
class OneClass:
    """The histograms of one class against the others."""

    name: str
    of: Histogram

    @cached_property
    def thresholds(self) -> tuple[AtThreshold, ...]:
        """Confusion and net benefit at every edge of bins."""
        return at_thresholds(self.of)

    def to_plain(self, least: int) -> dict[str, object]:
        """Plain values for JSON; what needs records of both kinds is None without them."""
        of, tells = self.of, self.of.tells
        recall, precision = precision_points(of) if tells else ((), ())
        false, true = roc_points(of) if tells else ((), ())
        return {
            "class": self.name,
            "records": {"of_the_class": int(of.inside.sum()), "others": int(of.others.sum())},
            "auc": {**roc_area(of).to_plain(), "interval": list(area_interval(of))} if tells else None,
            "average_precision": average_precision(of).to_plain() if tells else None,
            "brier": brier(of).to_plain(),
            "roc": {"false_positives": list(map(float, false)), "true_positives": list(map(float, true))},
            "precision_recall": {
                "recall": list(map(float, recall)),
                "precision": list(map(float, precision)),
            },
            "reliability": [entry.to_plain() for entry in reliability(of, least)],
            "thresholds": [entry.to_plain() for entry in self.thresholds],
            "histogram": {"others": of.others.tolist(), "of_the_class": of.inside.tolist()},
        }


@dataclass(frozen=True)
class Group:
    """The figures of some records, of which there are some. names: of all classes."""

    names: tuple[str, ...]
    scored: tuple[int, ...]
    block: Block

    @property
    def title(self) -> str:
        """Whose figures they are."""
        return f"{self.block.subgroup}: {self.block.level}" if self.block.subgroup else "all records"

    @cached_property
    def classes(self) -> tuple[OneClass, ...]:
        """Those that are scored: of two the second."""
        pairs = zip(self.scored, self.block.histograms, strict=True)
        return tuple(OneClass(self.names[number], Histogram(*own)) for number, own in pairs)

    @property
    def accuracy(self) -> Share:
        """Records that were taken for what they are."""
        return Share(int(self.block.confusion.trace()), self.block.rows)

    @property
    def brier(self) -> Bounded:
        """Of all classes."""
        return brier_of(tuple(own.of for own in self.classes))

    @property
    def auc(self) -> float | None:
        """Of two classes that of the second, else the mean over classes; None where none has any."""
        areas = [roc_area(own.of).value for own in self.classes if own.of.tells]
        return sum(areas) / len(areas) if areas else None

    def to_plain(self, least: int) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "subgroup": self.block.subgroup or None,
            "level": self.block.level or None,
            "records": self.block.rows,
            "accuracy": self.accuracy.to_plain(),
            "brier": self.brier.to_plain(),
            "confusion": self.block.confusion.tolist(),
            "classes": [own.to_plain(least) for own in self.classes],
        }


@dataclass(frozen=True)
class Evaluated:
    """counts: a vector of the layout. classes: names of the classes, by their numbers."""

    layout: ScoreLayout
    classes: tuple[str, ...]
    counts: Int64Array

    def __post_init__(self) -> None:
        if len(self.classes) != self.layout.classes:
            raise ConfigurationError("names of classes", str(self.layout.classes), len(self.classes))

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """All of them, shown or not; raises ConfigurationError for counts that no records have."""
        return self.layout.blocks(self.counts)

    @property
    def counted(self) -> bool:
        """Whether any record was counted; without one there are no figures."""
        return self.blocks[0].rows > 0

    @cached_property
    def whole(self) -> Group:
        """The figures of all records; raises ConfigurationError where there are none."""
        if not self.counted:
            raise ConfigurationError("records that were counted", "some", 0)
        return self._group(self.blocks[0])

    @cached_property
    def subgroups(self) -> tuple[Group, ...]:
        """Those that may be shown."""
        return tuple(self._group(block) for block in self.blocks[1:] if self.shows(block))

    @property
    def withheld(self) -> Iterator[Block]:
        """Levels of subgroups that are not shown."""
        return (block for block in self.blocks[1:] if not self.shows(block))

    def shows(self, block: Block) -> bool:
        """Whether a subgroup's level has the least count of records of every class, or all records."""
        return not block.subgroup or int(block.confusion.sum(axis=1).min()) >= self.layout.least_count

    def _group(self, block: Block) -> Group:
        return Group(self.classes, self.layout.scored, block)

    def to_plain(self) -> dict[str, object]:
        """Plain values for JSON."""
        least = self.layout.least_count
        return {
            "format": FORMAT,
            "layout": self.layout.digest.hex(),
            "bins": self.layout.bins,
            "least_count": least,
            "classes": list(self.classes),
            "whole": self.whole.to_plain(least) if self.counted else None,
            "subgroups": [own.to_plain(least) for own in self.subgroups],
            "not_shown": [[block.subgroup, block.level] for block in self.withheld],
        }
