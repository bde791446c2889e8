"""Keywords as the values of a consortium.toml: the same names, ranges, defaults and refusals."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from proofward.api.first_network import first_network
from proofward.api.held import as_text
from proofward.api.refusals import SettingsRefused, refusing
from proofward.cli.common.usual import PRESET
from proofward.cli.project.consortium_file.columns import placeholder_features
from proofward.cli.project.consortium_file.keys import POLICY
from proofward.cli.project.consortium_file.project import Project
from proofward.cli.project.consortium_file.reading import project_of
from proofward.data.columns.schema import Feature, Label, Notation, ascending
from proofward.federation.messages.consortium.rules import HOSPITAL, VERIFIER
from proofward.layers.basics.plain import shown
from proofward.models.presets import PRESET_FILES
from proofward.models.settings import MODEL_KEYS, TRAINING_KEYS
from proofward.optimizers.contract import ServerOptimizer

SERVER = "localhost"
SOME = ("a", "b", "c")
"""Names of hospitals, as long as nobody knows the real ones."""
WORDS = Path("these settings")
"""Stands for the file in what is said of settings that come from no file."""


class Recipe:
    """What is agreed besides hospitals, columns and classes, which the tables say."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        """Raises SettingsRefused with all that is wrong, whatever the tables."""
        self._network = first_network(given)
        if self._network is not None:
            given = {**given, **self._network.settings, "first_model": self._network.path}
        self.given = {name: _plain(value) for name, value in given.items() if value is not None}
        self.given["privacy"] = _privacy(self.given.get("privacy"))
        self.column = self.given.get("label", Label().column)
        known = PRESET_FILES.get(str(self.given.get("preset", PRESET)))
        features = placeholder_features(1 if known is None else known.features)
        with refusing(SettingsRefused):
            label = Label(str(self.column))
        if "images" in self.given:
            project = self.project_of_images(SOME)
            if self._network is not None:
                self._network.check(project.config().model)
            self.notation = Notation(label)
            return
        self.notation = self.project(SOME, features, label).notation

    @property
    def path(self) -> Path:
        """Stands for the file of these settings: beside it lies the first model, where one is named."""
        return self.first_model.parent / WORDS

    @property
    def first_model(self) -> Path:
        """A trusted model's file, no name where there is none; raises SettingsRefused."""
        given = self.given.get("first_model", "")
        if not isinstance(given, str | os.PathLike):
            words = "the path of a model's file, or a network that from_torch or from_onnx gave"
            raise SettingsRefused(f"first_model: expected {words}, found {given!r:.80}")
        return Path(os.fspath(given))

    def project(self, hospitals: Iterable[str], features: Iterable[Feature], label: Label) -> Project:
        """The consortium of hospitals with these columns and classes; raises SettingsRefused."""
        columns = [
            {"name": entry.name, "unit": entry.unit, "centre": entry.centre, "spread": entry.spread}
            for entry in features
        ]
        of_table = {
            **{name: self.given[name] for name in ("decimal",) if name in self.given},
            "ignore": _ignored(self.given.get("ignore", [])),
            "label": {**label.to_plain(), "column": self.column},
            "feature": columns,
        }
        return self._project(hospitals, of_table)

    def project_of_images(self, hospitals: Iterable[str]) -> Project:
        """The consortium of hospitals with images; raises SettingsRefused."""
        given, label = self.given, {"column": self.column}
        classes = given.get("classes")
        if not isinstance(classes, list) or len(classes) < 2:
            words = "a list of two classes of images or more, such as folders' names, the negative one first"
            raise SettingsRefused(f"classes: expected {words}, found {classes!r:.80}")
        sides: dict[str, Any] = {"classes": classes}
        if len(classes) == 2:
            sides = {"negative": classes[0], "positive": classes[1]}
        if not isinstance(given["images"], Mapping):
            words = 'the values of [images] by name, such as {"size": "64x64"}'
            raise SettingsRefused(f"images: expected {words}, found {given['images']!r:.80}")
        return self._project(hospitals, {"images": dict(given["images"]), "label": {**label, **sides}})

    def _project(self, hospitals: Iterable[str], of_data: Mapping[str, Any]) -> Project:
        given = self.given
        plain: dict[str, Any] = {
            **{name: given[name] for name in ("title", "preset", "rounds") if name in given},
            "server": SERVER,
            "trusted_first_model": self.first_model.name,
            **of_data,
            "model": {name: given[name] for name in MODEL_KEYS if name in given},
            "training": {name: given[name] for name in TRAINING_KEYS if name in given},
            "scales": given.get("scales", {}),
            "aggregation": _aggregation(given.get("aggregation", {})),
            "validation": _validation(given.get("validation", {})),
            "privacy": given["privacy"],
            **({"id": {"column": given["id"]}} if "id" in given else {}),
            "policy": {name: given[name] for name in POLICY.names if name in given},
            "site": list(_sites(list(hospitals), given.get("verifiers", 1))),
        }
        project, problems = project_of(plain, Path())
        if project is None:
            raise SettingsRefused("these settings make no federation", [str(entry) for entry in problems])
        return project


