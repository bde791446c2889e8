"""What a federation in Python answers: results with names, which print as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofward.cli.evidence.ledgers.audit_words import describe, screen, to_document
from proofward.data.reading.records import Records
from proofward.report.audits.audit_summary import AuditSummary, Breach
from proofward.report.audits.sentences import record_sentence, rules_sentence
from proofward.report.comparing.evaluation import evaluate
from proofward.report.figures.scores import loss
from proofward.report.histograms.auc_interval import auc_interval

LEVEL = 0.95
MOST_SHOWN = 16
"""Classes up to which the confusion table is printed."""


@dataclass(frozen=True, repr=False)
class Evaluation:
    """How well a model tells classes apart on some records.

    Attributes:
        rows: How many records there are.
        classes: The names of the classes.
        accuracy: The share of records that were taken for what they are.
        loss: The mean cross-entropy, in nats.
        auc: The area under the ROC curve. Of more than two classes it is the mean over classes, each against
            all others. None where all records are of one class.
        auc_interval: The interval of 95 percent, for two classes.
        auc_by_class: The area by the class's name, of two classes for the second alone.
        intervals_by_class: The interval of 95 percent of each of them.
        confusion: int64 (classes, classes), a row for each class that records have, a column for each that
            they were taken for.
        doubts: What looks wrong with the records.
    """

    rows: int
    classes: tuple[str, ...]
    accuracy: float
    loss: float
    auc: float | None
    auc_interval: tuple[float, float] | None
    auc_by_class: Mapping[str, float]
    intervals_by_class: Mapping[str, tuple[float, float]]
    confusion: NDArray[np.int64]
    doubts: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, scores: NDArray[Any], records: Records, classes: tuple[str, ...], doubts: tuple[str, ...] = ()
    ) -> Evaluation:
        """Of real scores (n,) or (n, classes), see `report.figures.scores`."""
        labels, found = records.labels, evaluate(scores, records.labels)
        numbers = range(1, 2) if len(classes) == 2 else range(len(classes))
        each = zip(numbers, found.by_class, strict=True)
        areas = {number: area for number, area in each if area is not None}
        counts = {number: int((labels == number).sum()) for number in areas}
        intervals = {
            classes[number]: auc_interval(area, counts[number], len(labels) - counts[number], LEVEL)
            for number, area in areas.items()
        }
        return cls(
            rows=len(labels),
            classes=classes,
            accuracy=found.accuracy,
            loss=loss(scores, labels),
            auc=found.auc if areas else None,
            auc_interval=intervals.get(classes[1]) if len(classes) == 2 else None,
            auc_by_class={classes[number]: area for number, area in areas.items()},
            intervals_by_class=intervals,
            confusion=np.array(found.confusion, dtype=np.int64),
            doubts=doubts,
        )

    def __repr__(self) -> str:
        """The figures as lines."""
        lines = [f"{self.rows:,} records: accuracy {self.accuracy:.1%}, loss {self.loss:.3f}"]
        if self.auc is None:
            lines.append("no AUC: all records are of one class")
        elif self.auc_interval is not None:
            low, high = self.auc_interval
            lines.append(f"AUC {self.auc:.3f}, {LEVEL:.0%} interval {low:.3f} to {high:.3f}")
        else:
            lines.append(f"AUC {self.auc:.3f}, the mean of each class against all others:")
            for name, area in self.auc_by_class.items():
                low, high = self.intervals_by_class[name]
                lines.append(f"  {name}: {area:.3f}, {LEVEL:.0%} interval {low:.3f} to {high:.3f}")
        if len(self.classes) <= MOST_SHOWN:
            lines += self._table()
        return "\n".join([*lines, *(f"doubtful: {words}" for words in self.doubts)])

    def _table(self) -> list[str]:
        """The confusion table; what records are stands on the left."""
        cells = [["is \\ taken for", *self.classes]]
        cells += [[name, *map(str, row)] for name, row in zip(self.classes, self.confusion, strict=True)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = []
        for first, *counts in cells:
            padded = [count.rjust(width) for count, width in zip(counts, widths[1:], strict=True)]
            lines.append("  ".join([first.ljust(widths[0]), *padded]))
        return lines


@dataclass(frozen=True, repr=False)
class AuditResult:
    """What replaying a run's folder, with no secret, came to; it prints as the command's one screen.

    Attributes:
        consistent: Whether the record has no flaw.
        rules_kept: Whether everybody kept the rules. None where that cannot be told.
        passed: Both.
        sentences: The two in words.
        breaches: Who is proved to have broken which rule.
        failures: A line for each check that failed.
        checks: How many checks there were.
        text: The command's one screen.
        document: What `proofward audit --json` prints.
    """

    consistent: bool
    rules_kept: bool | None
    sentences: tuple[str, str]
    breaches: tuple[Breach, ...]
    failures: tuple[str, ...]
    checks: int
    text: str
    document: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, summary: AuditSummary, consortium: bytes | None) -> AuditResult:
        """consortium: the digest of the rules that was expected."""
        return cls(
            consistent=summary.consistent,
            rules_kept=summary.rules_kept,
            sentences=(record_sentence(summary), rules_sentence(summary)),
            breaches=summary.breaches,
            failures=tuple(map(describe, summary.failed)),
            checks=len(summary.verdicts),
            text="\n".join(screen(summary, consortium)),
            document=to_document(summary),
        )

    @property
    def passed(self) -> bool:
        """Whether the record is consistent and everybody kept the rules."""
        return self.rules_kept is True

    def __repr__(self) -> str:
        """The one screen."""
        return self.text


@dataclass(frozen=True)
class Round:
    """The model after a round, on the records of the training; round 0 is the first model.

    Attributes:
        number: The number of the round.
        hospitals: Those whose updates were summed.
        loss: The mean cross-entropy, in nats.
        accuracy: The share of records that are taken for what they are.
        auc: The area under the ROC curve. None where all records are of one class.
    """

    number: int
    hospitals: tuple[str, ...]
    loss: float
    accuracy: float
    auc: float | None
