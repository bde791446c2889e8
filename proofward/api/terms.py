"""What the hospitals of a federation agree on: by keywords and what their tables have, or by a file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proofward.api.images import image_sources
from proofward.api.recipe import Recipe
from proofward.api.refusals import SettingsRefused, TablesRefused, refusing
from proofward.api.sources import all_columns, computed_classes, computed_features, sources_of
from proofward.cli.kit.records.data_file import DataFile
from proofward.cli.project.consortium_file.project import Project
from proofward.cli.project.consortium_file.reading import opened_project
from proofward.cli.project.consortium_file.writing import project_text
from proofward.cli.project.tables.images import image_settings
from proofward.cli.project.tables.privacy import plain_privacy
from proofward.cli.project.tables.validation import plain_validation
from proofward.data.columns.schema import Feature, Label, Notation, Schema
from proofward.data.image_schema import ImageSchema
from proofward.federation.messages.consortium.rules import HOSPITAL, Rules
from proofward.layers.basics.plain import shown
from proofward.models.settings import MODEL_KEYS, TRAINING_KEYS
from proofward.privacy.words import promise

COMPUTED = (
    "centre and spread of the columns are computed over the rows of all sites, which this process holds; in "
    "a real consortium nobody does, and `proofward consortium statistics` counts them before training"
)
OUTSIDE = (
    "these are exact numbers of the records, outside of what `privacy` promises: give `features` public ones"
)
OPENED = "a run that was opened is not fitted again: make a Federation with its settings"
Tell = Callable[..., None]


class Terms(ABC):
    """Where a project comes from."""

    @property
    @abstractmethod
    def of_images(self) -> bool:
        """Whether hospitals have images."""

    @property
    @abstractmethod
    def path(self) -> Path:
        """Of the file, beside which a trusted first model lies."""

    @property
    @abstractmethod
    def notation(self) -> Notation:
        """How tables are written, without what only they say."""

    @property
    @abstractmethod
    def names(self) -> Sequence[str] | None:
        """Of the features, where they are agreed on before there are tables."""

    @abstractmethod
    def project(self, sources: Mapping[str, DataFile], tell: Tell) -> tuple[Project, Path]:
        """What is agreed, and the file that says so; raises SettingsRefused, TablesRefused."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What is known of it before there are tables."""

    def sources(self, sites: Mapping[str, Any]) -> dict[str, DataFile]:
        """What hospitals have, in any of the forms that are taken; raises TablesRefused."""
        return image_sources(sites) if self.of_images else sources_of(sites, self.notation, self.names)


@dataclass(frozen=True)
class FileTerms(Terms):
    """Those of a consortium.toml."""

    agreed: Project
    file: Path

    @property
    def path(self) -> Path:
        """See Terms."""
        return self.file

    @classmethod
    def of(cls, path: Path) -> FileTerms:
        """Raises SettingsRefused."""
        with refusing(SettingsRefused):
            project = opened_project(path)
        return cls(project, path)

    @property
    def of_images(self) -> bool:
        """See Terms."""
        return self.agreed.images is not None

    @property
    def notation(self) -> Notation:
        """See Terms."""
        return self.agreed.notation

    @property
    def names(self) -> Sequence[str]:
        """See Terms."""
        return [entry.name for entry in self.agreed.features]

    def project(self, sources: Mapping[str, DataFile], tell: Tell) -> tuple[Project, Path]:
        """See Terms; the hospitals have to be the file's."""
        wanted = [site.name for site in self.agreed.sites if HOSPITAL in site.roles]
        if set(wanted) != set(sources):
            what = "images" if self.of_images else "a table"
            words = f"{what} for each of {', '.join(wanted)}, the hospitals of {self.path}"
            raise TablesRefused(f"sites: expected {words}, found {', '.join(sources) or 'none'}")
        return self.agreed, self.path

    def settings(self) -> dict[str, Any]:
        """See Terms."""
        return settings_of(self.agreed)


@dataclass(frozen=True)
class KeywordTerms(Terms):
    """Those of keywords. features, label: None where the tables say them."""

    recipe: Recipe
    features: tuple[Feature, ...] | None
    label: Label | None

    @property
    def of_images(self) -> bool:
        """See Terms."""
        return "images" in self.recipe.given

    @property
    def path(self) -> Path:
        """See Terms."""
        return self.recipe.path

    @property
    def notation(self) -> Notation:
        """See Terms."""
        return self.recipe.notation

    @property
    def names(self) -> Sequence[str] | None:
        """See Terms."""
        return None if self.features is None else [entry.name for entry in self.features]

    def project(self, sources: Mapping[str, DataFile], tell: Tell) -> tuple[Project, Path]:
        """See Terms."""
        if self.of_images:
            return self.recipe.project_of_images(sources), self.recipe.path
        features, label, column = self.features, self.label, self.notation.label.column
        if sources and (features is None or label is None):
            found = all_columns(sources, self.notation)
            label = label or computed_classes(found, column)
            if features is None:
                with refusing(TablesRefused):
                    features = computed_features(found)
                tell(COMPUTED)
                tell(*([OUTSIDE] if "epsilon" in self.recipe.given["privacy"] else []))
        return self.recipe.project(sources, features or (), label or self.notation.label), self.path

    def settings(self) -> dict[str, Any]:
        """See Terms."""
        return dict(self.recipe.given)


