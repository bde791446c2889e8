"""The evaluations of a federation in Python: what its hospitals counted together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofward.report.histograms.of_run import Evaluation
from proofward.report.histograms.ranking import area_interval, average_precision, roc_area
from proofward.report.histograms.run_words import run_lines
from proofward.report.histograms.words import lines


@dataclass(frozen=True, repr=False)
class FederatedEvaluation:
    """How well the model after a round tells classes apart, on the validation parts of all hospitals.

    The figures are those of sums of histograms; no hospital's own counts were opened. `proved` says whether
    the counts are proved to be those of the model on the validation parts, or signed by the hospitals.

    Attributes:
        after: How many rounds of training the model had seen.
        hospitals: Whose counts are in the sums.
        rows: How many records were counted.
        proved: Whether the counts are proved.
        classes: The names of the classes.
        accuracy: The share of the records that were taken for what they are, None of no records.
        auc: The area under the ROC curve of the sums, by the class's name; of two classes for the second
            alone. Classes without records, or without others, are left out.
        auc_interval: The interval of 95 percent of each area.
        auc_of_all_scores: Between which the area of the records' own scores lies, for each.
        average_precision: Likewise the mean precision of each class.
        brier: The Brier score, None of no records.
        confusion: int64 (classes, classes), a row for each class that records have, a column for each that
            they were taken for.
        text: The same in words, in lines.
        document: All figures, also of subgroups and of hospitals that published their own counts.
        text: The figures in lines, for people.
    """

    after: int
    hospitals: tuple[str, ...]
    rows: int
    proved: bool
    classes: tuple[str, ...]
    accuracy: float | None
    auc: Mapping[str, float]
    auc_interval: Mapping[str, tuple[float, float]]
    auc_of_all_scores: Mapping[str, tuple[float, float]]
    average_precision: Mapping[str, float]
    brier: float | None
    confusion: NDArray[np.int64]
    text: str
    document: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, found: Evaluation) -> FederatedEvaluation:
        """Of an evaluation in the ledger."""
        evaluated, block = found.evaluated, found.evaluated.blocks[0]
        whole = evaluated.whole if evaluated.counted else None
        each = {} if whole is None else {own.name: own.of for own in whole.classes if own.of.tells}
        areas = {name: roc_area(of) for name, of in each.items()}
        return cls(
            after=found.after,
            hospitals=found.hospitals,
            rows=block.rows,
            proved=found.proved,
            classes=evaluated.classes,
            accuracy=None if whole is None else whole.accuracy.value,
            auc={name: area.value for name, area in areas.items()},
            auc_interval={name: area_interval(of) for name, of in each.items()},
            auc_of_all_scores={name: (area.low, area.high) for name, area in areas.items()},
            average_precision={name: average_precision(of).value for name, of in each.items()},
            brier=None if whole is None else whole.brier.value,
            confusion=block.confusion,
            text="\n".join([*run_lines([found]), *([] if whole is None else lines(evaluated))]),
            document=found.to_plain(),
        )

    def __repr__(self) -> str:
        """The figures as lines."""
        return self.text
