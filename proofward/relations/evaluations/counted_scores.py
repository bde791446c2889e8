"""How the scores of samples are counted in a proof: of two classes, or of three and more."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from proofward.field.extension import ext_add
from proofward.field.goldilocks import to_field
from proofward.layers.arithmetic.ranges import RangeChecks
from proofward.layers.basics.layout import padded
from proofward.layers.columns.stack import Units
from proofward.proof.forms import Form, Point
from proofward.proof.party import Party
from proofward.relations.evaluations.class_bins import ClassBins
from proofward.relations.evaluations.class_histogram import ClassHistogram, cells_of
from proofward.relations.evaluations.counted_cells import Cells, Claims
from proofward.relations.evaluations.evaluation_statement import EvaluationStatement
from proofward.relations.evaluations.level_counts import BlockOfCounts, sums_of
from proofward.relations.evaluations.score_bins import ScoreBins
from proofward.relations.evaluations.score_histogram import (
    CELLS,
    ConfusionTable,
    ScoreHistogram,
    cells_of_both,
)
from proofward.relations.rules.blocks import Entries
from proofward.relations.uploads.encryption import Encrypted

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class KnownScores:
    """A prover's: exact logits (samples, padded), and each sample's class, -1 where there is no record."""

    logits: Callable[[], Signed]
    classes: Callable[[], Signed]


class CountedScores(ABC):
    """The columns and lookups by which samples are counted; cells: what each of them looks up."""

    claims: Claims
    cells: tuple[Cells, ...]

    @property
    @abstractmethod
    def block(self) -> BlockOfCounts:
        """How the counts of some records lie."""

    @property
    @abstractmethod
    def blocks(self) -> Sequence[Entries]:
        """Of the encrypted vector, the counts of all records."""

    @property
    @abstractmethod
    def encrypted(self) -> Sequence[Encrypted]:
        """What each of them has."""

    @abstractmethod
    def logits(self, party: Party) -> tuple[Point, Units, Form]:
        """Behind the lookups: a point of the samples, weights over the logits, and their sum there."""


@dataclass(frozen=True, slots=True)
class TwoClasses(CountedScores):
    """By the difference of the logits."""

    statement: EvaluationStatement
    bins: ScoreBins
    claims: Claims
    cells: tuple[Cells, ...]
    histogram: ScoreHistogram

    @staticmethod
    def declare(ranges: RangeChecks, statement: EvaluationStatement, known: KnownScores) -> TwoClasses:
        """Declare the columns and their lookups."""
        head, about = statement.config.model.head, statement.forward_pass
        bins = ScoreBins.declare(
            ranges,
            statement.edges,
            about.log_records,
            lambda: head.scored_sums(known.logits()).reshape(-1),
        )
        claims = _claims(ranges.party, statement, known)
        cells = cells_of_both(bins.bin, statement.layout.bins, claims)
        histogram = ScoreHistogram.declare(
            ranges.party, ranges.lookups, statement.layout.bins, cells, lambda: statement.blank
        )
        return TwoClasses(statement, bins, claims, (cells,), histogram)

    @property
    def block(self) -> BlockOfCounts:
        counted = 2 * self.histogram.bins

        def folded(weights: Array) -> Array:
            own, taken = weights[:, :, :counted], weights[:, :, counted:]
            spread = np.repeat(taken, counted // CELLS, axis=2)
            return ext_add(np.ascontiguousarray(own), np.ascontiguousarray(spread))

        def whole(counts: Array) -> Array:
            return np.concatenate([counts, sums_of(counts, CELLS)], axis=1)

        return BlockOfCounts(counted, counted, range(counted), counted + CELLS, folded, whole)

    @property
    def blocks(self) -> Sequence[Entries]:
        return self.histogram.blocks

    @property
    def encrypted(self) -> Sequence[Encrypted]:
        return self.histogram, ConfusionTable(self.histogram)

    def logits(self, party: Party) -> tuple[Point, Units, Form]:
        point, difference = self.bins.differences(party)
        return point, self.statement.config.model.head.scored_logits(()), difference


@dataclass(frozen=True, slots=True)
class SeveralClasses(CountedScores):
    """By the probabilities of all classes."""

    statement: EvaluationStatement
    bins: ClassBins
    claims: Claims
    cells: tuple[Cells, ...]
    histogram: ClassHistogram

    @staticmethod
    def declare(ranges: RangeChecks, statement: EvaluationStatement, known: KnownScores) -> SeveralClasses:
        """Declare the columns and their lookups."""
        bins = statement.layout.bins
        found = ClassBins.declare(ranges, statement.forward_pass, bins, known.logits)
        claims = _claims(ranges.party, statement, known)
        cells = cells_of(found, bins, claims)
        histogram = ClassHistogram.declare(
            ranges.lookups, cells, claims, bins, lambda: statement.blank_cells
        )
        return SeveralClasses(statement, found, claims, cells, histogram)

    @property
    def block(self) -> BlockOfCounts:
        bins, size = self.statement.layout.bins, self.histogram.size
        once = range(2 * bins * self.claims.count, size)
        same = np.ascontiguousarray
        return BlockOfCounts(size + padded(bins), size, once, size, same, same)

    @property
    def blocks(self) -> Sequence[Entries]:
        return (self.histogram.block,)

    @property
    def encrypted(self) -> Sequence[Encrypted]:
        return (self.histogram,)

    def logits(self, party: Party) -> tuple[Point, Units, Form]:
        self.bins.prove(party)
        point, claim = self.bins.rounding.claim
        log_samples = self.claims.log_samples
        units = self.statement.config.model.head.scored_logits(point[log_samples:])
        return point[:log_samples], units, claim


def _claims(party: Party, statement: EvaluationStatement, known: KnownScores) -> Claims:
    """On the labels of the samples."""
    head = statement.config.model.head

    @cache
    def bits() -> Array:
        """Those of labels over (sample, bit); none of them is 1 where there is no record."""
        classes = known.classes()
        own = head.encode(np.maximum(classes, 0))
        return to_field(head.labels.pad(np.where(classes[:, None] < 0, 0, own)).reshape(-1))

    def numbers() -> Signed:
        return np.maximum(known.classes(), 0)

    return Claims(party, statement.forward_pass.log_records, bits, numbers, head.classes)


def counted_scores(
    ranges: RangeChecks, statement: EvaluationStatement, known: KnownScores
) -> CountedScores:
    """By the number of classes."""
    kind = TwoClasses if statement.layout.classes == 2 else SeveralClasses
    return kind.declare(ranges, statement, known)
