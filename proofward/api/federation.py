"""A federation in Python: hospitals' data in, a proved, audited and exportable model out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from proofward.api.answers import Answers
from proofward.api.counting import CountsTables
from proofward.api.fitted import Fitted
from proofward.api.recipe import Recipe, features_given, label_given
from proofward.api.refusals import RunRefused
from proofward.api.terms import FileTerms, KeywordTerms, OpenedTerms, Terms, settings_of, write_project
from proofward.api.training import Manner, train
from proofward.cli.common.usual import PRESET, ROUNDS
from proofward.optimizers.contract import ServerOptimizer

if TYPE_CHECKING:
    from proofward.models.graph.parts.network import ImportedNetwork


class Federation(Answers, CountsTables):
    """Hospitals that train a model together, each update proved, encrypted, summed and recorded.

    All of them are in this process, and do what the sites of a consortium with the same settings do: the
    rules, the readers and the model are those of `proofward simulate`, to the bit. Nothing is guessed: what
    cannot be done is refused with a `FederationError` that says what, where and why.
    """

    def __init__(
        self,
        *,
        preset: str = PRESET,
        hidden: Sequence[int] | None = None,
        layers: Sequence[str] | None = None,
        learning_rate: float | None = None,
        schedule: Mapping[str, Any] | None = None,
        momentum: float | None = None,
        batch: int | None = None,
        epochs: int | None = None,
        steps: int | None = None,
        clip_bound: float | None = None,
        class_weights: Sequence[int] | None = None,
        aggregation: str | ServerOptimizer | Mapping[str, Any] | None = None,
        rounds: int = ROUNDS,
        validation: float | Mapping[str, Any] | None = None,
        privacy: float | Mapping[str, Any] | None = None,
        first_model: str | os.PathLike[str] | ImportedNetwork | None = None,
        scales: Mapping[str, int] | None = None,
        label: str = "label",
        id: str | None = None,
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
        """Settings have the names, ranges and defaults of consortium.toml.

        Args:
            preset: Gives what is left open of network and training.
            hidden: Widths of the hidden layers.
            layers: A line for each layer, such as `"linear 32"`, instead of `hidden`.
            learning_rate: The rate of a batch's mean gradient, a multiple of `batch / 1024`.
            schedule: How it changes over the rounds, as the file has it, such as `{"kind": "step", ..}`.
            momentum: The momentum of SGD within a round.
            batch: How many records a step has, a power of two.
            epochs: How often a round goes through a hospital's records.
            steps: How many steps a round has, instead of `epochs`.
            clip_bound: The L2 norm that an update may have.
            class_weights: An integer for each class, by which the gradients of its records are multiplied.
            aggregation: The server's optimizer, `"fedavg"`, `"fedavgm"` or `"fedadam"`, or with its numbers.
            rounds: How many rounds there are.
            validation: The share of each hospital's rows that it never trains on, or the table as a mapping.
            privacy: What is promised of each record: epsilon, or the table [privacy] as a mapping, such as
                `{"epsilon": 3.0, "delta": 1e-5, "releases": 20}`. By default nothing: sums are exact.
            first_model: A model to start from, which all have to trust: its file, or what `from_torch` or
                `from_onnx` gave, whose layers then stand for `hidden` and `layers`. By default members draw
                one.
            scales: The bits of the fixed-point numbers.
            label: The column with the label.
            classes: The label's values, by default all in the tables. Of two the second is positive.
            id: The column with the patient's number, by which rows are counted and parted; never learnt from.
            ignore: Columns that may be there and are not used.
            decimal: The decimal mark in the numbers of files.
            features: Centre and spread of every column, by its name. Both have to be public and agreed on,
                since each hospital scales its own values with them. By default `fit` computes them over the
                rows of ALL tables, which nobody holds in a real consortium; `statistics` needs none of it.
            images: Of hospitals with images in place of tables, the values of [images] in consortium.toml,
                such as `{"size": "64x64"}`. Then `classes` names the classes of images, or lists of them.
            verifiers: How many sites besides the hospitals check every proof, or the names of those that do,
                hospitals among them.
            threshold: How many hospitals may collude and still open no update.
            accepting: How many verifiers have to accept a proof.
            minimum: The smallest number of hospitals in a sum.
            abandoning: How many hospitals may give up a round together.
            title: What the federation is called.
            folder: Where the run with ledger and proofs is kept, and beside it, in FOLDER.private, keys and
                records, for nobody else. By default both are temporary and go with this object.
            workers: How many members work at a time. By default the cores and one, as memory allows.
            progress: Whether to print what is going on.
            seed: UNSAFE, to compare runs. All that is random follows from it, keys too: evidence of nothing.

        Raises:
            SettingsRefused: Settings that make no sense, all at once.
        """
        given = {
            "preset": preset, "hidden": hidden, "layers": layers, "learning_rate": learning_rate,
            "schedule": schedule, "momentum": momentum, "batch": batch, "epochs": epochs, "steps": steps,
            "clip_bound": clip_bound, "class_weights": class_weights, "aggregation": aggregation,
            "rounds": rounds, "validation": validation, "scales": scales, "label": label, "id": id,
            "ignore": ignore, "decimal": decimal, "verifiers": verifiers, "threshold": threshold,
            "accepting": accepting, "minimum": minimum, "abandoning": abandoning, "title": title,
            "first_model": first_model, "images": images, "privacy": privacy,
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
        """The federation of a consortium.toml, whose hospitals `fit` then takes.

        Args:
            path: The file.
            folder: Where the run is kept, as above.
            workers: How many members work at a time, as above.
            progress: Whether to print what is going on.
            seed: UNSAFE, for comparing runs only, as above.

        Raises:
            SettingsRefused: A file that is wrong, with all that is wrong in it.
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
        """A run from its folder, or from a kit that has its last model: to predict, evaluate, audit, export.

        The records of the training are in neither: there is no `history`, and `report` needs others.

        Args:
            run: The folder.
            label: The column with the label, in tables that `evaluate` takes.
            decimal: The decimal mark in their numbers.
            progress: Whether to print what is going on.

        Raises:
            RunRefused: A folder without a ledger, or without a model yet.
        """
        made = cls.__new__(cls)
        path = Path(os.fspath(run))
        made._fitted = Fitted.opened(path, label, decimal)
        made._terms = OpenedTerms(made._fitted.outcome.history.rules, made._fitted.schema)
        made._manner = Manner.of(path, None, progress, None)
        return made

    def fit(
        self,
        sites: Mapping[str, Any],
        *,
        data_sheets: Mapping[str, str | os.PathLike[str]] | None = None,
        force: bool = False,
    ) -> Federation:
        """Trains on the tables of all hospitals, by their names; returns itself.

        Args:
            sites: For each hospital a data frame with the label's column, a pair (X, y) of arrays or of a
                frame and a column, or the path of a table's file; of images the path of a folder or an
                archive, or `Images(path, ...)`. There are at least three. A name has lower-case letters,
                digits and hyphens. All have the same columns, in any order.
            data_sheets: What hospitals say of their records, by name: a text, or the path of a text file. It
                is on the ledger, for all to read.
            force: Go on with what can be read but looks wrong, such as a constant column.

        Raises:
            SettingsRefused: Settings with which no round can be proved for these tables.
            TablesRefused: Tables that are not taken in, with all places that are wrong.
            RunRefused: A folder that cannot be used, or a federation that did not come to its end.
        """
        terms = self._terms
        sources = terms.sources(sites)
        project, path = terms.project(sources, self._manner.tell)
        self._fitted = train(project, path, sources, self._manner, force, data_sheets)
        return self

    def to_file(self, path: str | os.PathLike[str]) -> Path:
        """Writes the consortium.toml of this federation, with which the same runs at sites of their own.

        Title, server and sites are then to be edited, and centres and spreads that were computed here to be
        looked at: they say something of the records. Replaces a file that is there. A trusted first model is
        copied beside it.

        Args:
            path: The file.
        """
        project = self._terms.agreed if isinstance(self._terms, FileTerms) else self._done.project
        if project is None:
            raise RunRefused("a run's folder has no consortium.toml: only who has fitted it can write one")
        return write_project(project, self._terms.path, Path(os.fspath(path)))

    @property
    def settings(self) -> dict[str, Any]:
        """What is agreed, by the names that `__init__` has; what tables say is there once it is fitted."""
        project = None if self._fitted is None else self._fitted.project
        return self._terms.settings() if project is None else settings_of(project)

    def __repr__(self) -> str:
        """What it is, and how far."""
        return f"Federation({'not fitted yet' if self._fitted is None else self._fitted.words})"
