"""What a federation answers once it is fitted, or was opened from its folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofward.api.evaluations import FederatedEvaluation
from proofward.api.fitted import Fitted
from proofward.api.images import images_given, predicted_images
from proofward.api.inputs import predicted, probabilities
from proofward.api.refusals import NotFitted, TablesRefused, refusing
from proofward.api.results import AuditResult, Evaluation, Round
from proofward.api.sources import source_of
from proofward.api.terms import Terms
from proofward.api.training import Manner
from proofward.cli.evidence.ledgers.audit_words import privacy_document
from proofward.data.image_schema import ImageSchema
from proofward.data.reading.table_records import Table
from proofward.report.handover.models.exported_model import ExportedModel
from proofward.report.handover.predictions.prediction import Predictions


class Answers:
    """The half of `Federation` that asks nothing of the sites any more."""

    _terms: Terms
    _manner: Manner
    _fitted: Fitted | None

    @property
    def _done(self) -> Fitted:
        if self._fitted is None:
            raise NotFitted("there is no model yet: call fit with the data of each hospital")
        return self._fitted

    @property
    def folder(self) -> Path:
        """The run's folder, with ledger and proofs: all that an auditor needs, and nothing secret."""
        return self._done.place.path

    @property
    def model(self) -> ExportedModel:
        """The last confirmed model: exact integers, with names, scaling and where it comes from."""
        return self._done.model

    @property
    def classes_(self) -> NDArray[Any]:
        """What `predict` answers, in the order of the columns of `predict_proba`."""
        return self._done.classes

    def predict_proba(self, x: Any) -> NDArray[np.float64]:
        """Probabilities (n, classes), in the order of `classes_`.

        Args:
            x: An array, a data frame or the path of a table's file. Columns are found by their names. Where
                hospitals have images, the path of a folder, an image or an archive.
        """
        return probabilities(self._predicted(x))

    def predict(self, x: Any) -> NDArray[Any]:
        """The class of each row, as the labels that `fit` was given.

        Args:
            x: Rows, as `predict_proba` takes them.
        """
        fitted = self._done
        found = self._predicted(x)
        return np.asarray(fitted.classes[fitted.model.model.head.chosen(found.scores)])

    def evaluate(self, x: Any, y: Any = None) -> Evaluation:
        """Accuracy, AUC with its interval, confusion and loss of the model on records of nobody.

        Args:
            x: Rows. A data frame with the label's column and a file need no `y`, and images have none.
            y: The label of each row.
        """
        return self._done.evaluate(self._table(x, y))

    @property
    def evaluations(self) -> list[FederatedEvaluation]:
        """What all hospitals counted together on their validation parts; each says whether it is proved."""
        return [FederatedEvaluation.of(own) for own in self._done.evaluations()]

    @property
    def privacy(self) -> dict[str, Any] | None:
        """(epsilon, delta) as promised of each record and as spent so far; None where sums are exact."""
        return privacy_document(self._done.outcome.history)

    def audit(self) -> AuditResult:
        """Replays the run from its folder alone: is the record consistent, did everybody keep the rules?"""
        return self._done.audit()

    def report(
        self, path: str | os.PathLike[str], x: Any = None, y: Any = None, *, draw: bool = True
    ) -> Path:
        """Writes a page with curves, ROC and confusion into the folder `path`; returns the page's path.

        Args:
            path: A folder, new or with such a page. FILE.html or FILE.pdf: what `proofward report` makes.
            x: Records of nobody, as in `evaluate`. Without them the training's own, which says less.
            y: The label of each of them.
            draw: Whether to draw pictures too, which need matplotlib.
        """
        held_out = None if x is None else self._table(x, y).records
        page, missing = self._done.report(path, held_out, draw)
        if missing and draw:
            self._manner.tell(f"no pictures: {missing}")
        return page

    def export(self, path: str | os.PathLike[str], to: str | None = None, round: str = "last") -> Path:
        """Writes the model with names, scaling and classes; returns the file's path, and replaces one there.

        A file for torch or onnx computes by itself, with real numbers. It is written when its error is within
        its bound. `proofward predict` takes safetensors and json. The model's card lies beside each, as
        Markdown and as HTML.

        Args:
            path: The file.
            to: The format, safetensors, json, torch or onnx. By default what the file's name says:
                .safetensors, .json, .pt2 or .onnx. Or monai, of models of images: a folder that MONAI loads.
            round: Which model, "last" or "best", by the `figure` that `validation` names.
        """
        target, agreement = self._done.export(path, to, round)
        if agreement is not None:
            words = f"largest error of the logits on {agreement.rows} drawn records"
            errors = f"{agreement.observed:.3g}, of at most {agreement.bound:.3g}"
            self._manner.tell(f"{target}: {words}: {errors}")
        return target

    @property
    def history(self) -> list[Round]:
        """The model after each round on the training's records, and whose updates were summed."""
        return self._done.rounds()

    def _table(self, x: Any, y: Any) -> Table:
        """Records to judge on, read as a hospital's are, however few."""
        schema, config = self._done.schema, self._done.outcome.history.rules.config
        if isinstance(schema, ImageSchema):
            if y is not None:
                raise TablesRefused("the classes of images are those of their folders, table or archive")
            source = images_given(x).file
        else:
            source = source_of(x, y, schema.notation, [entry.name for entry in schema.features])
        with refusing(TablesRefused):
            return source.read(schema, config, training=False)

    def _predicted(self, x: Any) -> Predictions:
        model = self._done.model
        if model.description.images is not None:
            return predicted_images(model, x)
        return predicted(model, x, self._terms.notation.decimal)