def features_given(given: Mapping[str, Any]) -> tuple[Feature, ...]:
    """Features by name with their centre and spread; raises SettingsRefused."""
    if not isinstance(given, Mapping) or not given:
        words = "a mapping from each column's name to its centre and its spread"
        raise SettingsRefused(f"features: expected {words}, found {given!r:.80}")
    found = []
    for name, constants in given.items():
        try:
            centre, spread = map(float, constants)
            found.append(Feature(str(name), centre, spread))
        except (TypeError, ValueError) as error:
            words = "a pair of numbers, its centre and its spread, which is above 0"
            raise SettingsRefused(f"features: expected for {name} {words}: {error}") from None
    return tuple(found)


def label_given(column: str, classes: Sequence[Any]) -> Label:
    """The label with the classes that are named; raises SettingsRefused."""
    if isinstance(classes, str) or not isinstance(classes, Iterable):
        raise SettingsRefused(f"classes: expected a list of what stands for each, found {classes!r:.80}")
    with refusing(SettingsRefused):
        return Label.of(column, [as_text(name) for name in classes])


def _plain(value: Any) -> Any:
    """A value as a TOML file would give it: numpy's numbers as Python's, tuples and arrays as lists."""
    if isinstance(value, str | os.PathLike | Mapping | ServerOptimizer):
        return value
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Iterable):
        return [_plain(entry) for entry in value]
    return value


def _ignored(value: Any) -> Any:
    """Columns to ignore, in the order that the consortium's file has."""
    if isinstance(value, str):
        return [value]
    return list(ascending(value)) if all(isinstance(entry, str) for entry in value) else value


def _aggregation(value: Any) -> Any:
    """The table [aggregation]: of an optimizer's name, of an optimizer, or as it stands."""
    if isinstance(value, ServerOptimizer):
        numbers = {name: float(shown(getattr(value, name))) for name in value.names()}
        return {"optimizer": value.name, **numbers}
    if isinstance(value, str):
        return {"optimizer": value}
    if not isinstance(value, Mapping):
        words = "an optimizer's name, one such as proofward.FedAdam(), or a mapping with its numbers"
        raise SettingsRefused(f"aggregation: expected {words}, found {value!r:.80}")
    return value


def _validation(value: Any) -> Any:
    """The table [validation]: of a share, or as it stands."""
    return value if isinstance(value, Mapping) else {"share": value}


def _privacy(value: Any) -> Any:
    """The table [privacy]: of nothing that there is none, of a number epsilon, or as it stands."""
    if value is None:
        return {"none": True}
    if isinstance(value, Mapping):
        return {name: _plain(own) for name, own in value.items()}
    if isinstance(value, bool) or not isinstance(value, int | float):
        words = 'epsilon, a mapping such as {"epsilon": 3.0, "delta": 1e-5}, or None for exact sums'
        raise SettingsRefused(f"privacy: expected {words}, found {value!r:.80}")
    return {"epsilon": value}


def _sites(hospitals: Sequence[str], verifiers: Any) -> Iterable[dict[str, Any]]:
    """Hospitals, and who verifies: so many sites of their own, or these by name, hospitals among them."""
    if type(verifiers) is int:
        verifiers = [f"{VERIFIER}-{number}" for number in range(1, verifiers + 1)]
    names = verifiers if isinstance(verifiers, list) else [verifiers]
    for name in hospitals:
        yield {"name": name, "roles": [HOSPITAL, VERIFIER] if name in names else [HOSPITAL]}
    for name in names:
        if name not in hospitals:
            yield {"name": name, "roles": [VERIFIER]}