@dataclass(frozen=True)
class OpenedTerms(Terms):
    """Those of a run that was opened: its rules, and how tables are read that it is evaluated on."""

    rules: Rules
    schema: Schema | ImageSchema

    @property
    def path(self) -> Path:
        """See Terms; there is none."""
        return Path()

    @property
    def of_images(self) -> bool:
        """See Terms."""
        return isinstance(self.schema, ImageSchema)

    @property
    def notation(self) -> Notation:
        """See Terms."""
        return Notation() if isinstance(self.schema, ImageSchema) else self.schema.notation

    @property
    def names(self) -> Sequence[str]:
        """See Terms."""
        return [entry.name for entry in self.schema.features]

    def project(self, sources: Mapping[str, DataFile], tell: Tell) -> tuple[Project, Path]:
        """Refused: what was opened is not trained again."""
        raise SettingsRefused(OPENED)

    def settings(self) -> dict[str, Any]:
        """What the rules say of them."""
        rules = self.rules
        return {
            "title": rules.federation,
            "rounds": rules.rounds,
            "network": rules.config.model.words,
            "training": rules.config.training_words,
            "privacy": promise(rules.accountant),
            "hospitals": list(rules.hospitals),
            "verifiers": list(rules.verifiers),
            "classes": list(self.schema.classes),
        }


def settings_of(project: Project) -> dict[str, Any]:
    """Of a completed project, by the names that keywords have."""
    whole = project.settings.over(project.usual)
    optimizer = project.optimizer
    numbers = {name: float(shown(getattr(optimizer, name))) for name in optimizer.names()}
    weighting: dict[str, object] = {"weighting": project.weighting.rule}
    if project.weighting.cap:
        weighting["cap"] = project.weighting.cap
    values = {name: getattr(whole, name) for name in (*MODEL_KEYS, *TRAINING_KEYS)}
    if project.privacy is not None:
        del values["clip_bound"]  # the gradient of each record is clipped instead
    policy = ("threshold", "accepting", "minimum", "abandoning")
    return {
        "title": project.title,
        "rounds": project.rounds,
        **{name: _plain(value) for name, value in values.items() if value is not None},
        "aggregation": {"optimizer": optimizer.name, **numbers, **weighting},
        **{name: getattr(project, name) for name in policy},
        "sites": {site.name: list(site.roles) for site in project.sites},
        **({"scales": dict(whole.scales.given)} if whole.scales.given else {}),
        **({"first_model": project.trusted_first_model} if project.trusted_first_model else {}),
        **({} if project.validation is None else {"validation": plain_validation(project.validation)}),
        "privacy": plain_privacy(project.privacy, project.setup.privacy),
        **_settings_of_data(project),
    }  # fmt: skip


def _settings_of_data(project: Project) -> dict[str, Any]:
    images = project.images
    if images is not None:
        sides = [names[0] if len(names) == 1 else list(names) for names in images.sides]
        return {"label": images.column, "classes": sides, "images": image_settings(images)}
    return {
        **({"id": project.notation.id} if project.notation.id else {}),
        "label": project.notation.label.column,
        "ignore": list(project.notation.ignore),
        "decimal": project.notation.decimal,
        "classes": list(project.schema.classes),
        "features": {
            entry.name: (entry.centre, entry.spread) if isinstance(entry, Feature) else entry.to_plain()
            for entry in project.features
        },
    }


def _plain(value: Any) -> Any:
    """A setting as a keyword has it."""
    if hasattr(value, "to_plain"):
        return value.to_plain()
    return list(value) if isinstance(value, tuple) else value


def write_project(project: Project, source: Path, target: Path) -> Path:
    """Writes a completed project's file; a first model that lies beside `source` is copied beside it."""
    chosen, beside = project.first_model_beside(source), project.first_model_beside(target)
    if chosen is not None and beside is not None and chosen.resolve() != beside.resolve():
        beside.write_bytes(chosen.read_bytes())
    target.write_text(project_text(project))
    return target
