"""A federation as an estimator of scikit-learn: `fit(X, y)` on one table, whose rows belong to sites.

scikit-learn is imported here and nowhere else of this folder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofward.api.federation import Federation
from proofward.api.held import as_text, is_frame
from proofward.api.inputs import predicted, probabilities
from proofward.api.refusals import TablesRefused
from proofward.api.sources import Columns, computed_features
from proofward.cli.common.usual import PRESET, ROUNDS
from proofward.data.columns.schema import FeaturesInvalid, Label
from proofward.engines.remote.agreement.names import fault_of_name
from proofward.optimizers.contract import ServerOptimizer

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils import column_or_1d
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError("FederatedClassifier needs scikit-learn: pip install 'proofward[sklearn]'") from error

LEAST_SITES = 3


class FederatedClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Trains a federation on one table, whose rows belong to hospitals.

    Centre and spread of the columns are computed over all rows, which only somebody who holds them all can
    do. A pickled estimator predicts, but has no `federation_`.

    Args:
        preset: Gives what is left open of network and training.
        hidden: Widths of the hidden layers.
        layers: A line for each layer, instead of `hidden`.
        learning_rate: The rate of a batch's mean gradient, a multiple of `batch / 1024`.
        momentum: The momentum of SGD within a round.
        batch: How many records a step has, a power of two.
        epochs: How often a round goes through a site's records.
        steps: How many steps a round has, instead of `epochs`.
        clip_bound: The L2 norm that an update may have.
        class_weights: An integer for each class, by which the gradients of its records are multiplied.
        aggregation: The server's optimizer, by its name or with its numbers.
        rounds: How many rounds there are.
        privacy: What is promised of each record: epsilon, or a mapping with it. By default sums are exact.
        verifiers: How many sites besides the hospitals check every proof.
        n_sites: Into how many sites rows are dealt by chance, each class evenly, where `fit` is not told
            whose they are.
        folder: Where the run is kept. By default in a temporary folder, which goes with `federation_`.
        progress: Whether to print what is going on.
        random_state: An integer repeats the fit, division, keys, first model and proofs included, so that the
            run is evidence of nothing. None for a run that is.

    Attributes:
        classes_: The classes, in ascending order.
        federation_: The Federation, with `audit`, `report` and `export`.
        model_: The last confirmed model.
        sites_: The site of each row.
        n_features_in_: How many columns `fit` was given.
        feature_names_in_: Their names, for data frames.
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
        privacy: float | Mapping[str, Any] | None = None,
        verifiers: int = 2,
        n_sites: int = 3,
        folder: str | os.PathLike[str] | None = None,
        progress: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.preset = preset
        self.hidden = hidden
        self.layers = layers
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.batch = batch
        self.epochs = epochs
        self.steps = steps
        self.clip_bound = clip_bound
        self.class_weights = class_weights
        self.aggregation = aggregation
        self.rounds = rounds
        self.privacy = privacy
        self.verifiers = verifiers
        self.n_sites = n_sites
        self.folder = folder
        self.progress = progress
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sites: Any = None) -> FederatedClassifier:
        """Trains on rows X with classes y; returns itself.

        Args:
            X: An array (n, d) or a data frame.
            y: The class of each row.
            sites: For each row the site that it belongs to, or the column of a data frame X that says it,
                which is then no feature.

        Raises:
            FederationError: A ValueError that says what, where and why.
        """
        self.site_column_ = sites if isinstance(sites, str) else None
        if isinstance(sites, str):
            if not is_frame(X) or sites not in list(X.columns):
                raise TablesRefused(f"sites: expected a column of the frame X, or an array, found {sites!r}")
            sites = np.asarray(X[sites])
        X, y = validate_data(self, self._features(X), y, dtype=np.float64)
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise TablesRefused("expected labels of two classes or more, found one class")
        seed = self._seed()
        self.sites_ = self._dealt(numbers, seed) if sites is None else _named(sites, len(y))
        texts = _class_names(self.classes_)
        federation = self._federation(texts, seed, X)
        tables = {name: (X[own], texts[numbers[own]]) for name, own in _rows_of(self.sites_).items()}
        self.federation_ = federation.fit(tables, force=True)
        self.model_ = federation.model
        return self

    def _seed(self) -> int | None:
        """What repeats the fit, None for what is not to be repeated."""
        state = self.random_state
        if state is None:
            return None
        return int(state) if isinstance(state, int | np.integer) else int(state.randint(2**31 - 1))

    def _dealt(self, numbers: NDArray[np.int64], seed: int | None) -> NDArray[Any]:
        """The rows of each class in an order of chance, one after the other to the sites."""
        count = self.n_sites
        if type(count) is not int or count < LEAST_SITES:
            raise TablesRefused(f"n_sites: expected an integer, at least {LEAST_SITES}, found {count!r}")
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(numbers))
        order = order[np.argsort(numbers[order], kind="stable")]
        found = np.empty(len(numbers), dtype=object)
        found[order] = [f"site-{at % count + 1}" for at in range(len(order))]
        return found

    def _federation(self, classes: NDArray[Any], seed: int | None, values: NDArray[np.float64]) -> Federation:
        usual = [f"feature-{number}" for number in range(1, values.shape[1] + 1)]
        names = tuple(map(str, getattr(self, "feature_names_in_", usual)))
        constants = computed_features({"": Columns(names, values, ())})
        return Federation(
            preset=self.preset,
            hidden=self.hidden,
            layers=self.layers,
            learning_rate=self.learning_rate,
            momentum=self.momentum,
            batch=self.batch,
            epochs=self.epochs,
            steps=self.steps,
            clip_bound=self.clip_bound,
            class_weights=self.class_weights,
            aggregation=self.aggregation,
            rounds=self.rounds,
            privacy=self.privacy,
            verifiers=self.verifiers,
            classes=list(classes),
            features={entry.name: (entry.centre, entry.spread) for entry in constants},
            folder=self.folder,
            progress=self.progress,
            seed=seed,
        )

    def _features(self, X: Any) -> Any:
        """Without the column of the sites."""
        column = self.site_column_
        if column is not None and is_frame(X) and column in list(X.columns):
            return X.drop(columns=column)
        return X

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probabilities (n, classes), in the order of `classes_`.

        Args:
            X: An array (n, d) or a data frame.
        """
        return probabilities(self._predicted(X))

    def predict(self, X: Any) -> NDArray[Any]:
        """The class of each row.

        Args:
            X: An array (n, d) or a data frame.
        """
        found = self._predicted(X)
        return np.asarray(self.classes_[self.model_.model.head.chosen(found.scores)])

    def _predicted(self, X: Any) -> Any:
        check_is_fitted(self)
        return predicted(self.model_, validate_data(self, self._features(X), dtype=np.float64, reset=False))

    def __getstate__(self) -> dict[str, Any]:
        """All but the run, whose folder does not go with it."""
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name != "federation_"}


def _class_names(classes: NDArray[Any]) -> NDArray[Any]:
    """A text for each class: what a table would have, else its number."""
    texts = [as_text(value) for value in classes]
    try:
        Label.of(Label().column, texts)
    except FeaturesInvalid:
        texts = [str(number) for number in range(len(classes))]
    return np.array(texts, dtype=object)


def _named(sites: Any, rows: int) -> NDArray[Any]:
    """The names of sites by row, as they are where all can be names, else `site-1` and so on in order."""
    found = np.asarray(sites)
    if found.shape != (rows,):
        raise TablesRefused(f"sites: expected one for each of the {rows} rows, found {found.shape}")
    texts = np.array([str(value) for value in found], dtype=object)
    known = sorted(set(texts))
    if any(fault_of_name(name) for name in known):
        names = {name: f"site-{number}" for number, name in enumerate(known, 1)}
        texts = np.array([names[text] for text in texts], dtype=object)
    return texts


def _rows_of(sites: NDArray[Any]) -> dict[str, NDArray[np.int64]]:
    return {str(name): np.flatnonzero(sites == name) for name in sorted(set(sites))}
