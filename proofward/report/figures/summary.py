"""All figures of a federation's models on some records: numbers, their pictures, and pictures of records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proofward.data.image_schema import ImageSchema
from proofward.layers.networks.network import Network
from proofward.layers.rules.model import FixedPoint, Int64Array
from proofward.report.figures.confusion import Table, confusion, draw_confusion
from proofward.report.figures.curves import Curves, curves, draw_curves
from proofward.report.figures.roc import Roc, draw_roc, roc
from proofward.report.figures.rows import Rows
from proofward.report.figures.saliency import examples, saliency
from proofward.report.figures.saliency_picture import draw_saliency, pixels, strength
from proofward.report.figures.scores import by_class, log_probabilities, real_scores, taken

CURVES_NAME, ROC_NAME, CONFUSION_NAME = "curves.png", "roc.png", "confusion.png"
SALIENCY_NAME = "saliency.png"


@dataclass(frozen=True)
class Summary:
    """rocs: by the name of the class. scores: of the last model; see `figures.scores`."""

    rows: Rows
    curves: Curves
    confusion: Table
    rocs: Mapping[str, Roc]
    scores: NDArray[np.float64]

    def to_plain(self) -> dict[str, object]:
        """Counts and means as plain values for JSON, nothing of a single record."""
        return {
            "rows": len(self.rows.records),
            "trained_on": self.rows.trained_on,
            "also_trained_on": self.rows.shared,
            "classes": list(self.rows.description.classes),
            "by_round": self.curves.to_plain(),
            "confusion": [list(row) for row in self.confusion],
            "roc": {name: curve.to_plain() for name, curve in self.rocs.items()},
        }

    def pictures(self) -> dict[str, bytes]:
        """PNG files of the numbers, by name; raises PicturesUnavailable."""
        words, classes = self.rows.words, self.rows.description.classes
        found = {
            CURVES_NAME: draw_curves(self.curves, words),
            CONFUSION_NAME: draw_confusion(self.confusion, classes, words),
        }
        return {**found, ROC_NAME: draw_roc(self.rocs, words)} if self.rocs else found


def summary(model: Network, scales: FixedPoint, models: Sequence[Int64Array], rows: Rows) -> Summary:
    """models: the first one, then the one after each round, flat int64."""
    records, classes = rows.records, rows.description.classes
    scores = [real_scores(model, scales, weights, records) for weights in models]
    last, labels = scores[-1], records.labels
    found = {classes[index]: roc(own, labels == index) for index, own in by_class(last).items()}
    return Summary(
        rows,
        curves(scores, labels),
        confusion(labels, taken(last), log_probabilities(last).shape[1]),
        {name: curve for name, curve in found.items() if curve is not None},
        last,
    )


def pictures_of_records(
    model: Network, scales: FixedPoint, weights: Int64Array, found: Summary
) -> dict[str, bytes]:
    """PNG files that show records, none unless these are pixels; raises PicturesUnavailable."""
    rows = found.rows
    images: ImageSchema | None = rows.description.images
    if images is None or images.frozen is not None:
        return {}
    chosen = examples(found.scores, rows.records.labels)
    places = np.array([example.position for example in chosen], dtype=np.int64)
    shown = rows.records.select(places)
    gradients = saliency(model, scales, weights, shown, found.scores[places])
    drawn = draw_saliency(
        chosen,
        pixels(images, scales, shown.features),
        strength(images, gradients),
        rows.description.classes,
        rows.words,
    )
    return {SALIENCY_NAME: drawn}
