"""How the scores of samples are counted in a proof: of two classes, or of three and more."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from proofward.field.goldilocks import to_field
from proofward.layers.ranges import RangeChecks
from proofward.layers.stack import Units
from proofward.proof.forms import Form, Point
from proofward.proof.party import Party
from proofward.relations.blocks import Entries
from proofward.relations.class_bins import ClassBins
from proofward.relations.class_histogram import ClassHistogram, cells_of
from proofward.relations.counted_cells import Claims
from proofward.relations.dataset import SelectedRows
from proofward.relations.encryption import Encrypted
from proofward.relations.evaluation_statement import EvaluationStatement
from proofward.relations.score_bins import ScoreBins
from proofward.relations.score_histogram import ConfusionTable, ScoreHistogram

Array = npt.NDArray[np.uint64]
Signed = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class KnownScores:
    """A prover's: exact logits (samples, padded), and each sample's class, -1 where there is no record."""

    logits: Callable[[], Signed]
    classes: Callable[[], Signed]


class CountedScores(ABC):
    """The columns and lookups by which the samples of an evaluation are counted."""

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

    @abstractmethod
    def prove_labels(self, party: Party, selected: SelectedRows) -> None:
        """The classes of the samples are those of the selected rows."""


@dataclass(frozen=True, slots=True)
class TwoClasses(CountedScores):
    """By the difference of the logits."""

    statement: EvaluationStatement
    bins: ScoreBins
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
        histogram = ScoreHistogram.declare(
            ranges.party,
            ranges.lookups,
            statement.layout.bins,
            bins.bin,
            lambda: np.maximum(known.classes(), 0),
            lambda: statement.blank,
        )
        return TwoClasses(statement, bins, histogram)

    @property
    def blocks(self) -> Sequence[Entries]:
        return self.histogram.blocks

    @property
    def encrypted(self) -> Sequence[Encrypted]:
        return self.histogram, ConfusionTable(self.histogram)

    def logits(self, party: Party) -> tuple[Point, Units, Form]:
        point, difference = self.bins.differences(party)
        return point, self.statement.config.model.head.scored_logits(()), difference

    def prove_labels(self, party: Party, selected: SelectedRows) -> None:
        samples, classes = self.histogram.classes
        selected.assert_labels(party, samples, (), classes)


@dataclass(frozen=True, slots=True)
class SeveralClasses(CountedScores):
    """By the probabilities of all classes."""

    statement: EvaluationStatement
    bins: ClassBins
    histogram: ClassHistogram
    claims: Claims

    @staticmethod
    def declare(ranges: RangeChecks, statement: EvaluationStatement, known: KnownScores) -> SeveralClasses:
        """Declare the columns and their lookups."""
        head, about, bins = statement.config.model.head, statement.forward_pass, statement.layout.bins

        @cache
        def bits() -> Array:
            return to_field(head.labels.pad(head.encode(known.classes())).reshape(-1))

        def numbers() -> Signed:
            return np.maximum(known.classes(), 0)

        found = ClassBins.declare(ranges, about, bins, known.logits)
        claims = Claims(ranges.party, about.log_records, bits, numbers, head.classes)
        histogram = ClassHistogram.declare(
            ranges.lookups, cells_of(found, bins, claims), claims, bins, lambda: statement.blank_cells
        )
        return SeveralClasses(statement, found, histogram, claims)

    @property
    def blocks(self) -> Sequence[Entries]:
        return (self.histogram.block,)

    @property
    def encrypted(self) -> Sequence[Encrypted]:
        return (self.histogram,)

    def logits(self, party: Party) -> tuple[Point, Units, Form]:
        self.bins.prove(party)
        point, claim = self.bins.rounding.claim
        log_samples = self.statement.forward_pass.log_records
        units = self.statement.config.model.head.scored_logits(point[log_samples:])
        return point[:log_samples], units, claim

    def prove_labels(self, party: Party, selected: SelectedRows) -> None:
        del party
        self.claims.prove(selected)


def counted_scores(
    ranges: RangeChecks, statement: EvaluationStatement, known: KnownScores
) -> CountedScores:
    """By the number of classes."""
    kind = TwoClasses if statement.layout.classes == 2 else SeveralClasses
    return kind.declare(ranges, statement, known)
