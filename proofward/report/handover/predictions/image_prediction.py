"""What a model says of new images, which are made by the consortium's rule.

Their pixels are the features, or what a frozen network makes of them.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from proofward.data.images.contract.admission import Admission
from proofward.data.images.contract.example import Bytes, Unread
from proofward.data.images.contract.refusal import ImagesRefused
from proofward.data.images.inspection import shown
from proofward.data.images.unlabelled import unlabelled
from proofward.layers.rules.model import Int64Array
from proofward.report.handover.models.exported_model import ExportedModel
from proofward.report.handover.predictions.prediction import Predictions, Seen, predictions, scores_of
from proofward.report.handover.predictions.rows_of_images import RowsOfImages

_BATCH = 64


def predict_images(
    model: ExportedModel,
    path: Path,
    *,
    identifying: bool = False,
    burned_in: bool = False,
    seen: Seen | None = None,
    rows: RowsOfImages | None = None,
) -> Predictions:
    """Of every image at a path, by its name there, only a few of which are in memory at a time.

    identifying, burned_in: whether to take DICOM files that name a patient, or say that they have text in the
    pixels. seen: is given the inputs, batch by batch. rows: that go with the images, where the model has
    such. Raises ImagesRefused with every file that cannot be read, and then nothing is predicted;
    FeaturesInvalid without the frozen network that the model names.
    """
    images = model.description.images
    assert images is not None
    reached = images.reached
    admission = Admission(os.urandom(32), identifying=identifying, burned_in=burned_in)
    names: list[str] = []
    scores: list[Int64Array] = []
    waiting: list[tuple[str, Bytes]] = []
    problems: list[str] = []

    def judge() -> None:
        if waiting and not problems:
            inputs = images.inputs(np.stack([pixels for _, pixels in waiting]), model.scales, reached)
            if rows is not None:
                inputs = np.hstack([inputs, rows.of([name for name, _ in waiting])])
            scores.append(scores_of(model, inputs))
            if seen is not None:
                seen(inputs)
        waiting.clear()

    for found in unlabelled(path, images.rule, admission):
        if isinstance(found, Unread):
            problems.append(f"{shown(found.name)}: {found.reason.words}")
            continue
        names.append(found.name)
        if rows is not None and found.name not in rows.rows:
            continue  # said below
        waiting.append((found.name, found.picture.pixels))
        if len(waiting) == _BATCH:
            judge()
    judge()
    if rows is not None and (unmatched := rows.problems(names)):
        words = "images and rows do not fit together: nothing was predicted"
        raise ImagesRefused(words, [*problems, *unmatched])
    if problems:
        count = len(problems)
        words = f"{count} of {count + len(names)} cannot be read: nothing was predicted"
        raise ImagesRefused(words, problems)
    if not names:
        raise ImagesRefused("no images were found: nothing was predicted")
    clipped = {} if reached is None else reached.clipped
    clipped = clipped if rows is None else rows.clipped
    return predictions(model, names, np.concatenate(scores), clipped)
