"""A federation in Python: hospitals' tables in, a proved, audited and exportable model out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofward.api.fitted import Fitted
from proofward.api.images import images_given, predicted_images
from proofward.api.inputs import predicted, probabilities
from proofward.api.recipe import Recipe, features_given, label_given
from proofward.api.refusals import NotFitted, RunRefused, TablesRefused, refusing
from proofward.api.results import AuditResult, Evaluation, Round
from proofward.api.sources import source_of
from proofward.api.terms import FileTerms, KeywordTerms, OpenedTerms, Terms, settings_of
from proofward.api.training import Manner, train
from proofward.cli.common.usual import PRESET, ROUNDS
from proofward.cli.project.project_text import project_text
from proofward.data.csv_records import Table
from proofward.data.image_schema import ImageSchema
from proofward.optimizers.contract import ServerOptimizer
from proofward.report.handover.exported_model import ExportedModel
from proofward.report.handover.prediction import Predictions


class Federation:
    """Hospitals that train a model together, each update proved, encrypted, summed and recorded.

    All of them are in this process, and do what the sites of a consortium with the same settings do: the
    rules, the readers of tables and the model are those of `proofward simulate`, to the bit. Results are
    refused, with a `FederationError` that says what, where and why, rather than guessed.
    """

    def __init__(
        self,
        *,
        preset: str = PRESET,
        hidden: Sequence[int] | None = None,
        layers: Sequence[str] | None = None,
        learning_rate: float | None = None,
        momentum: float | None = None,
        batch: int | None = None,
        epochs: int | None = None,
        steps: int | None = None,
        clip_bound: float | None = None,
        class_weights: Sequence[int] | None = None,
        aggregation: str | ServerOptimizer | Mapping[str, Any] | None = None,
        rounds: int = ROUNDS,
        scales: Mapping[str, int] | None = None,
        label: str = "label",
        classes: Sequence[Any] | None = None,
        ignore: Sequence[str] = (),
        decimal: str = ".",
        features: Mapping[str, tuple[float, float]] | None = None,
        images: Mapping[str, Any] | None = None,
        verifiers: int | Sequence[str] = 2,
        threshold: int | None = None,
        accepting: int | None = None,
        minimum: int | None = None,
        abandoning: int | None = None,
        title: str = "Federation",
        folder: str | os.PathLike[str] | None = None,
        workers: int | None = None,
        progress: bool = True,
        seed: int | None = None,
    ) -> None:
        """Settings have the names, ranges and defaults of consortium.toml; raises SettingsRefused.

        preset: gives what is left open of network and training. hidden: widths of the hidden layers, or
        layers: a line for each. learning_rate, momentum, batch, clip_bound, class_weights, and epochs or
        steps: of a round at each hospital. aggregation: the server's optimizer by its name, or with its
        numbers. rounds: of the federation. scales: bits of the fixed-point numbers.

        label: the column with the label; classes: its values, by default those that the tables have, in
        ascending order, of two the second being the positive one. ignore: columns that may be there and are
        not used. decimal: the mark in the numbers of files.

        features: centre and spread of every column, by its name. Both have to be public and agreed on, since
        each hospital scales its own values with them. By default `fit` computes them, mean and standard
        deviation, over the rows of ALL tables. Only somebody who holds all tables can do that: in a real
        consortium they come from consortium.toml, and nothing computes them from records.

        images: of hospitals that have images instead of tables, the values of [images] in consortium.toml,
        such as {"size": "64x64"}; classes then names the classes of images, each by itself or a list.

        verifiers: how many sites besides the hospitals check every proof, or the names of those that do,
        hospitals among them. threshold, accepting, minimum, abandoning: of the policy.

        folder: where the run with ledger and proofs is kept; beside it, in FOLDER.private, lie keys and
        records, which are handed to nobody. By default both are in a temporary folder, which is named and
        goes with this object. workers: members that work at a time, by default the cores and
        one, as memory allows. progress: whether to print.
        seed: UNSAFE, to compare runs: all that is random follows from it, keys too, so that the run is
        evidence of nothing.
        """
        given = {
            "preset": preset, "hidden": hidden, "layers": layers, "learning_rate": learning_rate,
            "momentum": momentum, "batch": batch, "epochs": epochs, "steps": steps, "clip_bound": clip_bound,
            "class_weights": class_weights, "aggregation": aggregation, "rounds": rounds, "scales": scales,
            "label": label, "ignore": ignore, "decimal": decimal, "verifiers": verifiers,
            "threshold": threshold, "accepting": accepting, "minimum": minimum, "abandoning": abandoning,
            "title": title, "images": images,
        }  # fmt: skip
        recipe = Recipe(given if images is None else {**given, "classes": classes})
        constants = None if features is None else features_given(features)
        named = None
        if classes is not None and images is None:
            named = label_given(recipe.notation.label.column, classes)
        self._terms: Terms = KeywordTerms(recipe, constants, named)
        self._manner = Manner.of(folder, workers, progress, seed)
        self._fitted: Fitted | None = None

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        *,
        folder: str | os.PathLike[str] | None = None,
        workers: int | None = None,
        progress: bool = True,
        seed: int | None = None,
    ) -> Federation:
        """The federation of a consortium.toml of tables, whose hospitals `fit` then takes; see `__init__`.

        Raises SettingsRefused.
        """
        made = cls.__new__(cls)
        made._terms = FileTerms.of(Path(os.fspath(path)))
        made._manner = Manner.of(folder, workers, progress, seed)
        made._fitted = None
        return made

    @classmethod
    def open(
        cls,
        run: str | os.PathLike[str],
        *,
        label: str = "label",
        decimal: str = ".",
        progress: bool = True,
    ) -> Federation:
        """A run's folder, or a kit that has its last model: to predict, evaluate, audit and export again.

        The records of the training are in neither, so there is no `history`, and `report` needs records of
        nobody. label, decimal: how tables are written that `evaluate` takes. Raises RunRefused.
        """
        made = cls.__new__(cls)
        path = Path(os.fspath(run))
        if not path.is_dir():
            raise RunRefused(f"{path} is no folder")
        made._fitted = Fitted.opened(path, label, decimal)
        made._terms = OpenedTerms(made._fitted.outcome.history.rules, made._fitted.schema)
        made._manner = Manner.of(path, None, progress, None)
        return made

    def fit(self, sites: Mapping[str, Any], *, force: bool = False) -> Federation:
        """Trains on the tables of all hospitals, by their names; returns itself.

        sites: for each hospital a pair (X, y) of arrays or of a data frame and a column, a data frame with
        the label's column, or the path of a CSV file; of images the path of a folder or an archive, or
        `Images(path, ...)`. At least three; a name has lower-case letters, digits and hyphens. All have the
        same columns, in any order. force: go on with what can be read but looks wrong, such as a constant
        column. Raises SettingsRefused, TablesRefused and RunRefused.
        """
        terms = self._terms
        sources = terms.sources(sites)
        project, path = terms.project(sources, self._manner.tell)
        self._fitted = train(project, path, sources, self._manner, force)
        return self

    @property
    def _done(self) -> Fitted:
        if self._fitted is None:
            raise NotFitted("there is no model yet: call fit with a table for each hospital")
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
        """Probabilities (n, classes) of an array, a data frame or the rows of a CSV file, or of images.

        The columns of a frame and a file are found by their names; others are not used.
        """
        return probabilities(self._predicted(x))

    def predict(self, x: Any) -> NDArray[Any]:
        """The class of each row, as the labels that `fit` was given; see `predict_proba`."""
        fitted = self._done
        found = self._predicted(x)
        return np.asarray(fitted.classes[fitted.model.model.head.chosen(found.scores)])

    def _predicted(self, x: Any) -> Predictions:
        model = self._done.model
        if model.description.images is not None:
            return predicted_images(model, x)
        return predicted(model, x, self._terms.notation.decimal)

    def evaluate(self, x: Any, y: Any = None) -> Evaluation:
        """Accuracy, AUC with its interval, confusion and loss of the model on records of nobody.

        They are given as `fit` takes those of a hospital: (x, y), a frame with the label's column, or a file.
        """
        return self._done.evaluate(self._table(x, y))

    def audit(self) -> AuditResult:
        """Replays the run from its folder alone: is the record consistent, did everybody keep the rules?"""
        return self._done.audit()

    def report(
        self, path: str | os.PathLike[str], x: Any = None, y: Any = None, *, draw: bool = True
    ) -> Path:
        """Writes a page with curves, ROC and confusion into the folder `path`; returns the page's path.

        x, y: records of nobody, as in `evaluate`; the figures are of the training's own records without
        them, which says less. draw: pictures too, which need matplotlib.
        """
        held_out = None if x is None else self._table(x, y).records
        page, missing = self._done.report(path, held_out, draw)
        if missing and draw:
            self._manner.tell(f"no pictures: {missing}")
        return page

    def export(self, path: str | os.PathLike[str], to: str | None = None) -> Path:
        """Writes the model with names, scaling and classes; returns the file's path, and replaces one there.

        Beside it lies its card, as Markdown and as HTML. to: safetensors, json, torch or onnx, by default
        what the file's name says: .safetensors, .json, .pt2, .onnx; or monai, a folder that MONAI loads, of
        models of images. `proofward predict` takes the first two. A torch or onnx file computes by itself,
        with real numbers; it is written when its error is within its bound.
        """
        target, agreement = self._done.export(path, to)
        if agreement is not None:
            words = f"largest error of the logits on {agreement.rows} drawn records"
            errors = f"{agreement.observed:.3g}, of at most {agreement.bound:.3g}"
            self._manner.tell(f"{target}: {words}: {errors}")
        return target

    def to_file(self, path: str | os.PathLike[str]) -> Path:
        """Writes the consortium.toml of this federation, with which the same runs at sites of their own.

        Title, server and sites are then to be edited, and centres and spreads that were computed here to be
        looked at: they say something of the records. Replaces a file that is there.
        """
        project = self._terms.agreed if isinstance(self._terms, FileTerms) else self._done.project
        if project is None:
            raise RunRefused("a run's folder has no consortium.toml: only who has fitted it can write one")
        target = Path(os.fspath(path))
        target.write_text(project_text(project))
        return target

    @property
    def settings(self) -> dict[str, Any]:
        """What is agreed, by the names that `__init__` has; what tables say is there once it is fitted."""
        project = None if self._fitted is None else self._fitted.project
        return self._terms.settings() if project is None else settings_of(project)

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

    def __repr__(self) -> str:
        """What it is, and how far."""
        if self._fitted is None:
            return "Federation(not fitted yet)"
        fitted = self._fitted
        words = f"{len(fitted.hospitals)} hospitals, {fitted.model.model.words}"
        return f"Federation({words}, {len(fitted.outcome.history.closed)} rounds, run in {fitted.place.path})"
